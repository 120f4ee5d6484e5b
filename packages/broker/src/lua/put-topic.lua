-- Creates a topic, or changes the settings that are given of one that is there. One that has expired is created with its
-- incarnation and its last position, so that the subscriptions that it had hold again.
-- KEYS  1 topic, 2 its log
-- ARGV  1 size, 2 seconds ('' each for not given), 3 size, 4 seconds of a new topic for which they are not given,
--       5 a random number, which makes a new topic another incarnation than any before of its name,
--       6 the API key that makes it ('' for none),
--       7 seconds after which it expires ('' for not given, '-' for never),
--       8 presence as JSON ('' for not given, '-' for none), 9 live channel,
--       10 what to publish when 7 or 8 changed something of a topic that was there, or had expired,
--       11 '1' to leave a topic that is there as it is
-- Gives {1 created or 0 there already, size, seconds, born, last, expire, presence, false}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local created = 0
local before = redis.call('HMGET', KEYS[1], 'last', 'gone', 'expire', 'presence')
if not before[1] or before[2] then
  created = 1
  -- A log that outlived its topic (evicted, for example) belongs to a past that cannot be continued.
  redis.call('DEL', KEYS[2])
  if before[2] then
    redis.call('HDEL', KEYS[1], 'gone', 'k')
    redis.call('PERSIST', KEYS[1])
  else
    local born = string.format('%.0f-%s', now, ARGV[5])
    redis.call('HSET', KEYS[1], 'born', born, 'last', born)
  end
  redis.call('HSET', KEYS[1], 'size', ARGV[3], 'seconds', ARGV[4])
  if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'k', ARGV[6]) end
end
local leave = created == 0 and ARGV[11] == '1'
if ARGV[1] ~= '' and not leave then
  redis.call('HSET', KEYS[1], 'size', ARGV[1])
  redis.call('XTRIM', KEYS[2], 'MAXLEN', '=', ARGV[1])
end
if ARGV[2] ~= '' and not leave then
  redis.call('HSET', KEYS[1], 'seconds', ARGV[2])
  redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f-0', now - ARGV[2] * 1000))
  redis.call('PEXPIRE', KEYS[2], ARGV[2] * 1000)
end
local expire, presence = leave and '' or ARGV[7], leave and '' or ARGV[8]
if expire == '-' then
  redis.call('HDEL', KEYS[1], 'expire', 'used')
elseif expire ~= '' then
  redis.call('HSET', KEYS[1], 'expire', expire, 'used', string.format('%.0f', now))
end
if presence == '-' then
  redis.call('HDEL', KEYS[1], 'presence')
elseif presence ~= '' then
  redis.call('HSET', KEYS[1], 'presence', presence)
end
local state = redis.call('HMGET', KEYS[1], 'size', 'seconds', 'born', 'last', 'expire', 'presence')
if before[1] and (before[3] ~= state[5] or before[4] ~= state[6]) then
  redis.call('SPUBLISH', ARGV[9], ARGV[10])
end
return { created, state[1], state[2], state[3], state[4], state[5], state[6], false }
