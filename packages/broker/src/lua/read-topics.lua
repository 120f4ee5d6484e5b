-- Reads the states of several topics, which one command each would cost fifty times as much to ask for.
-- KEYS  topics; only where they need not lie in one Cluster slot
-- Gives for each {size, seconds, born, last, expire, presence, gone}, with false for what it has not, or the error of one
-- that is no hash
local states = {}
for i, topic in ipairs(KEYS) do
  local state = redis.pcall('HMGET', topic, 'size', 'seconds', 'born', 'last', 'expire', 'presence', 'gone')
  states[i] = state.err or state
end
return states
