-- Subscribes a client to the topic of its user again.
-- KEYS  1 client
-- ARGV  1 incarnation of its registration, 2 the user's topic, 3 start of the subscription
-- Gives {0} it is not registered by that registration any more, {1, edges to notify}
local client = redis.call('HMGET', KEYS[1], 'o', 'e', 'p')
if client[1] ~= ARGV[1] then return { 0 } end
redis.call('HSET', KEYS[1], '+' .. ARGV[2], ARGV[3])
return { 1, client[2] or '', client[3] or '' }
