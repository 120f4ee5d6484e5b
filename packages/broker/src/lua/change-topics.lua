-- Changes what a client is subscribed to: drops stale subscriptions, removes, then adds; all or nothing.
-- KEYS  1 client
-- ARGV  1 topics a client may have, 2 number of stale pairs, 3 number of added pairs, 4 number of removed pairs,
--       then pairs: stale (topic, start), added (topic, start), removed (topic, position where it ends or ''),
--       and those of a renewal: all fields of the identity with their values, '' for nothing.
-- A renewal removes the topics of the token before that it does not add; its removed pairs say where they end.
-- A start is `<position> <incarnation of the topic>`.
-- What a connected client was subscribed to before its edge read it must still be delivered: such a closed range has
-- a field of its own, `-topic`, as `start,end,incarnation` with spaces between several. What has no room there, or
-- belongs to a client whose connection this Redis does not know of, is noted as one range with `!` before it, of which
-- the client gets a `lost`.
-- Subscriptions that ended at a position are counted in `l`, with the time (ms) of the last one: what is noted of them
-- elsewhere can be found to be incomplete.
-- Gives {0} not registered, or renewed for another user, {2} too many topics (nothing changed),
-- {1, the client's fields and values, of each subscription that ended at a position: topic, start, that position,
-- when the last one before these ended (ms; 0: there was none)}
local MAX_RANGES_BYTES = 2000
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then return { 0 } end
local most, added = tonumber(ARGV[1]), tonumber(ARGV[3])
local first_added = 5 + 2 * ARGV[2]
local first_removed = first_added + 2 * added
local first_field = first_removed + 2 * ARGV[4]
local renews = first_field < #ARGV

local client, count = {}, 0
for i = 1, #fields, 2 do
  client[fields[i]] = fields[i + 1]
  -- The topic of the client's user, `@user:…`, is not one of its own.
  if string.match(fields[i], '^%+[^@]') then count = count + 1 end
end
if renews and ARGV[first_field + 1] ~= (client.u or '') then return { 0 } end

local function with_range(ranges, range)
  if client.e and #ranges < MAX_RANGES_BYTES then return (ranges == '' and '' or ranges .. ' ') .. range end
  local kept, lost_since = string.match(ranges, '^(.-) ?!([^,]+),[^ ]*$')
  if lost_since then range = string.gsub(range, '^[^,]+', lost_since) end
  kept = kept or ranges
  return (kept == '' and '' or kept .. ' ') .. '!' .. range
end

local drop, set, left = {}, {}, {}
local function remove(field, finish)
  local start = client[field]
  if not start then return end
  local begins, incarnation = string.match(start, '^(%S+) ?(%S*)$')
  if finish ~= '' and finish ~= begins then
    local ranges = '-' .. string.sub(field, 2)
    client[ranges] = with_range(client[ranges] or '', begins .. ',' .. finish .. ',' .. incarnation)
    set[#set + 1] = ranges
    set[#set + 1] = client[ranges]
  end
  if finish ~= '' then
    left[#left + 1] = string.sub(field, 2)
    left[#left + 1] = start
    left[#left + 1] = finish
  end
  drop[#drop + 1] = field
  client[field] = nil
  count = count - 1
end
for i = 5, first_added - 1, 2 do
  local field = '+' .. ARGV[i]
  if client[field] == ARGV[i + 1] then remove(field, '') end
end
local ends, kept = {}, {}
for i = first_removed, first_field - 1, 2 do
  ends[ARGV[i]] = ARGV[i + 1]
end
if renews then
  for i = first_added, first_removed - 1, 2 do
    kept[ARGV[i]] = true
  end
  for _, topic in ipairs(cjson.decode(client.h or '[]')) do
    if not kept[topic] then remove('+' .. topic, ends[topic] or '') end
  end
else
  for i = first_removed, first_field - 1, 2 do
    remove('+' .. ARGV[i], ARGV[i + 1])
  end
end
for i = first_added, first_removed - 1, 2 do
  local field = '+' .. ARGV[i]
  if not client[field] then
    set[#set + 1] = field
    set[#set + 1] = ARGV[i + 1]
    client[field] = ARGV[i + 1]
    count = count + 1
  end
end
if added > 0 and count > most then return { 2 } end
for i = first_field, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    drop[#drop + 1] = ARGV[i]
  else
    set[#set + 1] = ARGV[i]
    set[#set + 1] = ARGV[i + 1]
  end
end

local ended, ended_at = string.match(client.l or '0 0', '^(%d+) (%d+)$')
if #left > 0 then
  local time = redis.call('TIME')
  ended = ended + #left / 3
  set[#set + 1] = 'l'
  set[#set + 1] = string.format('%.0f %.0f', ended, time[1] * 1000 + math.floor(time[2] / 1000))
end
if #drop > 0 then redis.call('HDEL', KEYS[1], unpack(drop)) end
if #set > 0 then redis.call('HSET', KEYS[1], unpack(set)) end
return { 1, redis.call('HGETALL', KEYS[1]), left, ended_at }
