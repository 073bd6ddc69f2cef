-- Posts one constant body, a text or @ and the path of a file (as curl has it), and prints what was seen as one line of JSON on standard error.
-- There is no response hook on purpose: it would run Lua for every answer and slow wrk down.
-- Latencies are microseconds, as wrk has them.

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read("*a")
  file:close()
  return content
end

function init(args)
  wrk.method = "POST"
  wrk.body = args[1]:sub(1, 1) == "@" and read(args[1]:sub(2)) or args[1]
  wrk.headers["Content-Type"] = "application/octet-stream"
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests":%d,"duration_us":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
