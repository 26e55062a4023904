"""Fixtures: a simulator of each kind for each test file, whose tests keep to payments of their own; others start one with options."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from callers import AdyenCaller, Receiver, StripeCaller  # noqa: E402
from simulators import start  # noqa: E402

CALLERS = {"stripe": StripeCaller, "adyen": AdyenCaller}


@pytest.fixture(scope="module")
def simulators():
    with start("stripe") as stripe, start("adyen") as adyen:
        yield {"stripe": stripe, "adyen": adyen}
        assert stripe.stats()["bugs"] == adyen.stats()["bugs"] == 0


@pytest.fixture
def caller(simulators, request):
    """Of the processor that the test names: parametrized indirectly, or `both`."""
    made = CALLERS[request.param](simulators[request.param])
    yield made
    made.close()
    made.simulator.control("fates", clear=True)


@pytest.fixture
def stripe(simulators):
    made = StripeCaller(simulators["stripe"])
    yield made
    made.close()
    made.simulator.control("fates", clear=True)


@pytest.fixture
def adyen(simulators):
    made = AdyenCaller(simulators["adyen"])
    yield made
    made.close()
    made.simulator.control("fates", clear=True)


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def own(receiver):
    """own("stripe", **options): a simulator of the test's own that sends its webhooks to `receiver`."""
    running = []

    def begin(processor, **options):
        simulator = start(processor, webhook_url=receiver.url, **options)
        made = CALLERS[processor](simulator)
        running.append(made)
        return made

    yield begin
    for made in running:
        made.close()
        made.simulator.stop()
