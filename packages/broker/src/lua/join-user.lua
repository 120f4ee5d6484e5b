-- Makes a client one of a user, and the user's topic if this is the first.
-- KEYS  1 the user's topic, 2 its log, 3 its clients
-- ARGV  1 client id and incarnation of its registration, 2 size, 3 seconds of the history of a new topic,
--       4 a random number, which makes a new topic another incarnation than any before
-- Gives {1 joined or 0 there already, size, seconds, born, last} of the topic
if redis.call('EXISTS', KEYS[1]) == 0 then
  local time = redis.call('TIME')
  local born = string.format('%.0f-%s', time[1] * 1000 + math.floor(time[2] / 1000), ARGV[4])
  -- As in put-topic.lua.
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'size', ARGV[2], 'seconds', ARGV[3], 'born', born, 'last', born)
end
local joined = redis.call('ZADD', KEYS[3], 0, ARGV[1])
local state = redis.call('HMGET', KEYS[1], 'size', 'seconds', 'born', 'last')
return { joined, unpack(state) }
