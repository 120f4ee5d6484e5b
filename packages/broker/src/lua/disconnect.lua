-- Marks the client's present connection as unwanted; the next claim clears the mark.
-- KEYS  1 client
-- Gives {0} not registered, {1, owner edge or ''}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0 } end
local owner = redis.call('HMGET', KEYS[1], 'e', 'c')
if not owner[1] then return { 1, '' } end
redis.call('HSET', KEYS[1], 'x', owner[2])
return { 1, owner[1] }
