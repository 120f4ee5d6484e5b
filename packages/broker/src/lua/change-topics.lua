-- Changes what a client wants: drops stale subscriptions, removes, then adds; all or nothing.
-- KEYS  1 client
-- ARGV  1 topics a client may have, 2 number of stale pairs, 3 number of added pairs,
--       then pairs: stale (topic, position), added (topic, position), removed (topic, where it stands or '').
-- What was subscribed and removed before the owner's edge looked must still be delivered: up to where the topic stood
-- it is noted in a field of its own, `-topic`, as `begin,end` with spaces between several.
-- Gives {0} not registered, {2} too many topics (nothing changed), {1, the client's fields and values}
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then return { 0 } end
local most, stale, added = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local first_added = 4 + 2 * stale
local first_removed = first_added + 2 * added

local has, count = {}, 0
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 1) == '+' then
    has[fields[i]] = fields[i + 1]
    count = count + 1
  end
end

local drop, set = {}, {}
local owned = redis.call('HEXISTS', KEYS[1], 'e') == 1
local function remove(field, ended)
  local begin = has[field]
  if not begin then return end
  local noted = '-' .. string.sub(field, 2)
  local before = owned and redis.call('HGET', KEYS[1], noted)
  -- An edge that does not look for so long has died or lost the client; what is noted must not grow for ever.
  if owned and ended ~= '' and ended ~= begin and (not before or #before < 2000) then
    set[#set + 1] = noted
    set[#set + 1] = (before and before .. ' ' or '') .. begin .. ',' .. ended
  end
  drop[#drop + 1] = field
  has[field] = nil
  count = count - 1
end
for i = 4, first_added - 1, 2 do
  local field = '+' .. ARGV[i]
  if has[field] == ARGV[i + 1] then remove(field, '') end
end
for i = first_removed, #ARGV, 2 do
  remove('+' .. ARGV[i], ARGV[i + 1])
end
for i = first_added, first_removed - 1, 2 do
  local field = '+' .. ARGV[i]
  if not has[field] then
    set[#set + 1] = field
    set[#set + 1] = ARGV[i + 1]
    has[field] = ARGV[i + 1]
    count = count + 1
  end
end
if added > 0 and count > most then return { 2 } end

if #drop > 0 then redis.call('HDEL', KEYS[1], unpack(drop)) end
if #set > 0 then redis.call('HSET', KEYS[1], unpack(set)) end
return { 1, redis.call('HGETALL', KEYS[1]) }
