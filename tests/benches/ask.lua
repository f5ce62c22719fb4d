-- One request for each line of the file that ASK names, over and over, from a place of each connection's own.
-- A line is a path, or the body of a POST to /graphql.
local lines = {}
for line in io.lines(os.getenv("ASK")) do
    lines[#lines + 1] = line
end
local headers = { ["Content-Type"] = "application/json", ["Accept"] = "application/json" }
local requests = {}

function init()
    for place, line in ipairs(lines) do
        if line:sub(1, 1) == "/" then
            requests[place] = wrk.format("GET", line)
        else
            requests[place] = wrk.format("POST", "/graphql", headers, line)
        end
    end
end

local place = 0
function request()
    place = place % #requests + 1
    return requests[place]
end

function done(summary, latency)
    local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
    io.write(string.format(
        "RESULT %d %d %d %d %d %d\n",
        summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99), summary.bytes
    ))
end
