-- Creates a client if its id is free.
-- KEYS  1 client, 2 the stream of its events (missing: none is wanted)
-- ARGV  1 key id, 2 name ('' for none), 3 registered at (ms), 4 incarnation of the registration (a random number),
--       5 number of fields of its identity, then pairs: those fields with their values, '' for nothing,
--       and topic, start of its subscription
-- Gives 1 created, 0 the id is registered already
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local fields = { 'k', ARGV[1], 'r', ARGV[3], 'o', ARGV[4] }
local function set(field, value)
  if value == '' then return end
  fields[#fields + 1] = field
  fields[#fields + 1] = value
end
set('n', ARGV[2])
local first_topic = 6 + 2 * ARGV[5]
for i = 6, first_topic - 1, 2 do
  set(ARGV[i], ARGV[i + 1])
end
for i = first_topic, #ARGV, 2 do
  set('+' .. ARGV[i], ARGV[i + 1])
end
redis.call('HSET', KEYS[1], unpack(fields))
if KEYS[2] then write_client_event(KEYS[2], 'client.registered', KEYS[1], client_in_event(KEYS[1])) end
return 1
