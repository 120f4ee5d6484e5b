-- Appends messages to a topic's log and publishes them on the live channel, in the order given.
-- KEYS  1 topic, 2 its log, then the idempotency keys of the messages that have one,
--       then the stream of the topic's events if the messages are wanted as such
-- ARGV  1 live channel: no key, as one that never exists would have every call refused while the slot moves,
--       2 a random number, 3 how long an idempotency key is remembered (ms), 4 traceparent of the publish, '' if not traced,
--       then triples: data, which of the idempotency keys (0 for none), digest of the caller and the data,
--       and with a stream one more
-- Gives {0} no such topic, or it has expired; or {1} and for each message two items: 1 and its id: published;
--       2 and an id: was published before under that key; 3 and '': that key belongs to another caller or message
local topic = redis.call('HMGET', KEYS[1], 'size', 'seconds', 'last', 'born', 'gone')
local last = topic[3]
if not last or topic[5] then return { 0 } end
-- Remembered with the topic's incarnation: one that was deleted and created again has not published the message yet.
local born = topic[4] .. ' '
-- An id is the time, and always after the last one: the clock may have jumped back, or the log may have expired. The
-- sequence begins, and with a clock behind goes on, by a random step: a Redis that has lost its last writes does not
-- issue their ids again for other messages, whatever its clock.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local dash = string.find(last, '-', 1, true)
local ms, sequence = tonumber(string.sub(last, 1, dash - 1)), tonumber(string.sub(last, dash + 1))
local step = now < ms and ARGV[2] + 1 or 1
local stream = (#ARGV - 4) % 3 == 1 and KEYS[#KEYS]

-- Gives 1 for a key that was not used; 2 and the id, or 3, for one that was.
local function before(once, digest)
  local known = once and redis.call('GET', once) or ''
  if string.sub(known, 1, #born) ~= born then return 1 end
  local own = born .. digest .. ' '
  if string.sub(known, 1, #own) ~= own then return 3, '' end
  return 2, string.sub(known, #own + 1)
end

local function publish(data)
  if now > ms then
    ms, sequence = now, tonumber(ARGV[2])
  else
    sequence = sequence + step
  end
  local prev = last
  last = string.format('%.0f-%.0f', ms, sequence)
  if ARGV[4] == '' then
    redis.call('XADD', KEYS[2], 'MAXLEN', '=', topic[1], last, 'p', prev, 'd', data)
    redis.call('SPUBLISH', ARGV[1], prev .. ' ' .. last .. ' ' .. data)
  else
    redis.call('XADD', KEYS[2], 'MAXLEN', '=', topic[1], last, 'p', prev, 'd', data, 't', ARGV[4])
    redis.call('SPUBLISH', ARGV[1], 'traced ' .. ARGV[4] .. ' ' .. prev .. ' ' .. last .. ' ' .. data)
  end
  if stream then
    local event = '{"topic":"' .. string.match(KEYS[1], '{(.-)}') .. '","id":"' .. last .. '","data":' .. data .. '}'
    redis.call('XADD', stream, 'MAXLEN', '~', 1000000, '*', 't', 'message.published', 'd', event)
  end
end

local answer = { 1 }
for i = 5, #ARGV - 2, 3 do
  local number = tonumber(ARGV[i + 1])
  local once = number > 0 and KEYS[2 + number]
  local kind, id = before(once, ARGV[i + 2])
  answer[#answer + 1] = kind
  if kind == 1 then
    publish(ARGV[i])
    if once then redis.call('SET', once, born .. ARGV[i + 2] .. ' ' .. last, 'PX', ARGV[3]) end
  end
  answer[#answer + 1] = id or last
end
if last == topic[3] then return answer end

redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f-0', now - topic[2] * 1000))
redis.call('PEXPIRE', KEYS[2], topic[2] * 1000)
redis.call('HSET', KEYS[1], 'last', last)
return answer
