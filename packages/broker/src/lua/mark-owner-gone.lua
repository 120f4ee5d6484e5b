-- Marks an owner as gone, because its edge's lease ran out. The edge is still notified of changes: should it only have
-- been late, it claims the client again.
-- KEYS  1 client, 2 the stream of its events (missing: none is wanted)
-- ARGV  1 generation of the owner, 2 now (ms)
-- Gives 1 marked, 0 another owner by now, or none
local owner = redis.call('HMGET', KEYS[1], 'e', 'c', 'd')
if not owner[1] or owner[2] ~= ARGV[1] or owner[3] then return 0 end
redis.call('HSET', KEYS[1], 'd', '1', 's', ARGV[2])
if KEYS[2] then
  local connection = connection_in_event(client_in_event(KEYS[1]), owner[1], owner[2])
  write_disconnected(KEYS[2], KEYS[1], connection, 'edge-died')
end
return 1
