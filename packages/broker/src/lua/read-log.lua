-- Reads a piece of a log, with what is needed to judge whether a position can be continued. What has become older than
-- the history's seconds goes first: publishing trims in whole nodes only, and a silent topic is not trimmed at all.
-- KEYS  1 topic or client, 2 its log
-- ARGV  1 position to read after ('' for the beginning), 2 entries at most, 3 'topic' or 'client',
--       4 seconds that a client's log keeps, 5 bytes at most, each entry counted as its data and 64 more; one entry always fits,
--       6 '1' for an edge, to which a topic that has expired is one without messages
-- Gives {0} no such topic or client, or it has expired,
--       {1, born, last, the first entry's prev or '', 1 if the log contains the position, {id, prev, data, id, …},
--       {place among the entries, traceparent, place, …} of those that are traced,
--       {place among the entries, subscriber, …} of those that a subscriber does not get (missing where there are none)}
local born, last, seconds
if ARGV[3] == 'topic' then
  local topic = redis.call('HMGET', KEYS[1], 'born', 'last', 'seconds', 'gone')
  if topic[4] and ARGV[6] ~= '1' then return { 0 } end
  born, last, seconds = topic[1], topic[2], topic[3]
else
  local client = redis.call('HMGET', KEYS[1], 'r', 'm', 'o')
  if client[1] then
    born = client[1] .. '-' .. client[3]
    last = client[2] or born
    seconds = ARGV[4]
  end
end
if not last then return { 0 } end

local now = redis.call('TIME')
local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - seconds * 1000
redis.call('XTRIM', KEYS[2], 'MINID', '=', string.format('%.0f-0', math.max(oldest, 0)))

local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
local first_prev = first[1] and first[1][2][2] or ''
local contains, from = 0, '-'
if ARGV[1] ~= '' then
  contains = #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1], 'COUNT', 1)
  from = '(' .. ARGV[1]
end
-- Read in pieces, so that a page of large entries is never built beyond its bound: Lua would hold 64 MB of it.
local PIECE, SMALL_PIECE, SMALL, OVERHEAD = 4, 64, 1024, 64
local flat, traced, excepted, left, bytes = {}, {}, {}, tonumber(ARGV[2]), tonumber(ARGV[5])
local size = PIECE
local function answer()
  return { 1, born, last, first_prev, contains, flat, traced, excepted[1] and excepted }
end
while left > 0 do
  local count, before = math.min(left, size), bytes
  local piece = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', count)
  for _, entry in ipairs(piece) do
    bytes = bytes - #entry[2][4] - OVERHEAD
    if bytes < 0 and #flat > 0 then return answer() end
    flat[#flat + 1] = entry[1]
    flat[#flat + 1] = entry[2][2]
    flat[#flat + 1] = entry[2][4]
    if entry[2][6] then
      local more = entry[2][5] == 'x' and excepted or traced
      more[#more + 1] = #flat / 3 - 1
      more[#more + 1] = entry[2][6]
    end
    from = '(' .. entry[1]
  end
  if #piece < count then break end
  left = left - count
  size = before - bytes < SMALL * count and SMALL_PIECE or PIECE
end
return answer()
