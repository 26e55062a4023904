"""adyen_report: the settlement detail report: what has moved since the last batch, as CSV, announced by REPORT_AVAILABLE and served to
the report user. Gross and net are in the payment's own currency; the net of a batch's rows, payout included, is zero in each."""
import csv
import datetime
import io

COLUMNS = ("Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,Modification Reference,"
           "Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,Net Debit (NC),Net Credit (NC),Commission (NC),"
           "Markup (NC),Scheme Fees (NC),Interchange (NC),Payment Method Variant,Modification Merchant Reference,Batch Number,"
           "Reserved4,Reserved5,Reserved6,Reserved7,Reserved8,Reserved9,Reserved10").split(",")
CREDITS = ("Settled", "RefundedReversed", "ChargebackReversed")
CHARGEBACK_FEE, BATCH_FEE = 750, 24


def fee(kind, value):
    if kind == "Settled":
        return min(value, value * 9 // 1000 + 11)
    return CHARGEBACK_FEE if kind == "Chargeback" else 0


class Reports:
    """The half of Adyen that settles."""

    def begin_reports(self):
        self.booked, self.reports, self.batches = [], {}, 0
        self.decimals = {**dict.fromkeys(self.codes["currency_decimals"]["zero"], 0), **dict.fromkeys(self.codes["currency_decimals"]["three"], 3)}

    def book(self, kind, payment, psp, value, step):
        self.booked.append((kind, payment, psp, value, step, self.now()))

    def unbook(self, payment, psp, value, step):
        """A capture that failed is not settled; if it has been, it is taken back."""
        left = [each for each in self.booked if each[0] != "Settled" or each[2] != psp]
        if len(left) == len(self.booked):
            self.book("DepositCorrection", payment, psp, value, step)
        self.booked = left if len(left) < len(self.booked) else self.booked

    def major(self, value, currency):
        digits = self.decimals.get(currency, self.codes["currency_decimals"]["default"])
        return f"{value // 10**digits}.{value % 10**digits:0{digits}d}" if digits else str(value)

    def row(self, currency, kind, net, at, **more):
        made = {"Company Account": "NovaPay", "Merchant Account": self.options.merchant_account, "Type": kind, "Batch Number": self.batches,
                "Creation Date": datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S"), "TimeZone": "UTC",
                "Net Currency": currency, **more}
        made["Net Credit (NC)" if net > 0 else "Net Debit (NC)"] = self.major(abs(net), currency)
        return made

    def rows(self):
        net = {}
        for kind, payment, psp, value, step, at in self.booked:
            currency, taken = payment.currency, fee(kind, value)
            signed = (value if kind in CREDITS else -value) - taken
            net[currency] = net.get(currency, 0) + signed
            more = {"Psp Reference": payment.psp, "Merchant Reference": payment.reference, "Payment Method": payment.brand,
                    "Modification Reference": psp, "Gross Currency": currency, "Exchange Rate": "1",
                    "Payment Method Variant": payment.brand + "credit", "Modification Merchant Reference": self.named(payment, step) if step else ""}
            more["Gross Credit (GC)" if kind in CREDITS else "Gross Debit (GC)"] = self.major(value, currency)
            if taken and payment.brand == "visa":  # a visa is priced by its parts, everything else by a commission
                parts = (taken // 2, taken // 4, taken - taken // 2 - taken // 4)
                for name, part in zip(("Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)"), parts):
                    more[name] = self.major(part, currency)
            elif taken:
                more["Commission (NC)"] = self.major(taken, currency)
            yield self.row(currency, kind, signed, at, **more)
        for currency, left in sorted(net.items()):
            if left > BATCH_FEE:
                left -= BATCH_FEE
                yield self.row(currency, "Fee", -BATCH_FEE, self.now(), **{"Modification Reference": f"Transaction Fees batch {self.batches}"})
            if left:
                yield self.row(currency, "MerchantPayout" if left > 0 else "BalanceTransfer", -left, self.now(),
                               **{"Modification Reference": self.psp()})
            if left > 0:
                self.effect("payout", "paid_out", None, left, currency, f"batch {self.batches}")

    def settle(self):
        """Closes a batch. Its report's file name, or nothing if nothing has moved."""
        if not self.booked:
            return []
        self.batches += 1
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows())
        self.booked = []
        name = f"settlement_detail_report_batch_{self.batches}.csv"
        self.reports[name] = text.getvalue().encode()
        url = f"{self.server.url}/reports/download/MerchantAccount/{self.options.merchant_account}/{name}"
        self.happened(self.event("REPORT_AVAILABLE", name, None, "payout", (0, "EUR"), True, url))
        return [name]

    def download(self, exchange):
        parts = exchange.path.split("/")
        allowed = exchange.headers.get(b"authorization") == self.report_credentials or exchange.headers.get(b"x-api-key") == self.api_key
        if not allowed:
            return exchange.reply(401, b"Unauthorized", (("WWW-Authenticate", 'Basic realm="Adyen"'),), b"text/plain")
        known = parts[1:5] == ["reports", "download", "MerchantAccount", self.options.merchant_account] and len(parts) == 6
        report = self.reports.get(parts[5]) if known and exchange.method == "GET" else None
        if report is None:
            return exchange.reply(404, b"Not found", (), b"text/plain")
        exchange.reply(200, report, (), b"text/csv")
