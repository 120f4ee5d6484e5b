-- Removes a topic with its log and its presence, and publishes that on its channel.
-- KEYS  1 topic, 2 its log
-- ARGV  1 live channel, 2 what to publish, 3 the topic's presence, 4 prefix of what belongs to it
-- Gives 1 deleted, 0 there was none
if redis.call('HEXISTS', KEYS[1], 'presence') == 1 then
  local touched = { ARGV[3], ARGV[4] .. 'next' }
  for _, field in ipairs(redis.call('HKEYS', ARGV[3])) do
    if string.sub(field, 1, 1) == 'e' then touched[#touched + 1] = ARGV[4] .. string.sub(field, 2) end
  end
  redis.call('UNLINK', unpack(touched))
end
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SPUBLISH', ARGV[1], ARGV[2])
return 1
