-- Compares what an edge knows of the presence of topics with what is stored. A channel is kept as long as an edge asks, with
-- the members of all edges.
-- KEYS  for each topic three: topic, its presence, changes since its version; on a Cluster only one topic
-- ARGV  1 edge ('' for none)
-- Gives as JSON a list with for each topic 0 no presence, or [version, the edge's sequence (0 when it has no members),
-- number present, 1 when changes are pending, 1 when the topic has expired]
local function keep(topic, here, next, ttl)
  for _, key in ipairs({ topic, here, next }) do redis.call('PEXPIRE', key, ttl) end
  -- What the keys of members begin with.
  local members = string.sub(next, 1, -#'next' - 1)
  for _, field in ipairs(redis.call('HKEYS', here)) do
    if string.sub(field, 1, 1) == 'e' then redis.call('PEXPIRE', members .. string.sub(field, 2), ttl) end
  end
end

local answers = {}
for i = 1, #KEYS, 3 do
  local topic = redis.pcall('HMGET', KEYS[i], 'presence', 'gone', 'ttl')
  if topic[1] then
    local settings = cjson.decode(topic[1])
    local here = redis.call('HMGET', KEYS[i + 1], 'v', 'c', 'p', 'm', 'e' .. ARGV[1])
    local count, only_count = tonumber(here[2] or 0), here[4] == '1'
    -- As in change-presence.lua.
    local past = settings.show == 'count' or count > settings.limit * (only_count and 0.9 or 1)
    local is_pending = here[1] and (past ~= only_count or here[3] ~= here[2])
    if not only_count then is_pending = is_pending or redis.call('EXISTS', KEYS[i + 2]) == 1 end
    if topic[3] and ARGV[1] ~= '' then keep(KEYS[i], KEYS[i + 1], KEYS[i + 2], topic[3]) end
    answers[#answers + 1] = {
      tonumber(here[1] or 0), tonumber(here[5] or 0), count, is_pending and 1 or 0, topic[2] and 1 or 0,
    }
  else
    answers[#answers + 1] = 0
  end
end
return cjson.encode(answers)
