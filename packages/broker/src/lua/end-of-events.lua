-- Where a stream of events ends.
-- KEYS  1 the stream
-- Gives {number of entries, id of the last one that was ever written; '' when there was none}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0, '' } end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local found = {}
for i = 1, #info, 2 do
  found[info[i]] = info[i + 1]
end
return { found['length'], found['last-generated-id'] }
