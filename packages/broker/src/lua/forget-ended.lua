-- Forgets ended subscriptions that have been delivered, as far as nothing was added to them since they were read.
-- KEYS  1 client
-- ARGV  pairs: topic, what was noted of it
-- Gives how many were forgotten; of the others the edge has a letter
local forgotten = 0
for i = 1, #ARGV, 2 do
  local field = '-' .. ARGV[i]
  local noted = redis.call('HGET', KEYS[1], field)
  if noted == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], field)
    forgotten = forgotten + 1
  elseif noted and string.sub(noted, 1, #ARGV[i + 1] + 1) == ARGV[i + 1] .. ' ' then
    redis.call('HSET', KEYS[1], field, string.sub(noted, #ARGV[i + 1] + 2))
  end
end
return forgotten
