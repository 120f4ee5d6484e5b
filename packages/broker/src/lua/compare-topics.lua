-- Compares what an edge knows of topics with what is stored. A dormant one, and a channel, is kept as long as an edge has it.
-- KEYS  1… topics; on a Cluster only one
-- ARGV  1 how long a dormant topic is kept (ms), 2 with how much of that left it is kept so long again (ms),
--       then for each topic: incarnation, last, its settings (seconds after which it expires, presence as JSON)
-- Gives as JSON a list with for each topic 0 as known, {} no such topic, or
-- [size, seconds, born, last, expire, presence, gone]
local answers = {}
for i, key in ipairs(KEYS) do
  local topic = redis.call('HMGET', key, 'size', 'seconds', 'born', 'last', 'expire', 'presence', 'gone', 'ttl')
  if topic[7] and redis.call('PTTL', key) < tonumber(ARGV[2]) then redis.call('PEXPIRE', key, ARGV[1]) end
  if topic[8] then redis.call('PEXPIRE', key, topic[8]) end
  topic[8] = nil
  local incarnation = string.match(topic[3] or '', '%-(.*)$')
  local settings = (topic[5] or '') .. (topic[6] or '')
  local known = incarnation == ARGV[3 * i] and topic[4] == ARGV[3 * i + 1] and settings == ARGV[3 * i + 2]
  answers[i] = known and 0 or topic[4] and topic or {}
end
return cjson.encode(answers)
