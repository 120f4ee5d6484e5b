-- Creates a topic, or changes the settings that are given of one that is there.
-- KEYS  1 topic, 2 its log
-- ARGV  1 size, 2 seconds ('' each for not given), 3 size, 4 seconds of a new topic for which they are not given,
--       5 a random number, which makes a new topic another incarnation than any before of its name,
--       6 the API key that makes it ('' for none)
-- Gives {1 created or 0 there already, size, seconds, born, last}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local created = 0
if redis.call('EXISTS', KEYS[1]) == 0 then
  created = 1
  local born = string.format('%.0f-%s', now, ARGV[5])
  -- A log that outlived its topic (evicted, for example) belongs to a past that cannot be continued.
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'size', ARGV[3], 'seconds', ARGV[4], 'born', born, 'last', born)
  if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'k', ARGV[6]) end
end
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], 'size', ARGV[1])
  redis.call('XTRIM', KEYS[2], 'MAXLEN', '=', ARGV[1])
end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'seconds', ARGV[2])
  redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f-0', now - ARGV[2] * 1000))
  redis.call('PEXPIRE', KEYS[2], ARGV[2] * 1000)
end
local state = redis.call('HMGET', KEYS[1], 'size', 'seconds', 'born', 'last')
return { created, unpack(state) }
