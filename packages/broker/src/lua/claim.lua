-- Makes connections the owners of their clients, or finds out that they still are, and reads what differs.
-- A claim has a generation: a time in microseconds that only grows. Of two connections the one with the higher
-- generation is newer, also when this Redis has lost its last writes.
-- KEYS  1… clients; on a Cluster only one; then, when events are wanted, for each client the stream of its events
-- ARGV  1 now (ms), 2 a random number, then for each client: edge, generation ('0' for a new connection),
--       incarnation of the registration that the connection belongs to ('' for any), digest of the state it has ('' none),
--       and last, when events are wanted, which
-- Returns as JSON, which a reader decodes many times faster than a reply of many strings, a list with for each client
-- [0] not registered (any more);
-- [1, generation, digest, fields and values before the call] owned by the connection from now on;
-- [2, generation, digest, fields and values] another connection owns it, or a handshake may be under way: only the generation was noted;
-- [3, the error of its key, which is no other client's];
-- [4] owned by the connection as before, and the state is the one it has
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local call, pcall, sha1hex, concat, format = redis.call, redis.pcall, redis.sha1hex, table.concat, string.format
-- Fields of the owner, and of who will be: they are no part of the state that a connection follows.
local owner_fields = { e = true, c = true, s = true, d = true, p = true, q = true }
local count = math.floor((#ARGV - 2) / 4)
local wanted = ARGV[4 * count + 3]

-- Each claim of a call takes longer than a microsecond, so that `number` leads to none of the next call's generations.
local function after(generation, number)
  if now_us > generation then return now_us + number end
  -- A clock behind: a random step, so that a Redis that forgot does not give the same number to another.
  return generation + 1 + ARGV[2] + number
end

-- For an older connection that gets its client back: newer ones that have not claimed with theirs yet, of which `given`
-- is the highest, stay newer. So the step is small: 1 ms at most; and random, as above.
local function back(held, given, number)
  if given < held + 2 then return after(given, number) end
  return held + 1 + (ARGV[2] + number) % math.min(1000, given - held - 1)
end

-- A new owner takes the place of another one, or of none.
local function write_events(stream, key, edge, generation, owner, owned)
  local client = client_in_event(key)
  if owned and string.find(wanted, 'client.disconnected', 1, true) then
    write_disconnected(stream, key, connection_in_event(client, owner.e, owner.c), 'replaced')
  end
  if string.find(wanted, 'client.connected', 1, true) then
    write_client_event(stream, 'client.connected', key, connection_in_event(client, edge, generation))
  end
end

local function claim(number, key, edge, mine, incarnation, known)
  local fields = pcall('HGETALL', key)
  if fields.err then return { 3, fields.err } end
  local owner, state, size, registered = {}, {}, 0, nil
  for i = 1, #fields, 2 do
    local name = fields[i]
    if owner_fields[name] then
      owner[name] = fields[i + 1]
    else
      if name == 'o' then registered = fields[i + 1] end
      state[size + 1], state[size + 2] = name, fields[i + 1]
      size = size + 2
    end
  end
  if #fields == 0 or (incarnation ~= '' and registered ~= incarnation) then return { 0 } end

  local held = tonumber(owner.c) or 0
  local owned = owner.e and not owner.d
  local generation = mine
  -- Also above those that were given to others who have not claimed with them yet: whatever the clock, they grow.
  local given = math.max(held, tonumber(owner.q) or 0)
  if mine == 0 then
    generation = after(given, number)
  elseif not owner.e and held > mine then
    generation = back(held, given, number)
  end
  -- 52 bits
  local digest = format('%.0f', tonumber(string.sub(sha1hex(concat(state, '\n')), 1, 13), 16))
  if owned and held == mine and digest == known then return { 4 } end
  local answer = { 1, format('%.0f', generation), digest, fields }
  -- An edge that is marked as gone may only have been late: its connection is not replaced by an older one, nor by a
  -- handshake that fails. Nor is another handshake that may be under way.
  if owner.e and (mine == 0 or held > mine) or mine == 0 and owner.q then
    answer[1] = 2
    -- A Redis that takes no write refuses the claim that follows.
    if mine == 0 then pcall('HSET', key, 'q', answer[2]) end
    return answer
  end
  if owned and held == mine then return answer end

  -- First what needs memory: once a script has written, Redis refuses it nothing any more.
  call('HSET', key, 'e', edge, 'c', answer[2], 's', ARGV[1])
  -- The edge of an older connection is notified of changes too, until it has closed that.
  if owner.e and owner.e ~= edge then
    call('HSET', key, 'p', owner.e)
  elseif owner.p == edge then
    call('HDEL', key, 'p')
  end
  if owner.d then call('HDEL', key, 'd') end
  if owner.q and tonumber(owner.q) <= generation then call('HDEL', key, 'q') end
  local stream = KEYS[count + number]
  if stream then write_events(stream, key, edge, answer[2], owner, owned) end
  return answer
end

local answers = {}
for i = 1, count do
  local at = 4 * i - 1
  answers[i] = claim(i, KEYS[i], ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3])
end
return cjson.encode(answers)
