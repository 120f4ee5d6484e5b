-- Compares what an edge knows of the presence of topics with what is stored.
-- KEYS  for each topic three: topic, its presence, changes since its version; on a Cluster only one topic
-- ARGV  1 edge ('' for none)
-- Gives as JSON a list with for each topic 0 no presence, or [version, the edge's sequence (0 when it has no members),
-- number present, 1 when changes are pending, 1 when the topic has expired]
local answers = {}
for i = 1, #KEYS, 3 do
  local topic = redis.pcall('HMGET', KEYS[i], 'presence', 'gone')
  if topic[1] then
    local settings = cjson.decode(topic[1])
    local here = redis.call('HMGET', KEYS[i + 1], 'v', 'c', 'p', 'm', 'e' .. ARGV[1])
    local count, only_count = tonumber(here[2] or 0), here[4] == '1'
    -- As in change-presence.lua.
    local past = settings.show == 'count' or count > settings.limit * (only_count and 0.9 or 1)
    local is_pending = here[1] and (past ~= only_count or here[3] ~= here[2])
    if not only_count then is_pending = is_pending or redis.call('EXISTS', KEYS[i + 2]) == 1 end
    answers[#answers + 1] = {
      tonumber(here[1] or 0), tonumber(here[5] or 0), count, is_pending and 1 or 0, topic[2] and 1 or 0,
    }
  else
    answers[#answers + 1] = 0
  end
end
return cjson.encode(answers)
