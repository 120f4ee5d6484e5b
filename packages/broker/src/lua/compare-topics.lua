-- Compares what an edge knows of topics with what is stored.
-- KEYS  1… topics; on a Cluster only one
-- ARGV  for each topic: incarnation, last
-- Gives as JSON a list with for each topic 0 as known, {} no such topic, or [size, seconds, born, last]
local answers = {}
for i, key in ipairs(KEYS) do
  local topic = redis.call('HMGET', key, 'size', 'seconds', 'born', 'last')
  local incarnation = string.match(topic[3] or '', '%-(.*)$')
  local known = incarnation == ARGV[2 * i - 1] and topic[4] == ARGV[2 * i]
  answers[i] = known and 0 or topic[4] and topic or {}
end
return cjson.encode(answers)
