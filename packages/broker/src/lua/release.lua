-- Gives a client up, unless another connection owns it by now.
-- KEYS  1 client
-- ARGV  1 edge, 2 connection, 3 now (ms)
-- Gives 1 released, 0 not the owner
local owner = redis.call('HMGET', KEYS[1], 'e', 'c')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], 'e', 'c', 'x')
redis.call('HSET', KEYS[1], 's', ARGV[3])
return 1
