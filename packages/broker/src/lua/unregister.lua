-- Removes a client with its own log.
-- KEYS  1 client, 2 its log
-- Gives {0} not registered, {1, owner edge or ''}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0 } end
local edge = redis.call('HGET', KEYS[1], 'e')
redis.call('DEL', KEYS[1], KEYS[2])
return { 1, edge or '' }
