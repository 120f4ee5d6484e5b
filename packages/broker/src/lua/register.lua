-- Creates a client if its id is free.
-- KEYS  1 client
-- ARGV  1 key id, 2 name ('' for none), 3 registered at (ms), 4 incarnation of the registration (a random number),
--       then pairs: topic, start of its subscription
-- Gives 1 created, 0 the id is registered already
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local fields = { 'k', ARGV[1], 'r', ARGV[3], 'o', ARGV[4] }
if ARGV[2] ~= '' then
  fields[#fields + 1] = 'n'
  fields[#fields + 1] = ARGV[2]
end
for i = 5, #ARGV, 2 do
  fields[#fields + 1] = '+' .. ARGV[i]
  fields[#fields + 1] = ARGV[i + 1]
end
redis.call('HSET', KEYS[1], unpack(fields))
return 1
