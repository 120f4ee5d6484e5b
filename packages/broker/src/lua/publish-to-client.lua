-- Appends a message to a client's own log. Its edge is told by the letter box, not by a channel.
-- KEYS  1 client, 2 its log, 3 idempotency key (may be missing)
-- ARGV  1 data, 2 how long the idempotency key is remembered (ms), 3 messages kept, 4 seconds kept
-- Gives {0} not registered, {1, id, owner edge or ''} published, {2, id, owner edge or ''} published before
local client = redis.call('HMGET', KEYS[1], 'r', 'm', 'e')
if not client[1] then return { 0 } end
-- Remembered with the time of registration: a client that was registered again has not been sent the message yet.
local born = client[1] .. '-0 '
if KEYS[3] then
  local before = redis.call('GET', KEYS[3]) or ''
  if string.sub(before, 1, #born) == born then return { 2, string.sub(before, #born + 1), client[3] or '' } end
end

local prev = client[2] or (client[1] .. '-0')
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

redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[3], id, 'p', prev, 'd', ARGV[1])
redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f-0', now - ARGV[4] * 1000))
redis.call('PEXPIRE', KEYS[2], ARGV[4] * 1000)
redis.call('HSET', KEYS[1], 'm', id)
if KEYS[3] then redis.call('SET', KEYS[3], born .. id, 'PX', ARGV[2]) end
return { 1, id, client[3] or '' }
