-- Writes the apps that a control-api has, and takes out those that none has written for long. "@" has the time at which
-- there were apps last: while it is there edges know that an app which they do not find does not exist.
-- KEYS  1 the apps: for each public key its time in ms and the app as JSON
-- ARGV  1 how long an app is kept that none writes (ms), 2 how long "@" is kept when there are no apps (ms),
--       3 number of apps, then pairs of public key and JSON; then public keys of those to be taken out
-- Gives how many there are
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text, first_removed = string.format('%.0f', now), 4 + 2 * ARGV[3]
for i = 4, first_removed - 1, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], '{"at":' .. text .. ',' .. string.sub(ARGV[i + 1], 2))
end
for i = first_removed, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
local all, count, emptied = redis.call('HGETALL', KEYS[1]), 0, nil
for i = 1, #all, 2 do
  if all[i] == '@' then
    emptied = tonumber(all[i + 1])
  else
    local at = tonumber(string.match(all[i + 1], '^{"at":(%d+)') or 0)
    if at < now - ARGV[1] then
      redis.call('HDEL', KEYS[1], all[i])
    else
      count = count + 1
      -- The clock was set back since.
      if at > now then
        local app = string.gsub(all[i + 1], '^{"at":%d+', '{"at":' .. text)
        redis.call('HSET', KEYS[1], all[i], app)
      end
    end
  end
end
if count > 0 or (#all > 0 and not emptied) then
  redis.call('HSET', KEYS[1], '@', text)
elseif emptied and now - emptied > tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[1])
end
return count
