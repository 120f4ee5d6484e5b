-- Removes a topic and its log, and publishes that on its channel. One that has expired is removed with the subscriptions
-- that it had.
-- KEYS  1 topic, 2 its log
-- ARGV  1 live channel, 2 what to publish
-- Gives 1 deleted, 0 there was none, or it had expired
local gone = redis.call('HGET', KEYS[1], 'gone')
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SPUBLISH', ARGV[1], ARGV[2])
return gone and 0 or 1
