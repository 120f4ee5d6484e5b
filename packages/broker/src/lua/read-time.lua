-- Reads the clock of Redis, for what processes compare with each other: the clocks of their hosts may differ.
-- KEYS  1 any key: the server that has it is asked
-- Gives microseconds since 1970
local time = redis.call('TIME')
return time[1] * 1000000 + time[2]
