-- Where a stream of events ends, and what it takes.
-- KEYS  1 the stream
-- ARGV  1 pieces of the stream that are looked at for its size
-- Gives {number of entries; -1 when there is no stream, id of the last one that was ever written; '' when there was none,
--       bytes of memory, about; 0 when it is empty, or the user may not ask: then events are bounded by their number alone}
if redis.call('EXISTS', KEYS[1]) == 0 then return { -1, '', 0 } end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local found = {}
for i = 1, #info, 2 do
  found[info[i]] = info[i + 1]
end
local last = found['last-generated-id']
local bytes = found['length'] == 0 and 0 or redis.pcall('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', ARGV[1])
return { found['length'], last == '0-0' and '' or last, tonumber(bytes) or 0 }
