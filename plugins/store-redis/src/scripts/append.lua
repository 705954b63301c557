-- KEYS: the log. ARGV: id, value, most entries, ttl in ms. Answers the position.
-- One hash: 'n' the newest position, 'b' the oldest, 'e<position>' the entry as '<bytes of id>:<id><value>', 'i<id>' its position.
local position = redis.call('HGET', KEYS[1], 'i' .. ARGV[1])
if not position then
  position = redis.call('HINCRBY', KEYS[1], 'n', 1)
  redis.call('HSET', KEYS[1], 'e' .. position, #ARGV[1] .. ':' .. ARGV[1] .. ARGV[2], 'i' .. ARGV[1], position)
  local first = tonumber(redis.call('HGET', KEYS[1], 'b') or 1)
  local from = first
  local most = tonumber(ARGV[3])
  while position - first + 1 > most do
    local entry = redis.call('HGET', KEYS[1], 'e' .. first)
    local colon = string.find(entry, ':', 1, true)
    local id = string.sub(entry, colon + 1, colon + tonumber(string.sub(entry, 1, colon - 1)))
    redis.call('HDEL', KEYS[1], 'e' .. first, 'i' .. id)
    first = first + 1
  end
  if first ~= from then
    redis.call('HSET', KEYS[1], 'b', first)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return tonumber(position)
