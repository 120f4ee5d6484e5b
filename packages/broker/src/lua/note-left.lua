-- Notes subscriptions of a client that have ended.
-- KEYS  1 the client's ended subscriptions (may be missing)
-- ARGV  1 notes kept, 2 how long they are kept (ms), then the notes
-- Gives how many are kept
redis.call('LPUSH', KEYS[1], unpack(ARGV, 3))
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('LLEN', KEYS[1])
