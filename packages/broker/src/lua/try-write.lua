-- Does to keys of its own what a publish does to a topic's: whether Redis takes it is what counts.
-- KEYS  1 a hash, 2 a stream
-- ARGV  1 a channel: no key, as one that never exists would have every call refused while the slot moves,
--       2 how long the keys stay (ms)
-- Gives 1
redis.call('HSET', KEYS[1], 'ms', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[2], 'MAXLEN', '=', 1, '*', 'd', '')
-- Nothing else calls XLEN: a count of messages by the calls of XADD takes these off.
redis.call('XLEN', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('SPUBLISH', ARGV[1], '')
return 1
