-- Makes a topic dormant when for so long as it says nothing was published and no edge had it. A dormant one has no log, and
-- keeps its incarnation and its last position for when it comes back.
-- KEYS  1 topic, 2 its log
-- ARGV  1 live channel, 2 a word that edges ignore: Redis says how many got it, 3 how long a dormant topic is kept (ms),
--       4 how soon it is looked at again at the earliest (ms)
-- Gives {0} it does not expire, or there is none; {1, its expire, ms until it is to be looked at again};
--       {2, the API key that made it or ''} dormant, by this call or an earlier one
local topic = redis.call('HMGET', KEYS[1], 'expire', 'used', 'last', 'gone', 'k')
if topic[4] then return { 2, topic[5] or '' } end
if not topic[1] then return { 0 } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expire = topic[1] * 1000
if redis.call('SPUBLISH', ARGV[1], ARGV[2]) > 0 then
  redis.call('HSET', KEYS[1], 'used', string.format('%.0f', now))
  return { 1, topic[1], math.max(expire / 4, tonumber(ARGV[4])) }
end
local used = math.max(tonumber(topic[2] or 0), tonumber(string.match(topic[3], '^%d+')))
local left = used + expire - now
if left > 0 then return { 1, topic[1], math.max(left, tonumber(ARGV[4])) } end
redis.call('DEL', KEYS[2])
redis.call('HDEL', KEYS[1], 'expire', 'used', 'presence')
redis.call('HSET', KEYS[1], 'gone', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 2, topic[5] or '' }
