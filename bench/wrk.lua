-- wrk … -s bench/wrk.lua URL -- ETAG PATH…: requests the paths in turn and prints one line of JSON.
-- ETAG is sent as If-None-Match; "-" for none. Times are in ms.

local requests, at = {}, 0

function init(args)
  local headers = {}
  if args[1] ~= "-" then headers["If-None-Match"] = args[1] end
  for i = 2, #args do requests[#requests + 1] = wrk.format("GET", args[i], headers) end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"rate": %f, "p50": %f, "p99": %f, "failed": %d}\n',
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
