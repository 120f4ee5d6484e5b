-- Writes what has become of deliveries, unless another control-api delivers by now.
-- KEYS  1 endpoint, 2 its cursors, 3 its deliveries
-- ARGV  1 token of the caller, 2 number of pairs of the endpoint, 3 of cursors, 4 of deliveries, then these pairs, a value
--       of '' to remove the field; then pairs of requests that are done: removed if they still have the value
-- Gives 1 written, 0 the caller does not hold the lease
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
local at = 5
for index, key in ipairs(KEYS) do
  for _ = 1, ARGV[1 + index] do
    if ARGV[at + 1] == '' then
      redis.call('HDEL', key, ARGV[at])
    else
      redis.call('HSET', key, ARGV[at], ARGV[at + 1])
    end
    at = at + 2
  end
end
for i = at, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return 1
