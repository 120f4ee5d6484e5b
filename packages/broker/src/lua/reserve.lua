-- Begins a registration: counts it and takes its name, and logs the intent until it is completed.
-- KEYS  1 key, 2 its names, 3 its pending intents
-- ARGV  1 intent, 2 now (ms), 3 clients the key may have ('' for any number), 4 name ('' for none), 5 client id
-- Gives 0 reserved, 1 quota reached, 2 name taken
if ARGV[4] ~= '' and redis.call('HEXISTS', KEYS[2], ARGV[4]) == 1 then return 2 end
if ARGV[3] ~= '' then
  local clients = tonumber(redis.call('HGET', KEYS[1], 'clients') or '0')
  if clients >= tonumber(ARGV[3]) then return 1 end
end
redis.call('HINCRBY', KEYS[1], 'clients', 1)
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], ARGV[4], ARGV[5]) end
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
return 0
