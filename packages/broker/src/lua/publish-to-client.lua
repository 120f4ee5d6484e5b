-- Appends a message to a client's own log. Its edge is notified as of any change, not by a channel.
-- KEYS  1 client, 2 its log, 3 idempotency key (missing: none),
--       then the stream of the client's events if the message is wanted as such
-- ARGV  1 data, 2 a random number, 3 how long the idempotency key is remembered (ms), 4 messages kept, 5 seconds kept,
--       6 digest of the caller and the data ('' without idempotency key),
--       7 traceparent of the publish, '' if not traced
-- Gives {0} not registered, {1, id, edges to notify} published, {2, id, edges to notify} published before,
--       {3} the key belongs to another caller or message
local client = redis.call('HMGET', KEYS[1], 'r', 'o', 'm', 'e', 'p')
if not client[1] then return { 0 } end
-- Where its own log starts, which is also its incarnation: a client that was registered again has not been sent the
-- message yet.
local start = client[1] .. '-' .. client[2]
local born = start .. ' '
local once = ARGV[6] ~= '' and KEYS[3]
local stream = KEYS[once and 4 or 3]
if once then
  local before = redis.call('GET', once) or ''
  local own = born .. ARGV[6] .. ' '
  if string.sub(before, 1, #own) == own then
    return { 2, string.sub(before, #own + 1), client[4] or '', client[5] or '' }
  end
  if string.sub(before, 1, #born) == born then return { 3 } end
end

-- As in publish.lua.
local prev = client[3] or start
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local dash = string.find(prev, '-', 1, true)
local ms, sequence = tonumber(string.sub(prev, 1, dash - 1)), tonumber(string.sub(prev, dash + 1))
if now > ms then
  ms, sequence = now, ARGV[2]
else
  sequence = sequence + 1 + (now < ms and ARGV[2] or 0)
end
local id = string.format('%.0f-%.0f', ms, sequence)

if ARGV[7] == '' then
  redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[4], id, 'p', prev, 'd', ARGV[1])
else
  redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[4], id, 'p', prev, 'd', ARGV[1], 't', ARGV[7])
end
redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f-0', now - ARGV[5] * 1000))
redis.call('PEXPIRE', KEYS[2], ARGV[5] * 1000)
redis.call('HSET', KEYS[1], 'm', id)
if once then redis.call('SET', once, born .. ARGV[6] .. ' ' .. id, 'PX', ARGV[3]) end
if stream then
  local event = '{"topic":"@me","id":"' .. id .. '","data":' .. ARGV[1] .. '}'
  local client_id = string.match(KEYS[1], '{(.-)}')
  redis.call('XADD', stream, 'MAXLEN', '~', 1000000, '*', 't', 'message.published', 'c', client_id, 'd', event)
end
return { 1, id, client[4] or '', client[5] or '' }
