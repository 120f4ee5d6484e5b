-- Notes that events were written to streams.
-- KEYS  1 the list of changed streams
-- ARGV  names of partitions
-- Gives now (ms)
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local pairs_of = {}
for i, name in ipairs(ARGV) do
  pairs_of[2 * i - 1], pairs_of[2 * i] = now, name
end
redis.call('ZADD', KEYS[1], unpack(pairs_of))
return now
