"""sink: takes webhooks and answers as a merchant of Stripe's or Adyen's does: for measurements, and for tests as a process of its own.

`python -m simulators.sink [--status 200]` prints its URL; GET /count says how many came.
"""
import asyncio
import sys

import uvloop

from .wire import HttpServer


async def main():
    took = [0]

    def handle(exchange):
        if exchange.method == "GET":
            return exchange.reply(200, str(took[0]).encode(), (), b"text/plain")
        took[0] += 1
        exchange.reply(200, b"[accepted]", (), b"text/plain")

    server = HttpServer(handle)
    await server.listen()
    print(server.url, flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: sys.stdin.buffer.read1(64) or ended.set())
    await ended.wait()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
