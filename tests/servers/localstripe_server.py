#!/usr/bin/env python3
"""localstripe_server: localstripe, a stateful Stripe by somebody else, on a free loopback port. Prints its URL and serves until ended.

By itself it listens on every address and keeps its state in a file under /tmp that it would load again; here it does neither. It is older
than some of what we send and refuses names it does not know: TOO_NEW are taken off before it looks. What remains it executes: amounts,
the payment's state, refunds, our metadata on payments and refunds.
"""
import re
import socket

from aiohttp import web
from localstripe import resources, server

TOO_NEW = (
    (re.compile(r"/v1/payment_intents"),
     ("automatic_payment_methods", "error_on_requires_action", "return_url", "description", "statement_descriptor_suffix")),
    (re.compile(r"/v1/payment_intents/[^/]+/capture"), ("final_capture", "metadata")),
)
read = server.get_post_data


async def get_post_data(request, remove_auth=True):
    data = await read(request, remove_auth)
    for path, names in TOO_NEW:
        if data and path.fullmatch(request.path):
            data = {name: value for name, value in data.items() if name not in names}
    return data


def main():
    server.get_post_data = get_post_data
    resources.Store.dump_to_disk = lambda _: None
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    web.run_app(server.app, sock=listening, print=None, access_log=None)


if __name__ == "__main__":
    main()
