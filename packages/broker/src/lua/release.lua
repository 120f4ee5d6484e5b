-- Ends a connection's ownership, unless a newer connection owns the client by now.
-- KEYS  1 client, 2 the stream of its events (missing: none is wanted)
-- ARGV  1 edge, 2 generation ('0' for whichever the edge has), 3 now (ms), 4 with a stream: how the connection ended
-- Gives 1 released, 0 not the owner
local owner = redis.call('HMGET', KEYS[1], 'e', 'c', 'p', 'd')
if owner[1] and (owner[2] == ARGV[2] or (ARGV[2] == '0' and owner[1] == ARGV[1])) then
  redis.call('HDEL', KEYS[1], 'e', 'd')
  redis.call('HSET', KEYS[1], 's', ARGV[3])
  -- Of one that was marked as gone it was written then.
  if KEYS[2] and not owner[4] then
    local connection = connection_in_event(client_in_event(KEYS[1]), owner[1], owner[2])
    write_disconnected(KEYS[2], KEYS[1], connection, ARGV[4])
  end
  return 1
end
if owner[3] == ARGV[1] then redis.call('HDEL', KEYS[1], 'p') end
return 0
