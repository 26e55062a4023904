"""options: what a simulator can be told at its start; the same names on the command line and in start()."""
import argparse

DEFAULTS = {
    "stripe": {"api_key": "sk_test_simulated", "webhook_secret": ["whsec_simulated"]},
    "adyen": {"api_key": "adyen-simulated-key", "webhook_secret": ["44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"]},
}


def parser(**given):
    made = argparse.ArgumentParser(add_help=True, **given)
    made.add_argument("processor", choices=sorted(DEFAULTS))
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=0, help="of the API; 0: a free one")
    made.add_argument("--control-port", type=int, default=0, help="of /_control; 0: a free one")
    made.add_argument("--tls-cert", help="PEM file: the API speaks TLS")
    made.add_argument("--tls-key", help="PEM file")
    made.add_argument("--api-key", help="what calls have to carry")
    add_common(made)
    made.add_argument("--webhook-url", help="where notifications go; without it they wait")
    made.add_argument("--webhook-secret", action="append",
                      help="signs notifications (Adyen: 64 hex digits); twice while secrets rotate: the new one, then the old one")
    made.add_argument("--webhook-user", default="", help="Adyen: basic authentication of notifications")
    made.add_argument("--webhook-password", default="")
    made.add_argument("--merchant-account", default="NovaPayECOM", help="Adyen")
    made.add_argument("--report-user", default="report@Company.NovaPay", help="Adyen: who may download reports")
    made.add_argument("--report-password", default="simulated-report-password")
    made.add_argument("--ledger", help="file the ledger is appended to; without it, it is only in memory")
    return made


def add_common(made):
    """Options that are the same for both processors."""
    made.add_argument("--misbehave", type=float, default=0.0, metavar="RATE", help="share of calls that misbehave, 0 to 1")
    made.add_argument("--webhook-misbehave", type=float, metavar="RATE", help="share of webhooks that do (default: as --misbehave)")
    made.add_argument("--seed", type=int, default=1, help="which ones, and how")
    made.add_argument("--fates-by-amount", action="store_true", help="the last four digits of an amount say what happens (see the table)")
    made.add_argument("--latency-ms", type=float, default=0.0, help="how long every request takes")
    made.add_argument("--strict-money", action="store_true", help="refuse what moves too much money, as the real one does, instead of doing it")
    made.add_argument("--no-multicapture", dest="multicapture", action="store_false", help="Adyen: a partial capture releases the rest")
    made.add_argument("--fixed-ids", action="store_true", help="ids follow from the seed")
    made.add_argument("--settle-every", type=float, metavar="SECONDS", help="pay out what has gathered (default: when /_control/settle asks)")
    made.add_argument("--webhook-connections", type=int, default=16, help="how many deliveries may be under way")


def read(argv, **given):
    made = parser(**given).parse_args(argv)
    for name, value in DEFAULTS[made.processor].items():
        if not getattr(made, name):
            setattr(made, name, value)
    made.webhook_secrets = made.webhook_secret
    return made
