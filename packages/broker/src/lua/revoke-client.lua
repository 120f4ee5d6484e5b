-- Ends the authorization of a client whose token was issued before a time.
-- KEYS  1 client
-- ARGV  1 issued before (ms), 2 the end of an authorization that was revoked (ms)
-- Gives {0} not registered, without a token, or with a later one, {1, edges to notify} ended, {2, edges to notify} ended before
local client = redis.call('HMGET', KEYS[1], 'j', 't', 'e', 'p')
local issued = tonumber(client[1] or '')
if not issued or issued >= tonumber(ARGV[1]) then return { 0 } end
local kind = 2
if client[2] ~= ARGV[2] then
  redis.call('HSET', KEYS[1], 't', ARGV[2])
  kind = 1
end
return { kind, client[3] or '', client[4] or '' }
