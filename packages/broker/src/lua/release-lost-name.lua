-- Frees the name of a client that was lost, unless an intent of that client is pending, which frees it or keeps it.
-- KEYS  1 key, 2 its names, 3 its pending intents
-- ARGV  1 name, 2 client id, 3 'look' or 'free'
-- Gives 1 the name is that client's and nothing is pending (freed, with 'free'), 0 it is not
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
for _, intent in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  if cjson.decode(intent)[2] == ARGV[2] then return 0 end
end
if ARGV[3] == 'free' then
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('HINCRBY', KEYS[1], 'clients', -1)
end
return 1
