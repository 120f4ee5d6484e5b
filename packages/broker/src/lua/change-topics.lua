-- Changes what a client wants: drops stale subscriptions, removes, then adds; all or nothing.
-- KEYS  1 client
-- ARGV  1 topics a client may have, 2 number of stale pairs, 3 number of added pairs,
--       then the pairs (topic, position), stale first, then the topics to remove
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
local function remove(field)
  if not has[field] then return end
  drop[#drop + 1] = field
  has[field] = nil
  count = count - 1
end
for i = 4, first_added - 1, 2 do
  local field = '+' .. ARGV[i]
  if has[field] == ARGV[i + 1] then remove(field) end
end
for i = first_removed, #ARGV do
  remove('+' .. ARGV[i])
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
