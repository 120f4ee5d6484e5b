-- Ends that a client is one of a user; with the last one the user's topic goes, which is published on its channel.
-- KEYS  1 the user's topic, 2 its log, 3 its clients
-- ARGV  1 client id and incarnation of its registration, 2 live channel, 3 what to publish
-- Gives how many clients the user still has
redis.call('ZREM', KEYS[3], ARGV[1])
local clients = redis.call('ZCARD', KEYS[3])
if clients == 0 and redis.call('DEL', KEYS[1]) == 1 then
  redis.call('DEL', KEYS[2])
  redis.call('SPUBLISH', ARGV[2], ARGV[3])
end
return clients
