-- Reads a channel for an edge that needs it, and keeps it for so long again. One that is not there is made.
-- KEYS  1 topic, 2 its log, 3 its last event (missing: it keeps none)
-- ARGV  1 size, 2 seconds of a new one, 3 how long it is kept (ms), 4 a random number, 5 presence as JSON ('' for none),
--       which a channel that was made by a publish does not have yet, 6 its presence: no key, as most have none
-- Gives {1, {size, seconds, born, last, expire, presence, gone}, '<id> <data>' of the last event or '', ms for which that is kept}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local channel = make_channel(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4], now)
if ARGV[5] ~= '' and redis.call('HSETNX', KEYS[1], 'presence', ARGV[5]) == 1 then
  -- What outlived the channel counts for nothing: edges write their members again.
  redis.call('DEL', ARGV[6])
end
redis.call('PEXPIRE', KEYS[1], channel[4])
local state = redis.call('HMGET', KEYS[1], 'size', 'seconds', 'born', 'last', 'expire', 'presence', 'gone')
local cached = KEYS[3] and redis.call('GET', KEYS[3])
return { 1, state, cached or '', cached and redis.call('PTTL', KEYS[3]) or 0 }
