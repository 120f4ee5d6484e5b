-- Renews an edge's lease, or begins it.
-- KEYS  1 edge
-- ARGV  1 how long it lasts (ms), 2 when the drain request was made that the edge knows (ms; 0 never), 3 what it asks (1 drain, 0 not), then pairs of the edge's details
-- Gives {1 it was alive | 0 it had run out or had not begun, what the newest drain request asks, when it was made, Redis' time (s), and (µs)}
local alive = redis.call('EXISTS', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
local at = redis.call('HGET', KEYS[1], 'drainAt')
-- A Redis that has lost its last writes gets the request back from the edge.
if not at or tonumber(at) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'drainAt', ARGV[2], 'drain', ARGV[3])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
local request = redis.call('HMGET', KEYS[1], 'drain', 'drainAt')
local now = redis.call('TIME')
return {alive, request[1], request[2], now[1], now[2]}
