-- KEYS: the log. ARGV: after, most entries. Answers {newest position, position of the first entry given, entries...}.
-- A page ends early at 8 MiB: it must fit into one answer.
local newest = tonumber(redis.call('HGET', KEYS[1], 'n') or 0)
local first = math.max(tonumber(ARGV[1]) + 1, tonumber(redis.call('HGET', KEYS[1], 'b') or 1))
local answer = {newest, first}
local bytes = 0
local last = math.min(newest, first + tonumber(ARGV[2]) - 1)
for position = first, last do
  local entry = redis.call('HGET', KEYS[1], 'e' .. string.format('%.0f', position))
  bytes = bytes + #entry
  if bytes > 8388608 and position > first then
    break
  end
  answer[#answer + 1] = entry
end
return answer
