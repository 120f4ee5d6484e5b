-- Notes that a topic that expires was in use until now.
-- KEYS  1 topic
-- Gives 1 noted, 0 it does not expire, or there is none
if redis.call('HEXISTS', KEYS[1], 'expire') == 0 then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'used', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
return 1
