-- Where a stream of events ends.
-- KEYS  1 the stream
-- Gives {number of entries; -1 when there is no stream, id of the last one that was ever written; '' when there was none}
if redis.call('EXISTS', KEYS[1]) == 0 then return { -1, '' } end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local found = {}
for i = 1, #info, 2 do
  found[info[i]] = info[i + 1]
end
local last = found['last-generated-id']
return { found['length'], last == '0-0' and '' or last }
