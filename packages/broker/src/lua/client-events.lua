-- A part of the scripts that change a client, which stand after it: writes events to the stream of the client's slot.
-- Entries beyond the buffer of all events: readers trim it, and are away when there are as many in one stream.
local MAX_EVENTS = 1000000

-- What each event has of a client, as JSON without its end.
local function client_in_event(key)
  local client = redis.call('HMGET', key, 'k', 'n', 'u')
  local encode, null = cjson.encode, cjson.null
  return '{"name":' .. encode(client[2] or null) .. ',"user":' .. encode(client[3] or null)
    .. ',"key":' .. encode(client[1] or '')
end

-- The same of one of its connections; its name is the generation with base 36.
local function connection_in_event(client, edge, generation)
  local DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz'
  local name, rest = '', tonumber(generation)
  repeat
    local digit = rest % 36
    name = string.sub(DIGITS, digit + 1, digit + 1) .. name
    rest = (rest - digit) / 36
  until rest == 0
  return client .. ',"edge":' .. cjson.encode(edge) .. ',"connection":"' .. name .. '"'
end

local function write_client_event(stream, event, key, data)
  local id = string.match(key, '{(.-)}')
  redis.call('XADD', stream, 'MAXLEN', '~', MAX_EVENTS, '*', 't', event, 'c', id, 'd', data .. '}')
end

local function write_disconnected(stream, key, connection, reason)
  write_client_event(stream, 'client.disconnected', key, connection .. ',"reason":"' .. reason .. '"')
end
