-- Removes a client with its own log, if it is still of the registration that was read, and leaves a tombstone.
-- With a time it does so only if the client was not used since.
-- KEYS  1 client, 2 its log, 3 the tombstone, 4 the stream of its events (missing: none is wanted)
-- ARGV  1 incarnation of the registration, 2 how long the tombstone is kept (ms), 3 unused since (ms, '' for any client),
--       4 with a stream: which of its events are wanted
-- Gives {0} not registered (or anew, by another registration), or in use, {1, edges to notify, '' for none}
local client = redis.call('HMGET', KEYS[1], 'o', 'e', 's', 'r', 'd', 'p', 'c')
if client[1] ~= ARGV[1] then return { 0 } end
local in_use = client[2] and not client[5]
if ARGV[3] ~= '' and (in_use or (client[3] or client[4]) ~= ARGV[3]) then return { 0 } end
local stream = KEYS[4]
local event = stream and client_in_event(KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SET', KEYS[3], '', 'PX', ARGV[2])
if stream and in_use and string.find(ARGV[4], 'client.disconnected', 1, true) then
  write_disconnected(stream, KEYS[1], connection_in_event(event, client[2], client[7]), 'unregistered')
end
if stream and string.find(ARGV[4], 'client.unregistered', 1, true) then
  write_client_event(stream, 'client.unregistered', KEYS[1], event)
end
return { 1, client[2] or '', client[6] or '' }
