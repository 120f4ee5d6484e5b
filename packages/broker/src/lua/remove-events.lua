-- Removes a stream of events that is not written to any more.
-- KEYS  1 the stream
-- ARGV  1 since when not (ms)
-- Gives 1 removed, or not there, 0 it was written to since
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  local written = info[i] == 'last-generated-id' and tonumber(string.match(info[i + 1], '^%d+'))
  if written and written > now - ARGV[1] then return 0 end
end
redis.call('DEL', KEYS[1])
return 1
