-- Has connections closed, up to the one that owns the client now. A later claim has a higher generation.
-- KEYS  1 client
-- Gives {0} not registered, {1, 1 if it is owned, edges to notify}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0 } end
local owner = redis.call('HMGET', KEYS[1], 'e', 'c', 'p', 'd')
if owner[2] then redis.call('HSET', KEYS[1], 'x', owner[2]) end
return { 1, owner[1] and not owner[4] and 1 or 0, owner[1] or '', owner[3] or '' }
