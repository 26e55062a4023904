#!/usr/bin/env python3
"""bench: what one simulator does on one core: calls a second with validation and ledger, webhooks a second with signatures.

Each payment is authorized, captured and refunded in part, over 32 connections of wrk; then the webhooks that this has caused are
delivered to a sink. The simulator's CPU time per call counts, not the clock: client and sink have the other core.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from simulators import FOLDER, PYTHON, start

# A thread of wrk answers each created payment with its capture and refund. %s: headers, path, how ids are found.
SCRIPT = """
local queue, n, me = {}, 0, 0
function setup(thread) thread:set("me", math.random(1, 1000000000)) end
%(requests)s
function request()
  local next = table.remove(queue, 1)
  if next then return next end
  n = n + 1
  return create("pay_bench" .. me .. "_" .. n)
end
function response(status, headers, body)
  %(follow)s
end
"""
STRIPE = {"requests": """
local function post(path, key, body)
  return wrk.format("POST", path, {["Authorization"]="Bearer sk_test_simulated", ["Content-Type"]="application/x-www-form-urlencoded",
    ["Stripe-Version"]="2026-10-28.endive", ["Idempotency-Key"]=key}, body)
end
function create(id)
  return post("/v1/payment_intents", id .. ":authorize", "amount=1099&currency=eur&payment_method=pm_card_visa&confirm=true"
    .. "&capture_method=manual&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never"
    .. "&metadata[novapay_payment]=" .. id .. "&metadata[novapay_operation]=authorize:1&expand[0]=latest_charge")
end
function capture(pi)
  table.insert(queue, post("/v1/payment_intents/" .. pi .. "/capture", pi .. ":capture:1", "amount_to_capture=1099"))
end
function refund(pi)
  table.insert(queue, post("/v1/refunds", pi .. ":refund:1", "payment_intent=" .. pi .. "&amount=99&metadata[novapay_operation]=refund:1"))
end""", "follow": """
  local pi = status == 200 and string.match(body, '"id":"(pi_[^"]+)"')
  if pi and string.find(body, '"status":"requires_capture"', 1, true) then capture(pi)
  elseif pi and string.find(body, '"status":"succeeded","transfer', 1, true) then refund(pi) end"""}
ADYEN = {"requests": """
local function post(path, key, body)
  return wrk.format("POST", "/v71" .. path, {["X-API-Key"]="adyen-simulated-key", ["Content-Type"]="application/json",
    ["Idempotency-Key"]=key}, body)
end
local tail = '"merchantAccount":"NovaPayECOM"}'
function create(id)
  return post("/payments", id .. ":authorize", '{"reference":"' .. id .. ':authorize:1","amount":{"value":1099,"currency":"EUR"},"paymentMethod":'
    .. '{"type":"scheme","storedPaymentMethodId":"fate_ok"},"shopperReference":"c1c","returnUrl":"https://novapay.test/return/1",'
    .. '"additionalData":{"manualCapture":"true"},"metadata":{"novapay_payment":"' .. id .. '"},' .. tail)
end
function modify(psp, path, step)
  table.insert(queue, post("/payments/" .. psp .. path, psp .. step, '{"amount":{"value":1099,"currency":"EUR"},"reference":"' .. psp .. step
    .. '",' .. tail))
end""", "follow": """
  if status == 200 then modify(string.match(body, '"pspReference":"([^"]+)"'), "/captures", ":capture:1")
  elseif status == 201 and string.find(body, ":capture:1", 1, true) then
    modify(string.match(body, '"paymentPspReference":"([^"]+)"'), "/refunds", ":refund:1")
  end"""}


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    return int(next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def measure(processor, seconds):
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(SCRIPT % (STRIPE if processor == "stripe" else ADYEN))
        with start(processor, ledger=f"{folder}/ledger.jsonl") as simulator:
            pid = simulator.process.pid
            before, began = cpu_s(pid), time.monotonic()
            done = subprocess.run(["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", script, simulator.url], capture_output=True, text=True, check=True)
            used, wall = cpu_s(pid) - before, time.monotonic() - began
            stats = simulator.stats()
            calls = stats["counts"]["calls"]
            print(f"{processor}: {calls} calls in {wall:.1f} s, {calls / used:.0f} calls per CPU second ({used / calls * 1e6:.0f} µs), "
                  f"{stats['counts'].get('rejected', 0)} rejected, {peak_mib(pid):.0f} MiB")
            if "Non-2xx" in done.stdout:
                print(done.stdout)
            sink = subprocess.Popen([PYTHON, "-m", "simulators.sink"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            url = sink.stdout.readline().strip()
            before, began, waiting = cpu_s(pid), time.monotonic(), stats["webhooks"]["pending"]
            simulator.webhooks(url=url + "/webhooks")
            simulator.await_quiet(300)
            used, wall = cpu_s(pid) - before, time.monotonic() - began
            took = int(urllib.request.urlopen(url + "/count").read())
            print(f"{processor}: {took} webhooks in {wall:.1f} s, {took / used:.0f} per CPU second ({used / took * 1e6:.0f} µs); {waiting} waited")
            sink.stdin.close()
            sink.wait(10)


def main(argv):
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("processors", nargs="*", default=["stripe", "adyen"])
    options.add_argument("--seconds", type=int, default=10)
    given = options.parse_args(argv)
    for processor in given.processors:
        measure(processor, given.seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
