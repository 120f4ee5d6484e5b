-- Notes what a control-api wants of events, and takes out those that have not said so for long.
-- KEYS  1 what is wanted: a field for each control-api, or only "off", since when nothing is wanted
-- ARGV  1 id of the caller, 2 JSON of what it wants, '' for nothing,
--       3 how long others may be silent (ms), '' for ever, 4 how long "off" is kept (ms), '' for ever
-- Gives {1, ms} nothing is wanted for so long, {0, 0} something is, or nothing ever was
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local removed = 0
if ARGV[2] == '' then
  removed = redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
  redis.call('HDEL', KEYS[1], 'off')
end
if ARGV[3] ~= '' then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^(%d+) ') or 0)
    if all[i] ~= 'off' and at < now - ARGV[3] then removed = removed + redis.call('HDEL', KEYS[1], all[i]) end
  end
end
if removed > 0 and redis.call('HLEN', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'off', string.format('%.0f', now))
end
local off = redis.call('HGET', KEYS[1], 'off')
if not off then return { 0, 0 } end
if ARGV[4] ~= '' and now - off > tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], 'off') end
return { 1, now - off }
