-- Removes a topic with its log and its presence, and publishes that on its channel. One that has expired is removed with
-- the subscriptions that it had.
-- KEYS  1 topic, 2 its log
-- ARGV  1 live channel, 2 what to publish, 3 the topic's presence, 4 prefix of what belongs to that
-- Gives 1 deleted, 0 there was none, or it had expired
local topic = redis.call('HMGET', KEYS[1], 'gone', 'presence')
if topic[2] then
  local touched = { ARGV[3], ARGV[4] .. 'next' }
  for _, field in ipairs(redis.call('HKEYS', ARGV[3])) do
    if string.sub(field, 1, 1) == 'e' then touched[#touched + 1] = ARGV[4] .. string.sub(field, 2) end
  end
  redis.call('UNLINK', unpack(touched))
end
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SPUBLISH', ARGV[1], ARGV[2])
return topic[1] and 0 or 1
