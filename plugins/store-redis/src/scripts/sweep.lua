-- KEYS: the index, where the sweep has come to. ARGV: members to look at, the prefix of keys.
-- Takes a part of the index whose values have expired out of it, so that it does not grow without end.
local scan = redis.call('ZSCAN', KEYS[1], redis.call('GET', KEYS[2]) or '0', 'COUNT', ARGV[1])
redis.call('SET', KEYS[2], scan[1], 'PX', 86400000)
for i = 1, #scan[2], 2 do
  local member = scan[2][i]
  local zero = string.find(member, '%z[^\255]')
  local partition = string.gsub(string.sub(member, 1, zero - 1), '%z\255', '\0')
  local key = ARGV[2] .. #partition .. '{' .. partition .. '}v:' .. string.sub(member, zero + 1)
  if redis.call('EXISTS', key) == 0 then
    redis.call('ZREM', KEYS[1], member)
  end
end
return #scan[2] / 2
