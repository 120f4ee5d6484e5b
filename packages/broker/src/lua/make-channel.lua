-- A part of the scripts that need a channel, which stand after it: makes the channel if it is not there.
-- `cached` is the key of its last event, if it keeps one; `random` makes it another incarnation than any before of its name.
-- Gives {size, seconds, last, ttl}
local function make_channel(topic, log, cached, size, seconds, ttl, random, now)
  local known = redis.call('HMGET', topic, 'size', 'seconds', 'last', 'ttl')
  if known[3] then return known end
  -- The last event outlives its channel: what follows is after it, though the clock was set back meanwhile.
  local kept = cached and redis.call('GET', cached) or ''
  local before = tonumber(string.match(kept, '^%d+') or 0)
  local born = string.format('%.0f-%s', math.max(now, before + 1), random)
  -- A log that outlived its channel (evicted, for example) belongs to a past that cannot be continued.
  redis.call('DEL', log)
  redis.call('HSET', topic, 'size', size, 'seconds', seconds, 'born', born, 'last', born, 'ttl', ttl)
  return { size, seconds, born, ttl }
end

