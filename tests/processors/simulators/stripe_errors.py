"""stripe_errors: Stripe's error envelope, as an answer and as an exception."""
import orjson

from .engine import Answer


def error(status, message, kind="invalid_request_error", code=None, param=None, **more):
    said = {"type": kind, "message": message, **{name: value for name, value in more.items() if value is not None}}
    if code:
        said["code"] = code
        said["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    if param:
        said["param"] = param
    return Answer(status, orjson.dumps({"error": said}))


class Refused(Exception):
    """An answer that is an error, and what happened all the same."""

    def __init__(self, answer, events=()):
        super().__init__(answer.status)
        self.answer, self.events = answer, events


def refusal(status, message, code=None, param=None, kind="invalid_request_error", events=(), **more):
    return Refused(error(status, message, kind, code, param, **more), events)
