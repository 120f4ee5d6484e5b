-- Notes a connection of a client that has ended. What the connection's own edge wrote of it stays; what others wrote, who
-- know less, is replaced.
-- KEYS  1 the client's past connections (may be missing)
-- ARGV  1 the note as JSON, which begins with 2, 2 the beginning of every note of that connection,
--       3 the beginning of one by its own edge, 4 notes kept, 5 how long they are kept (ms)
-- Gives 1 noted, 0 its own edge has noted it before
local notes = redis.call('LRANGE', KEYS[1], 0, -1)
local function begins(text, start)
  return string.sub(text, 1, #start) == start
end
for i, note in ipairs(notes) do
  if begins(note, ARGV[2]) then
    if begins(note, ARGV[3]) and not begins(ARGV[1], ARGV[3]) then return 0 end
    redis.call('LSET', KEYS[1], i - 1, ARGV[1])
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
    return 1
  end
end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[4] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
