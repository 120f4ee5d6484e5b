-- Renews an edge's lease, or begins it.
-- KEYS  1 edge
-- ARGV  1 how long it lasts (ms), then pairs of the edge's details
-- Gives 1 it was alive, 0 it had run out or had not begun
local alive = redis.call('EXISTS', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return alive
