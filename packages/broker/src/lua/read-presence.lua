-- Reads who is present, exactly as it was published with the topic's version: the changes since then are undone.
-- KEYS  1 topic, 2 its presence, 3 changes since its version
-- ARGV  1 prefix of the members of edges
-- Gives {0} no presence, {1, version, number of members} only their number is shown, or
--       {1, version, number of members, JSON of a list: id, info ('' for none), id, …}
local call = redis.call
local text = call('HGET', KEYS[1], 'presence')
if not text then return { 0 } end
local is_count = cjson.decode(text).show == 'count'
local fields, edges, here = call('HGETALL', KEYS[2]), {}, {}
for i = 1, #fields, 2 do
  here[fields[i]] = fields[i + 1]
  if string.sub(fields[i], 1, 1) == 'e' then edges[#edges + 1] = string.sub(fields[i], 2) end
end
local version, published = here.v or '0', here.p or '0'
if is_count or here.m == '1' then return { 1, version, published } end

-- Of a member of several edges the info of the first by name is the one written last.
table.sort(edges, function(one, other) return one > other end)
local present = {}
for _, edge in ipairs(edges) do
  local members = call('HGETALL', ARGV[1] .. edge)
  for i = 1, #members, 2 do present[members[i]] = members[i + 1] end
end
local changes = call('HGETALL', KEYS[3])
for i = 1, #changes, 2 do present[changes[i]] = cjson.decode(changes[i + 1])[1] or nil end
local flat = {}
for id, info in pairs(present) do
  flat[#flat + 1], flat[#flat + 2] = id, info
end
return { 1, version, published, #flat == 0 and '[]' or cjson.encode(flat) }
