-- Completes an intent: keeps what it counted, or takes the client off the key's count and frees its name. Once only.
-- KEYS  1 key, 2 its names, 3 its pending intents
-- ARGV  1 intent, 2 'keep' or 'drop', 3 name ('' for none), 4 client id
-- Gives 1 completed, 0 it was completed before
if redis.call('ZREM', KEYS[3], ARGV[1]) == 0 then return 0 end
if ARGV[2] == 'drop' then
  redis.call('HINCRBY', KEYS[1], 'clients', -1)
  if ARGV[3] ~= '' and redis.call('HGET', KEYS[2], ARGV[3]) == ARGV[4] then redis.call('HDEL', KEYS[2], ARGV[3]) end
end
return 1
