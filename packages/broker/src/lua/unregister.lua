-- Removes a client with its own log, if it is still the one that was read.
-- KEYS  1 client, 2 its log
-- ARGV  1 key id, 2 name ('' for none), 3 registered at (ms), all as read before
-- Gives {0} not registered (or anew, by somebody else), {1, owner edge or ''}
local client = redis.call('HMGET', KEYS[1], 'k', 'n', 'r', 'e')
if client[1] ~= ARGV[1] or (client[2] or '') ~= ARGV[2] or client[3] ~= ARGV[3] then return { 0 } end
redis.call('DEL', KEYS[1], KEYS[2])
return { 1, client[4] or '' }
