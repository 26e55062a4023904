"""For schemathesis: what the contract says in words and JSON Schema cannot say, so that what is made up keeps to it."""
import schemathesis


def whole(value):
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole(inner) for inner in value]
    return value


@schemathesis.hook
def map_body(context, body):
    """Integers are written as integers: JSON Schema calls 1099.0 one, too."""
    return whole(body)


@schemathesis.hook
def filter_case(context, case):
    """idempotency_key stands alone, and there is one filter on metadata at a time."""
    names = list(case.query or ())
    metadata = [name for name in names if name.startswith("metadata")]
    return len(metadata) <= 1 and ("idempotency_key" not in names or len(names) == 1)
