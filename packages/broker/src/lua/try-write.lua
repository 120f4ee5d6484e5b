-- Does to keys of its own what a publish does to a topic's: whether Redis takes it is what counts.
-- KEYS  1 a hash, 2 a stream, 3 a channel
-- ARGV  1 how long the keys stay (ms)
-- Gives 1
redis.call('HSET', KEYS[1], 'ms', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('XADD', KEYS[2], 'MAXLEN', '=', 1, '*', 'd', '')
redis.call('PEXPIRE', KEYS[2], ARGV[1])
redis.call('SPUBLISH', KEYS[3], '')
return 1
