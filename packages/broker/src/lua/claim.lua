-- Makes a connection the owner of a client and reads the client.
-- KEYS  1 client
-- ARGV  1 edge, 2 connection, 3 now (ms), 4 '1' to leave a client alone that has an owner
-- Gives {0} not registered, {1, fields and values before the claim} claimed, {2, fields and values} has an owner
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then return { 0 } end
if ARGV[4] == '1' and redis.call('HEXISTS', KEYS[1], 'e') == 1 then return { 2, fields } end
-- An operator's wish, and what ended before the edge of an earlier connection looked, were that connection's.
for i = 1, #fields, 2 do
  if fields[i] == 'x' or string.sub(fields[i], 1, 1) == '-' then redis.call('HDEL', KEYS[1], fields[i]) end
end
redis.call('HSET', KEYS[1], 'e', ARGV[1], 'c', ARGV[2], 's', ARGV[3])
return { 1, fields }
