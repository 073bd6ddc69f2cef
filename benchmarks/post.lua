-- Posts one constant body and prints what was seen as one line of JSON on standard error. The
-- arguments are the body, a text or @ and the path of a file (as curl has it), and then paths to
-- ask in turn; without any, the path of the URL is asked.
-- There is no response hook on purpose: it would run Lua for every answer and slow wrk down.
-- Latencies are microseconds, as wrk has them.

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read("*a")
  file:close()
  return content
end

local function ask_in_turn(paths)
  local requests, last = {}, 0
  for i, path in ipairs(paths) do requests[i] = wrk.format(nil, path) end
  request = function()
    last = last % #requests + 1
    return requests[last]
  end
end

function init(args)
  local body = table.remove(args, 1)
  wrk.method = "POST"
  wrk.body = body:sub(1, 1) == "@" and read(body:sub(2)) or body
  wrk.headers["Content-Type"] = "application/octet-stream"
  if #args > 0 then ask_in_turn(args) end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests":%d,"duration_us":%d,' ..
    '"p50_us":%d,"p90_us":%d,"p99_us":%d,"p999_us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
