-- Writes how many subscribers an edge has on a channel, and publishes how many all edges have.
-- KEYS  1 the edges that have the channel, 2 the stream of its events (missing: the event is not wanted)
-- ARGV  1 edge, 2 how many it has, 3 live channel, 4 '1' to publish the sum
-- Gives {1, the sum}, or {0} where the edge is not written as having the channel: nothing was done
local call, edges, field = redis.call, KEYS[1], 'e' .. ARGV[1]
local known, sum = false, tonumber(ARGV[2])
local fields = call('HGETALL', edges)
for i = 1, #fields, 2 do
  if fields[i] == field then
    known = true
  elseif string.sub(fields[i], 1, 1) == 'e' then
    sum = sum + tonumber(fields[i + 1])
  end
end
-- An edge that has none any more may have been taken out already.
if not known and ARGV[2] ~= '0' then return { 0 } end
if known then call('HSET', edges, field, ARGV[2]) end
local text = string.format('%.0f', sum)
if ARGV[4] == '1' then call('SPUBLISH', ARGV[3], 'subscribers ' .. text) end
if KEYS[2] then
  local data = '{"topic":"' .. string.match(edges, '{(.-)}') .. '","subscription_count":' .. text .. '}'
  call('XADD', KEYS[2], 'MAXLEN', '~', 2000000, '*', 't', 'channel.subscription-count', 'd', data)
end
return { 1, sum }
