-- KEYS: the partition's holder. ARGV: fence, ttl in ms; a ttl of 0 releases. Answers 1, or 0 when the fence is stale or its lease over.
local t = redis.call('TIME')
local now = math.floor((t[1] * 1000000 + t[2]) / 1000)
local held = redis.call('HMGET', KEYS[1], 'f', 'e')
if held[1] ~= ARGV[1] or tonumber(held[2]) <= now then
  return 0
end
local ttl = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'e', string.format('%.0f', now + ttl))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ttl, 86400000)))
return 1
