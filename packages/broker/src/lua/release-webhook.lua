-- Ends the lease of an endpoint of webhooks, so that another control-api takes it at once.
-- KEYS  1 endpoint
-- ARGV  1 token of the caller
-- Gives 1 ended, 0 the caller did not hold it
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'token', 'until')
return 1
