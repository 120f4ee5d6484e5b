-- Removes a client with its own log, if it is still of the registration that was read, and leaves a tombstone.
-- With a time it does so only if the client was not used since.
-- KEYS  1 client, 2 its log, 3 the tombstone
-- ARGV  1 incarnation of the registration, 2 how long the tombstone is kept (ms), 3 unused since (ms, '' for any client)
-- Gives {0} not registered (or anew, by another registration), or in use, {1, edges to notify, '' for none}
local client = redis.call('HMGET', KEYS[1], 'o', 'e', 's', 'r', 'd', 'p')
if client[1] ~= ARGV[1] then return { 0 } end
local in_use = client[2] and not client[5]
if ARGV[3] ~= '' and (in_use or (client[3] or client[4]) ~= ARGV[3]) then return { 0 } end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SET', KEYS[3], '', 'PX', ARGV[2])
return { 1, client[2] or '', client[6] or '' }
