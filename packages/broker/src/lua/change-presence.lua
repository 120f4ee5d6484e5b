-- Writes which members joined and left at an edge, and publishes what that changes for the whole topic, when it is time.
-- A member is present when any edge has it, with the info of the first of them by name. A version of the topic is what
-- was published last; the changes since then have of each member [how it was, how it is], false for not present.
-- All is read before anything is written: while its slot moves, a call is refused wholly or not at all.
-- KEYS  1 topic, 2 its presence, 3 changes since its version, 4 members of the edge (missing with edge ''),
--       5 the stream of the topic's events (missing: none is wanted)
-- ARGV  1 live channel, 2 prefix of the members of edges, 3 edge ('' for none: only publishes),
--       4 the sequence that it then has; below 0 while only a part is written, -1 while its members are taken out,
--       5 the sequence that it must have, 0 for no members; 'any' begins to write all of its members, or to take them out,
--       6 or one from this on, 7 below this one, or a part of such: of earlier attempts whose outcome is not known,
--       8 ms between two versions with members, 9 between two with their number only,
--       10 changes in one version, 11 their bytes, 12 '1' when another part follows, 13 number of those that joined,
--       14 which events are wanted, '' for none,
--       then pairs of those: id, info ('' for none); then ids of those that left
-- Gives {0} no presence, {1, ms until the next call is to publish what is pending, -1 when nothing is},
--       {2} another sequence: nothing was changed
local call, encode, decode = redis.call, cjson.encode, cjson.decode
-- More versions than these, 250 ms after one another, may be replaced by a snapshot.
local MAX_VERSIONS = 4
local topic = call('HMGET', KEYS[1], 'presence', 'ttl')
if not topic[1] then return { 0 } end
local settings = decode(topic[1])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local here, edges = {}, {}
local fields = call('HGETALL', KEYS[2])
for i = 1, #fields, 2 do
  here[fields[i]] = fields[i + 1]
  if string.sub(fields[i], 1, 1) == 'e' then edges[#edges + 1] = string.sub(fields[i], 2) end
end
table.sort(edges)
local is_known = here.v ~= nil
-- Begins with the time: a version from before data was lost is never one from after it.
local version, count = tonumber(here.v or now), tonumber(here.c or 0)
-- The clock may have been set back since the last version.
local published, flushed = tonumber(here.p or 0), math.min(tonumber(here.f or 0), now)
local only_count = here.m == '1' or (not is_known and settings.show == 'count')

local edge, sequence, expected = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local stored = here['e' .. edge]
local known = tonumber(stored or 0)
local attempt = math.abs(known)
local is_earlier = known ~= -1 and attempt >= tonumber(ARGV[6]) and attempt < tonumber(ARGV[7])
if not (edge == '' or expected == 'any' or known == tonumber(expected) or is_earlier) then return { 2 } end
if edge ~= '' and expected == 'any' and sequence ~= -1 then version = math.max(version + 2, now) end

local ids, targets = {}, {}
local first_left = 15 + 2 * ARGV[13]
for i = 15, first_left - 1, 2 do
  ids[#ids + 1], targets[#targets + 1] = ARGV[i], ARGV[i + 1]
end
for i = first_left, #ARGV do
  ids[#ids + 1], targets[#targets + 1] = ARGV[i], false
end

-- What is left of data that was lost counts for nothing.
local held, pending = edge ~= '' and call('HLEN', KEYS[4]) or 0, call('HLEN', KEYS[3])
local drop = {}
if held > 0 and not stored then held, drop[#drop + 1] = 0, KEYS[4] end
if pending > 0 and not is_known then pending, drop[#drop + 1] = 0, KEYS[3] end

local put, take, note, forget, events = {}, {}, {}, {}, {}
if #ids > 0 then
  local none, earlier, later = {}, {}, {}
  local own = held > 0 and call('HMGET', KEYS[4], unpack(ids)) or none
  for _, name in ipairs(edges) do
    if name ~= edge then
      local infos, found = call('HMGET', ARGV[2] .. name, unpack(ids)), name < edge and earlier or later
      for i = 1, #ids do found[i] = found[i] or infos[i] end
    end
  end
  local earlier_state = pending > 0 and call('HMGET', KEYS[3], unpack(ids)) or none
  for i, id in ipairs(ids) do
    local before = earlier[i] or own[i] or later[i] or false
    local after = earlier[i] or targets[i] or later[i] or false
    if targets[i] and targets[i] ~= own[i] then
      put[#put + 1], put[#put + 2] = id, targets[i]
    elseif own[i] and not targets[i] then
      take[#take + 1] = id
    end
    held = held + (targets[i] and 1 or 0) - (own[i] and 1 or 0)
    count = count + (after and 1 or 0) - (before and 1 or 0)
    local event = after and not before and 'member.joined' or before and not after and 'member.left'
    if event and string.find(ARGV[14], event, 1, true) then
      events[#events + 1] = { event, id, after or before, count }
    end
    if before ~= after and not only_count then
      local was = before
      if earlier_state[i] then was = decode(earlier_state[i])[1] end
      if was ~= after then
        note[#note + 1], note[#note + 2] = id, encode({ was, after })
      elseif earlier_state[i] then
        forget[#forget + 1] = id
      end
      pending = pending + (was ~= after and 1 or 0) - (earlier_state[i] and 1 or 0)
    end
  end
end

if #drop > 0 then call('UNLINK', unpack(drop)) end
if #put > 0 then call('HSET', KEYS[4], unpack(put)) end
if #note > 0 then call('HSET', KEYS[3], unpack(note)) end
if #take > 0 then call('HDEL', KEYS[4], unpack(take)) end
if #forget > 0 then call('HDEL', KEYS[3], unpack(forget)) end
local name = string.match(KEYS[1], '{(.-)}')
for _, event in ipairs(events) do
  local member = '{"id":' .. encode(event[2]) .. ',"info":' .. (event[3] == '' and 'null' or event[3]) .. '}'
  local data = string.format('{"topic":"%s","member":%s,"count":%.0f,"version":%.0f}', name, member, event[4], version)
  call('XADD', KEYS[5], 'MAXLEN', '~', 2000000, '*', 't', event[1], 'd', data)
end

-- Past its limit it shows only a number, until there are 90 % of it.
local past = settings.show == 'count' or count > settings.limit * (only_count and 0.9 or 1)
local is_changed = past ~= only_count or pending > 0 or (only_count and published ~= count)
local interval = tonumber(only_count and ARGV[9] or ARGV[8])
local wait = is_changed and flushed + interval - now or -1
if is_changed and wait <= 0 then
  local update
  wait = -1
  if past then
    if pending > 0 then call('UNLINK', KEYS[3]) end
    update, published = 'count', count
  elseif only_count then
    update, published = 'reset', count
  else
    local joined, left, done, bytes = {}, {}, {}, 0
    local some = call('HRANDFIELD', KEYS[3], ARGV[10], 'WITHVALUES')
    for i = 1, #some, 2 do
      if bytes > tonumber(ARGV[11]) then break end
      local state, id = decode(some[i + 1]), encode(some[i])
      if state[1] then
        left[#left + 1] = id
        bytes = bytes + #id
      end
      if state[2] then
        joined[#joined + 1] = '[' .. id .. ',' .. encode(state[2]) .. ']'
        bytes = bytes + #joined[#joined]
      end
      done[#done + 1] = some[i]
    end
    -- A snapshot is there sooner than many versions, and is no larger than a few times what they would send.
    if pending > MAX_VERSIONS * #done and pending > count / MAX_VERSIONS then
      call('UNLINK', KEYS[3])
      update, published = 'reset', count
    else
      call('HDEL', KEYS[3], unpack(done))
      if pending > #done then wait = tonumber(ARGV[8]) end
      published = published + #joined - #left
      update = '{"joined":[' .. table.concat(joined, ',') .. '],"left":[' .. table.concat(left, ',') .. ']}'
    end
  end
  version, flushed, only_count = version + 1, now, past
  call('SPUBLISH', ARGV[1], string.format('presence %.0f %.0f ', version, published) .. update)
end

if edge ~= '' or is_known then
  call('HSET', KEYS[2], 'v', string.format('%.0f', version), 'c', count, 'p', published,
    'f', string.format('%.0f', flushed), 'm', only_count and '1' or '0')
end
if edge ~= '' and (held > 0 or ARGV[12] == '1') then
  call('HSET', KEYS[2], 'e' .. edge, ARGV[4])
elseif stored then
  call('HDEL', KEYS[2], 'e' .. edge)
end
-- Nothing of a channel stays that no edge asks for: see check-presence.lua.
if topic[2] then
  for i = 1, edge == '' and 3 or 4 do call('PEXPIRE', KEYS[i], topic[2]) end
end
return { 1, wait }
