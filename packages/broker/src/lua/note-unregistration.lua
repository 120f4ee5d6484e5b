-- Begins an unregistration: notes the operation until it is settled. The client was seen, so its registration, should
-- it be unsettled, is settled by that: of one client's operations never both are.
-- KEYS  1 the key's unsettled operations
-- ARGV  1 operation, 2 now (ms), 3 the operation that registered the client
-- Gives 1
redis.call('ZREM', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
