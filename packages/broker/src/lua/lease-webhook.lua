-- Takes or renews the lease of an endpoint of webhooks, for the one control-api that delivers to it.
-- KEYS  1 endpoint, 2 its cursors, 3 its deliveries
-- ARGV  1 token of the caller, 2 how long the lease lasts (ms), 3 how long all this is kept (ms),
--       4 how long before now a new endpoint begins (ms)
-- Gives {0, ms} another holds it for so long, {kind, fields and values of the endpoint} the caller holds it; kind is
--       1 it did before, 2 taken over, 3 nothing was known of the endpoint
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'token', 'until')
if lease[1] and lease[1] ~= ARGV[1] and tonumber(lease[2]) > now then return { 0, tonumber(lease[2]) - now } end
local kind = lease[1] == ARGV[1] and 1 or 2
if redis.call('HSETNX', KEYS[1], 'begins', string.format('%.0f', now - ARGV[4])) == 1 then kind = 3 end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]))
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[3])
end
return { kind, redis.call('HGETALL', KEYS[1]) }
