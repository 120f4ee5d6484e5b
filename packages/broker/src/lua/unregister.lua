-- Removes a client with its own log, if it is still of the registration that was read, and leaves behind who did it.
-- With a time it does so only if nobody has used the client since.
-- KEYS  1 client, 2 its log, 3 what is left behind
-- ARGV  1 nonce of the registration, 2 how long the left-behind is kept (ms), 3 unused since (ms, '' for any client)
-- Gives {0} not registered (or anew, by another registration), or in use, {1, owner edge or ''}
local client = redis.call('HMGET', KEYS[1], 'o', 'e', 's', 'r')
if client[1] ~= ARGV[1] then return { 0 } end
if ARGV[3] ~= '' and (client[2] or (client[3] or client[4]) ~= ARGV[3]) then return { 0 } end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SET', KEYS[3], '', 'PX', ARGV[2])
return { 1, client[2] or '' }
