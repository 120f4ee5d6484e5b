-- Asks an edge to drain, or to take connections again.
-- KEYS  1 edge
-- ARGV  1 what is asked (1 drain, 0 not)
-- Gives 0 it has no lease, 1 it does not know such requests, 2 it is ending, 3 requested
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local known = redis.call('HMGET', KEYS[1], 'drainAt', 'leaving')
if not known[1] then return 1 end
local now = redis.call('TIME')
-- Later than the request before, whatever the clock does.
local at = math.max(now[1] * 1000 + math.floor(now[2] / 1000), known[1] + 1)
redis.call('HSET', KEYS[1], 'drain', ARGV[1], 'drainAt', string.format('%.0f', at))
if known[2] == 'true' then return 2 end
return 3
