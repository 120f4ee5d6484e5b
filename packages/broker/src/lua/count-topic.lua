-- Counts a topic, with the messages that its history may hold, for the API key that made it; or takes it off again.
-- KEYS  1 key, 2 its topics
-- ARGV  1 topic, 2 messages its history may hold ('' to take it off), 3 now (ms), 4 topics the key may have,
--       5 messages that all of its histories may hold ('' each for any number)
-- Gives 0 counted or taken off, 1 the key has as many topics as it may, 2 its histories hold as many messages as they may
local before = redis.call('HGET', KEYS[2], ARGV[1])
local held = before and tonumber(string.match(before, '^%d+')) or 0
local size = tonumber(ARGV[2]) or 0
local counted = redis.call('HMGET', KEYS[1], 'topics', 'history')
local topics, history = tonumber(counted[1] or '0'), tonumber(counted[2] or '0')
local more = (ARGV[2] ~= '' and 1 or 0) - (before and 1 or 0)

if more > 0 and ARGV[4] ~= '' and topics + more > tonumber(ARGV[4]) then return 1 end
if size > held and ARGV[5] ~= '' and history - held + size > tonumber(ARGV[5]) then return 2 end
if more ~= 0 then redis.call('HINCRBY', KEYS[1], 'topics', more) end
if size ~= held then redis.call('HINCRBY', KEYS[1], 'history', string.format('%.0f', size - held)) end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
end
return 0
