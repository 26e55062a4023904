"""stripe_lists: reading: expansion, pages, windows of time. What is listed is in the order of its creation, and so are its ids."""
import bisect

import orjson

from .stripe_errors import refusal

LIST_MAX, LIST_DEFAULT = 100, 10


class Lists:
    """The half of Stripe that is read."""

    def shown(self, thing, expand):
        if not expand:
            return thing.body()
        fields = thing.fields()
        for path in expand:
            self.expand(fields, path.split("."), path)
        return orjson.dumps(fields)

    def expand(self, fields, path, said):
        if path[0] not in fields:
            raise refusal(400, f"This property cannot be expanded ({said}).", None, "expand")
        value = fields[path[0]]
        if isinstance(value, str):
            if value not in self.objects:
                return
            value = fields[path[0]] = self.objects[value].fields()
        if len(path) > 1 and value is not None:
            self.expand(value, path[1:], said)

    def retrieve(self, params, thing):
        return self.shown(thing, params.get("expand"))

    def page_of(self, things, params, url, keep=None):
        """A list's answer; `things` are in the order of their creation, and so are their ids."""
        limit = params.get("limit", LIST_DEFAULT)
        if not 1 <= limit <= LIST_MAX:
            raise refusal(400, f"Invalid integer: limit has to be from 1 to {LIST_MAX}.", "parameter_invalid_integer", "limit")
        low, high = self.window(things, params.get("created"))
        backwards = "ending_before" in params
        if backwards:
            low = max(low, self.place(things, params["ending_before"], "ending_before") + 1)
        if "starting_after" in params:
            high = min(high, self.place(things, params["starting_after"], "starting_after"))
        found = []
        for index in range(low, high) if backwards else range(high - 1, low - 1, -1):
            if keep is None or keep(things[index]):
                found.append(things[index])
                if len(found) > limit:
                    break
        more = len(found) > limit
        found = found[:limit]
        if backwards:
            found.reverse()
        expand = [path.removeprefix("data.") for path in params.get("expand", ())]
        data = b",".join(self.shown(thing, expand) for thing in found)
        return b'{"object":"list","data":[%s],"has_more":%s,"url":"%s"}' % (data, b"true" if more else b"false", url.encode())

    @staticmethod
    def window(things, created):
        """The range of places in it: `created` is a time, or bounds of one."""
        if created is None:
            return 0, len(things)
        if isinstance(created, int):
            created = {"gte": created, "lte": created}
        low, high = 0, len(things)
        for name, value in created.items():
            find = bisect.bisect_left if name in ("gte", "lt") else bisect.bisect_right
            at = find(things, value, key=lambda thing: thing.created)
            if name in ("gte", "gt"):
                low = max(low, at)
            else:
                high = min(high, at)
        return low, high

    @staticmethod
    def place(things, wanted, param):
        index = bisect.bisect_left(things, wanted, key=lambda thing: thing.id)
        if index == len(things) or things[index].id != wanted:
            raise refusal(400, f"No such object: '{wanted}'", "resource_missing", param)
        return index

    # ---- one for each resource -------------------------------------------------------------------------------------------

    def list_intents(self, params, _):
        customer = params.get("customer")
        return self.page_of(self.intents, params, "/v1/payment_intents", customer and (lambda intent: intent.customer == customer))

    def list_charges(self, params, _):
        things = self.intent_named(params["payment_intent"]).charges if "payment_intent" in params else self.charges
        return self.page_of(things, params, "/v1/charges")

    def list_refunds(self, params, _):
        things = self.refunds
        if "payment_intent" in params:
            things = [refund for charge in self.intent_named(params["payment_intent"]).charges for refund in charge.refunds]
        elif "charge" in params:
            things = self.known(params["charge"], "charges").refunds
        return self.page_of(things, params, "/v1/refunds")

    def list_disputes(self, params, _):
        charge, intent = params.get("charge"), params.get("payment_intent")
        return self.page_of(self.disputes, params, "/v1/disputes",
                            lambda each: charge in (None, each.charge.id) and intent in (None, each.charge.intent.id))

    def list_payouts(self, params, _):
        status = params.get("status")
        return self.page_of(self.payouts, params, "/v1/payouts", status and (lambda each: each.status == status))

    def list_transactions(self, params, _):
        things, wanted = self.transactions, {name: params[name] for name in ("source", "type", "currency") if name in params}
        if "payout" in params:
            things = self.known(params["payout"], "payouts").transactions
        return self.page_of(things, params, "/v1/balance_transactions",
                            (lambda each: all(getattr(each, name) == value for name, value in wanted.items())) if wanted else None)

    def balance(self, params, _):
        """Everything that is not paid out yet is pending."""
        sums = {}
        for each in self.unpaid:
            sums[each.currency] = sums.get(each.currency, 0) + each.amount - each.fee
        pending = [{"amount": amount, "currency": currency, "source_types": {"card": amount}} for currency, amount in sorted(sums.items())]
        nothing = [{**each, "amount": 0, "source_types": {"card": 0}} for each in pending]
        return orjson.dumps({"object": "balance", "available": nothing, "livemode": False, "pending": pending})

    def intent_named(self, wanted):
        return self.known(wanted, "payment_intents")

    def list_events(self, params, _):
        kinds = set(params.get("types", ())) | ({params["type"]} if "type" in params else set())
        wanted = params.get("delivery_success")
        return self.page_of(self.events, params, "/v1/events",
                            lambda event: (not kinds or event.type in kinds) and (wanted is None or event.delivered == wanted))

    def retrieve_event(self, params, wanted):
        index = bisect.bisect_left(self.events, wanted, key=lambda event: event.id)
        if index == len(self.events) or self.events[index].id != wanted:
            raise refusal(404, f"No such event: '{wanted}'", "resource_missing", "id")
        return self.events[index].body()
