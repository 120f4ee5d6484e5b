-- Refuses tokens of a user that were issued before a time. A time that is known already never goes back.
-- KEYS  1 the user's revocations
-- ARGV  1 issued before (ms), 2 how long this is kept (ms), then the fields: API key ids, or '*' for all
-- Gives 1
for i = 3, #ARGV do
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0')
  if known < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[1]) end
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
