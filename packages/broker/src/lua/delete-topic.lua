-- Removes a topic and its log, and publishes that on its channel.
-- KEYS  1 topic, 2 its log
-- ARGV  1 live channel, 2 what to publish
-- Gives 1 deleted, 0 there was none
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SPUBLISH', ARGV[1], ARGV[2])
return 1
