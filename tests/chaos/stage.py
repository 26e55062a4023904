"""stage: both simulated processors and a node that is wired to them, as a merchant's operator would: keys in the environment, the rest in
the node's file. Everything ends with the stage.
"""
import secrets
from pathlib import Path

import places  # noqa: F401
from server import Server
from simulators import start

CALL_TIMEOUT_MS = 4000
KINDS = {"stripe": "stripe", "adyen": "adyen"}      # name: kind
ONE = """\
  {name}:
    kind: {kind}
    base_url: {base_url}
    api_key: {{env: CHAOS_{NAME}_KEY}}
    webhook_secrets: [{{env: CHAOS_{NAME}_SECRET}}]
    call_timeout_ms: {timeout}
"""
OWN = {"stripe": """\
    multicapture: true
""", "adyen": """\
    merchant_account: {account}
    report_user: {report_user}
    report_password: {{env: CHAOS_{NAME}_REPORT_PASSWORD}}
"""}
ROUTING = """\
routing:
  default: [{names}]
  rules:
    - name: in halves
      split: [{{to: {first}, percent: 50}}, {{to: {second}, percent: 50}}]
"""


class Stage:
    """`simulated`: options of both simulators, those of tests/processors/run.py with underscores. A context manager."""

    def __init__(self, folder, store="postgres", arguments=(), call_timeout_ms=CALL_TIMEOUT_MS, own_keys=True, kinds=None, **simulated):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        assert not any(self.folder.glob("*.jsonl")), f"{self.folder} holds another run's ledgers and history, which this one would be judged by"
        self.kinds = dict(kinds or KINDS)
        self.simulators = {}
        self.secrets = {}           # of this run alone
        try:
            for name, kind in self.kinds.items():
                keys = made_secrets(kind) if own_keys else {}
                self.secrets |= {f"{name} {what}": value for what, value in keys.items()}
                self.simulators[name] = start(kind, ledger=str(self.ledger_path(name)), **keys, **simulated)
        except BaseException:
            self.end_simulators()
            raise
        config = self.folder / "node.yaml"
        config.write_text(self.node(call_timeout_ms))
        self.server = Server(store, self.folder / "node", config=config, arguments=list(arguments))
        self.server.environment = self.environment()

    def node(self, call_timeout_ms):
        made = "processors:\n"
        for name, simulator in self.simulators.items():
            values = {"name": name, "NAME": name.upper(), "kind": self.kinds[name], "timeout": call_timeout_ms, "base_url": simulator.base_url,
                      "account": getattr(simulator, "merchant_account", ""), "report_user": getattr(simulator, "report_user", "")}
            made += (ONE + OWN[self.kinds[name]]).format(**values)
        first, second = self.simulators
        return made + ROUTING.format(names=", ".join(self.simulators), first=first, second=second)

    def environment(self):
        made = {}
        for name, simulator in self.simulators.items():
            made |= {f"CHAOS_{name.upper()}_KEY": simulator.api_key, f"CHAOS_{name.upper()}_SECRET": simulator.webhook_secret}
            if self.kinds[name] == "adyen":
                made[f"CHAOS_{name.upper()}_REPORT_PASSWORD"] = simulator.report_password
        return made

    def ledger_path(self, name):
        return self.folder / f"{name}.jsonl"

    def start(self):
        """The node is ready and hears of its processors' news."""
        self.server.start()
        host, port = self.server.address
        for name, simulator in self.simulators.items():
            simulator.webhooks(url=f"http://{host}:{port}/webhooks/{name}")
        return self

    def kill(self):
        self.server.kill()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        try:
            self.server.stop()
        finally:
            self.end_simulators()

    def end_simulators(self):
        for simulator in self.simulators.values():
            simulator.stop()
        self.simulators = {}


def made_secrets(kind):
    """Of this run alone: whoever finds one of them somewhere has found a leak."""
    def canary():
        return secrets.token_hex(24)
    if kind == "stripe":
        return {"api_key": f"sk_test_{canary()}", "webhook_secret": f"whsec_{canary()}"}
    return {"api_key": f"AQE{canary()}", "webhook_secret": secrets.token_hex(32).upper(), "report_password": f"report-{canary()}"}


def add_kinds(options):
    options.add_argument("--kinds", nargs=2, choices=sorted(OWN), default=list(KINDS.values()), help="what the two processors are (default: stripe adyen)")


def kinds_of(given):
    """{name: kind}: each by its kind, the second of a kind by that and a 2."""
    first, second = given.kinds
    return {first: first, second if second != first else f"{second}2": second}
