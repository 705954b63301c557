-- KEYS: the partition's holder, values. ARGV: owner, ttl in ms.
-- Answers {0, ms left} when somebody else holds it, and {1, fence, values...} otherwise.
local t = redis.call('TIME')
local us = t[1] * 1000000 + t[2]
local now = math.floor(us / 1000)
local ttl = tonumber(ARGV[2])
local held = redis.call('HMGET', KEYS[1], 'o', 'e', 'n')
local ends = tonumber(held[2] or 0)
if held[1] and held[1] ~= ARGV[1] and ends > now then
  return {0, ends - now}
end
-- Fences and revisions are the time in microseconds, and more than the one before: so they grow also when nothing is remembered.
local number = string.format('%.0f', math.max(tonumber(held[3] or 0) + 1, us))
redis.call('HSET', KEYS[1], 'o', ARGV[1], 'f', number, 'e', string.format('%.0f', now + ttl), 'n', number)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ttl, 86400000)))
local answer = {1, number}
for i = 2, #KEYS do
  answer[i + 1] = redis.call('GET', KEYS[i])
end
return answer
