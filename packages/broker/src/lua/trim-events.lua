-- Removes the oldest events of a stream.
-- KEYS  1 the stream
-- ARGV  1 entries that may stay, 2 id below which none stays, 3 entries that are removed at most,
--       4 the lowest cursor of an endpoint, '' when there is none,
--       5 '1': of those beyond the number only what is not beyond that cursor is removed
-- Gives {number removed, {id, fields and values, id, …} of those of them that are beyond the cursor}
local function before(one, other)
  local ms, seq = string.match(one, '^(%d+)-(%d+)$')
  local other_ms, other_seq = string.match(other, '^(%d+)-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  if ms ~= other_ms then return ms < other_ms end
  return tonumber(seq) < tonumber(other_seq)
end
local length, keep = redis.call('XLEN', KEYS[1]), tonumber(ARGV[1])
local removed, missed = 0, {}
local function is_missed(id)
  return ARGV[4] ~= '' and before(ARGV[4], id)
end
local function may_go(id)
  return length - removed > keep and not (ARGV[5] == '1' and is_missed(id))
end
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[3])) do
  if not may_go(entry[1]) and not before(entry[1], ARGV[2]) then break end
  removed = removed + 1
  if is_missed(entry[1]) then
    missed[#missed + 1] = entry[1]
    missed[#missed + 1] = entry[2]
  end
end
if removed > 0 then redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', length - removed) end
return { removed, missed }
