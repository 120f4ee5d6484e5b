-- Removes a topic and its log, and tells the edges.
-- KEYS  1 topic, 2 its log, 3 its live channel
-- ARGV  1 what to say on the channel
-- Gives 1 deleted, 0 there was none
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SPUBLISH', KEYS[3], ARGV[1])
return 1
