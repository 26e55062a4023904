-- payments: the load of a full payment, two calls each: create and authorize (manual), then capture.
--
-- wrk -t T -c C -d Ns -s payments.lua URL -- KEY RUN [MEAN_PAUSE_MS]
-- KEY is the API key; RUN makes the idempotency keys of this run unique; MEAN_PAUSE_MS puts exponentially distributed pauses
-- between a connection's requests, which turns the closed loop into a rate. What it found out is printed as JSON at the end.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  local key, run = args[1], args[2]
  pause = tonumber(args[3] or "0")
  math.randomseed(os.time() * 64 + number)
  prefix = "run" .. run .. "t" .. number .. "n"  -- letters between, so that no run of digits passes for a card number
  sent, payments, refused, wrong = 0, 0, 0, 0
  first_wrong = ""
  authorized, waiting = {}, 0          -- ids to be captured
  own = {}                             -- histogram of the server's own time: [tenths of a millisecond] = answers
  body = '{"amount":1099,"currency":"eur","capture_method":"manual",' ..
         '"payment_method":{"type":"card","token":"tok_visa"},"reference":"bench"}'
  common = "Host: bench\r\nAuthorization: Bearer " .. key .. "\r\nContent-Type: application/json\r\nIdempotency-Key: "
  create_head = "POST /v1/payments HTTP/1.1\r\n" .. common .. prefix
  create_tail = "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function delay()
  if pause == 0 then return 0 end
  return math.floor(-pause * math.log(1 - math.random()) + 0.5)
end

function request()
  sent = sent + 1
  if waiting > 0 then
    local id = authorized[waiting]
    waiting = waiting - 1
    return "POST /v1/payments/" .. id .. "/capture HTTP/1.1\r\n" .. common .. prefix .. sent ..
           "\r\nContent-Length: 2\r\n\r\n{}"
  end
  return create_head .. sent .. create_tail
end

function response(status, headers, answer)
  local state = string.match(answer, '"status":"(%a+)"', 1)
  if (status == 201 or status == 200) and state == "authorized" then
    waiting = waiting + 1
    authorized[waiting] = string.match(answer, '"id":"(pay_%w+)"')
  elseif status == 200 and state == "captured" then
    payments = payments + 1
  elseif status == 503 then
    refused = refused + 1
  else
    wrong = wrong + 1
    if first_wrong == "" then first_wrong = status .. " " .. string.sub(answer, 1, 200) end
  end
  local timing = headers["Server-Timing"] or headers["server-timing"]
  local tenths = timing and tonumber(string.match(timing, "novapay;dur=([%d.]+)"))
  if tenths then
    tenths = math.floor(tenths * 10)
    own[tenths] = (own[tenths] or 0) + 1
  end
end

local function decimal(value) return string.format("%.3f", value) end
local function quoted(text) return '"' .. text:gsub("%c", " "):gsub('[\\"]', "\\%0") .. '"' end

function done(summary, latency)
  local total = {payments = 0, refused = 0, wrong = 0}
  local times, first = {}, ""
  for _, thread in ipairs(threads) do
    for name in pairs(total) do total[name] = total[name] + thread:get(name) end
    if first == "" then first = thread:get("first_wrong") end
    for tenths, count in pairs(thread:get("own") or {}) do times[tenths] = (times[tenths] or 0) + count end
  end
  local histogram = {}
  for tenths, count in pairs(times) do table.insert(histogram, string.format("[%d,%d]", tenths, count)) end
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format(
    'RESULT {"seconds":%s,"requests":%d,"payments":%d,"refused":%d,"wrong":%d,"first_wrong":%s,"socket_errors":%d,' ..
    '"p50_ms":%s,"p99_ms":%s,"own_tenths":[%s]}',
    decimal(summary.duration / 1e6), summary.requests, total.payments, total.refused, total.wrong, quoted(first), errors,
    decimal(latency:percentile(50) / 1e3), decimal(latency:percentile(99) / 1e3), table.concat(histogram, ",")))
end
