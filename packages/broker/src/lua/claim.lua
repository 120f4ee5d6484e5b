-- Makes connections the owners of their clients, and reads the clients.
-- KEYS  1… clients; on a Cluster only one
-- ARGV  1 now (ms), then for each client: edge, connection, '1' to leave a client alone that has an owner
-- Gives as JSON, which a reader takes apart many times faster than a reply of many strings, a list with for each client
-- [0] not registered, [1, fields and values before the claim] claimed, [2, fields and values] has an owner, or
-- [3, the error of its key, which is no other client's]
local function claim(key, edge, connection, only_if_unowned)
  local fields = redis.pcall('HGETALL', key)
  if fields.err then return { 3, fields.err } end
  if #fields == 0 then return { 0 } end
  if only_if_unowned == '1' and redis.call('HEXISTS', key, 'e') == 1 then return { 2, fields } end
  -- An operator's wish, and what ended before the edge of an earlier connection looked, were that connection's.
  for i = 1, #fields, 2 do
    if fields[i] == 'x' or string.sub(fields[i], 1, 1) == '-' then redis.call('HDEL', key, fields[i]) end
  end
  redis.call('HSET', key, 'e', edge, 'c', connection, 's', ARGV[1])
  return { 1, fields }
end

local answers = {}
for i, key in ipairs(KEYS) do
  answers[i] = claim(key, ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1])
end
return cjson.encode(answers)
