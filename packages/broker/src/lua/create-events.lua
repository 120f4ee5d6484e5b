-- Creates a stream of events, empty, if it is not there.
-- KEYS  1 the stream
-- Gives 1 created, 0 it is there
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
-- An entry would count as the last one that ever was.
redis.call('XGROUP', 'CREATE', KEYS[1], 'none', '0', 'MKSTREAM')
redis.call('XGROUP', 'DESTROY', KEYS[1], 'none')
return 1
