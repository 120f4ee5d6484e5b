-- Appends a message to a topic's log and says it on the live channel.
-- KEYS  1 topic, 2 its log, 3 its live channel, 4 idempotency key (may be missing)
-- ARGV  1 data, 2 how long the idempotency key is remembered (ms)
-- Gives {0} no such topic, {1, id} published, {2, id} was published before under that key
local topic = redis.call('HMGET', KEYS[1], 'size', 'seconds', 'last', 'born')
local prev = topic[3]
if not prev then return { 0 } end
-- Remembered with the topic's birth: one that was deleted and created again has not heard the message yet.
local born = topic[4] .. ' '
if KEYS[4] then
  local before = redis.call('GET', KEYS[4]) or ''
  if string.sub(before, 1, #born) == born then return { 2, string.sub(before, #born + 1) } end
end

-- The id is the time, and always after the last one: the clock may have jumped back, or the log may have expired.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local dash = string.find(prev, '-', 1, true)
local last = tonumber(string.sub(prev, 1, dash - 1))
local id
if now > last then
  id = string.format('%.0f-0', now)
else
  id = string.format('%.0f-%.0f', last, string.sub(prev, dash + 1) + 1)
end

redis.call('XADD', KEYS[2], 'MAXLEN', '=', topic[1], id, 'p', prev, 'd', ARGV[1])
redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f-0', now - topic[2] * 1000))
redis.call('PEXPIRE', KEYS[2], topic[2] * 1000)
redis.call('HSET', KEYS[1], 'last', id)
if KEYS[4] then redis.call('SET', KEYS[4], born .. id, 'PX', ARGV[2]) end
redis.call('SPUBLISH', KEYS[3], prev .. ' ' .. id .. ' ' .. ARGV[1])
return { 1, id }
