-- Reads a piece of a log, with what is needed to judge whether a position can be continued.
-- KEYS  1 topic or client, 2 its log
-- ARGV  1 position to read after ('' for the beginning), 2 entries at most, 3 'topic' or 'client'
-- Gives {0} no such topic or client,
--       {1, born, last, the first entry's prev or '', 1 if the position stands in the log, {id, prev, data, id, …}}
local born, last
if ARGV[3] == 'topic' then
  local topic = redis.call('HMGET', KEYS[1], 'born', 'last')
  born, last = topic[1], topic[2]
else
  local client = redis.call('HMGET', KEYS[1], 'r', 'm')
  if client[1] then
    born = client[1] .. '-0'
    last = client[2] or born
  end
end
if not last then return { 0 } end

local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
local first_prev = first[1] and first[1][2][2] or ''
local stands, from = 0, '-'
if ARGV[1] ~= '' then
  stands = #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1], 'COUNT', 1)
  from = '(' .. ARGV[1]
end
local flat = {}
-- Redis answers a COUNT of 0 with nothing at all.
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', ARGV[2]) or {}) do
  flat[#flat + 1] = entry[1]
  flat[#flat + 1] = entry[2][2]
  flat[#flat + 1] = entry[2][4]
end
return { 1, born, last, first_prev, stands, flat }
