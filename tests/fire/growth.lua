-- growth: payments.lua with what makes stored payments hard to find a place for: keys, references and metadata without any order.
-- Run in tests/perf, with the same arguments.
dofile("payments.lua")

local begin = init
function init(args)
  begin(args)
  body_head = '{"amount":1099,"currency":"eur","capture_method":"manual","payment_method":{"type":"card","token":"tok_visa"},'
end

local letters = "abcdefghjkmnpqrstvwxyz"
local function word()
  local made = {}
  for n = 1, 16 do
    local at = math.random(#letters)
    made[n] = letters:sub(at, at)
  end
  return table.concat(made)
end

local capture = request
function request()
  if waiting > 0 then return capture() end
  local name = word()
  local body = body_head .. '"reference":"r-' .. name .. '","metadata":{"channel":"web","order":"o-' .. name .. '"}}'
  return "POST /v1/payments HTTP/1.1\r\n" .. common .. name .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end
