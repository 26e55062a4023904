"""serve: one simulator as a process: `python -m simulators.serve stripe --misbehave 0.25 --seed 7`.

Its first line on standard output is JSON: url, control_url, api_key, webhook_secrets and so on. Ends with its standard input, SIGINT or
SIGTERM, so that none outlives the test that started it.
"""
import asyncio
import gc
import json
import signal
import ssl
import sys

import uvloop

from . import options as of
from .adyen import Adyen
from .control import Control
from .stripe import Stripe
from .wire import HttpServer


async def main(options, announce):
    tls = None
    if options.tls_cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.tls_cert, options.tls_key)
    engine = (Stripe if options.processor == "stripe" else Adyen)(options)
    server = engine.server = HttpServer(engine.handle, options.host, options.port, tls)
    control = HttpServer(Control(engine).handle, options.host, options.control_port)
    await server.listen()
    await control.listen()
    said = {"processor": options.processor, "url": server.url, "control_url": control.url, "api_key": options.api_key,
            "webhook_secrets": options.webhook_secrets}
    if options.processor == "adyen":
        said.update(base_url=server.url + "/v71", merchant_account=options.merchant_account, report_user=options.report_user,
                    report_password=options.report_password, webhook_user=options.webhook_user, webhook_password=options.webhook_password)
    else:
        said["base_url"] = server.url
    announce(said)
    if options.settle_every:
        settle_each(engine, options.settle_every)
    # Nothing here makes cycles by the million; a full collection over all that is kept would stop the clock for seconds.
    gc.freeze()
    gc.disable()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        engine.loop.add_signal_handler(number, ended.set)
    if not options.detached:
        engine.loop.add_reader(sys.stdin, lambda: sys.stdin.buffer.read1(4096) or ended.set())
    await ended.wait()
    engine.ledger.write()


def settle_each(engine, seconds):
    engine.settle()
    engine.ledger.write()
    engine.loop.call_later(seconds, settle_each, engine, seconds)


def run(argv):
    detached = "--detached" in argv
    options = of.read([each for each in argv if each != "--detached"], prog="simulators.serve")
    options.detached = detached
    uvloop.install()
    asyncio.run(main(options, lambda said: print(json.dumps(said), flush=True)))


if __name__ == "__main__":
    run(sys.argv[1:])
