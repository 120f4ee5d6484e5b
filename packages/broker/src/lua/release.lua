-- Ends a connection's ownership, unless a newer connection owns the client by now.
-- KEYS  1 client
-- ARGV  1 edge, 2 generation ('0' for whichever the edge has), 3 now (ms)
-- Gives 1 released, 0 not the owner
local owner = redis.call('HMGET', KEYS[1], 'e', 'c', 'p')
if owner[1] and (owner[2] == ARGV[2] or (ARGV[2] == '0' and owner[1] == ARGV[1])) then
  redis.call('HDEL', KEYS[1], 'e', 'd')
  redis.call('HSET', KEYS[1], 's', ARGV[3])
  return 1
end
if owner[3] == ARGV[1] then redis.call('HDEL', KEYS[1], 'p') end
return 0
