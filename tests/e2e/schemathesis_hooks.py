"""For schemathesis: JSON Schema calls 1099.0 an integer. NovaPay takes integers written as integers alone, as its contract
says in words; so what is made up is written that way."""
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
    return whole(body)
