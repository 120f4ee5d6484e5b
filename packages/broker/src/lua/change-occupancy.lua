-- Writes whether an edge has connections on a topic. The topic is occupied when any edge has, and vacated when for a while
-- none had.
-- KEYS  1 the edges that have connections on it, 2 the stream of the topic's events (missing: none is wanted)
-- ARGV  1 edge ('' for none: only looks whether the topic is vacated), 2 '1' it has connections, '' it has none,
--       3 how long it has to be empty (ms), 4 which events are wanted
-- Gives ms until it is vacated, -1 when it is not empty, or is not occupied (any more)
local call, edges, edge = redis.call, KEYS[1], 'e' .. ARGV[1]
local function write(event)
  if not KEYS[2] or not string.find(ARGV[4], event, 1, true) then return end
  local data = '{"topic":"' .. string.match(edges, '{(.-)}') .. '"}'
  call('XADD', KEYS[2], 'MAXLEN', '~', 2000000, '*', 't', event, 'd', data)
end

local size = call('HLEN', edges)
if ARGV[2] == '1' then
  -- How many it has may be there already: see count-subscribers.lua.
  call('HSETNX', edges, edge, 1)
  call('HDEL', edges, 'left')
  if size == 0 then write('topic.occupied') end
  return -1
end
local has, left = call('HEXISTS', edges, edge), call('HGET', edges, 'left')
if size > has + (left and 1 or 0) then
  call('HDEL', edges, edge)
  return -1
end
if size == 0 then return -1 end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The clock may have been set back since the last connection left.
left = math.min(tonumber(left or now), now)
local wait = left + ARGV[3] - now
if KEYS[2] and wait > 0 then
  call('HSET', edges, 'left', string.format('%.0f', left))
  call('HDEL', edges, edge)
  return wait
end
call('DEL', edges)
write('topic.vacated')
return -1
