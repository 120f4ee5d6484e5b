-- Begins an unregistration: logs the intent until it is completed. The client was found, so its registration, should
-- that be pending, is completed by this: of one client's intents never both are pending.
-- KEYS  1 the key's pending intents
-- ARGV  1 intent, 2 now (ms), 3 the intent that registered the client
-- Gives 1
redis.call('ZREM', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
