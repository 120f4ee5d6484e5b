-- Appends an event to a channel's log and publishes it on the live channel. A channel that is not there is made: a Redis
-- that lost it loses no event before edges open it again.
-- KEYS  1 topic, 2 its log, 3 its last event (missing: this one is not kept as such)
-- ARGV  1 live channel, 2 a random number, 3 the frame, 4 the subscriber that does not get it ('' for none),
--       5 size, 6 seconds of a new channel, 7 how long it is kept (ms), 8 a random number, 9 how long the last event is kept (ms)
-- Gives {1, id}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local channel = make_channel(KEYS[1], KEYS[2], KEYS[3], ARGV[5], ARGV[6], ARGV[7], ARGV[8], now)
local prev = channel[3]
-- As in publish.lua.
local dash = string.find(prev, '-', 1, true)
local ms, sequence = tonumber(string.sub(prev, 1, dash - 1)), tonumber(string.sub(prev, dash + 1))
if now > ms then
  ms, sequence = now, tonumber(ARGV[2])
else
  sequence = sequence + (now < ms and ARGV[2] + 1 or 1)
end
local id = string.format('%.0f-%.0f', ms, sequence)
local message = prev .. ' ' .. id .. ' ' .. ARGV[3]
if ARGV[4] == '' then
  redis.call('XADD', KEYS[2], 'MAXLEN', '=', channel[1], id, 'p', prev, 'd', ARGV[3])
  redis.call('SPUBLISH', ARGV[1], message)
else
  redis.call('XADD', KEYS[2], 'MAXLEN', '=', channel[1], id, 'p', prev, 'd', ARGV[3], 'x', ARGV[4])
  redis.call('SPUBLISH', ARGV[1], 'except ' .. ARGV[4] .. ' ' .. message)
end
redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f-0', now - channel[2] * 1000))
redis.call('PEXPIRE', KEYS[2], channel[2] * 1000)
redis.call('HSET', KEYS[1], 'last', id)
redis.call('PEXPIRE', KEYS[1], channel[4])
if KEYS[3] then redis.call('SET', KEYS[3], id .. ' ' .. ARGV[3], 'PX', ARGV[9]) end
return { 1, id }
