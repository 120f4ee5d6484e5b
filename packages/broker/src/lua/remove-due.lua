-- Takes an entry off a list by time, unless it was listed again meanwhile.
-- KEYS  1 the list
-- ARGV  1 the entry, 2 the time with which it was read
-- Gives 1 removed, 0 not
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
