-- Removes closed ranges that the edge has delivered, as far as nothing was added to them since they were read.
-- KEYS  1 client
-- ARGV  1 incarnation of the registration, then pairs: topic, its ranges as they were read
-- Gives how many topics have none left; of the others the edge is notified
if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
local done = 0
for i = 2, #ARGV, 2 do
  local field, read = '-' .. ARGV[i], ARGV[i + 1]
  local ranges = redis.call('HGET', KEYS[1], field)
  local whole = string.match(read, '^[^!]+')
  if ranges == read then
    redis.call('HDEL', KEYS[1], field)
    done = done + 1
  elseif ranges and string.sub(ranges, 1, #read + 1) == read .. ' ' then
    redis.call('HSET', KEYS[1], field, string.sub(ranges, #read + 2))
  elseif ranges and whole and string.sub(ranges, 1, #whole + 1) == whole .. '!' then
    -- The range of what was dropped has grown since.
    redis.call('HSET', KEYS[1], field, string.sub(ranges, #whole + 1))
  end
end
return done
