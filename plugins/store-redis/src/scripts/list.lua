-- KEYS: the index. ARGV: first and last bound, most names, the prefix of keys.
-- Answers {'' or the member to go on after, members...}. What is gone from the values is taken out of the index on the way.
local from = ARGV[1]
local most = tonumber(ARGV[3])
local looked = 0
local answer = {''}
while true do
  local page = redis.call('ZRANGEBYLEX', KEYS[1], from, ARGV[2], 'LIMIT', 0, 256)
  for _, member in ipairs(page) do
    if #answer > most or looked >= 4096 then
      answer[1] = string.sub(from, 2)
      return answer
    end
    looked = looked + 1
    local zero = string.find(member, '%z[^\255]')
    local partition = string.gsub(string.sub(member, 1, zero - 1), '%z\255', '\0')
    local key = ARGV[4] .. #partition .. '{' .. partition .. '}v:' .. string.sub(member, zero + 1)
    if redis.call('EXISTS', key) == 1 then
      answer[#answer + 1] = member
    else
      redis.call('ZREM', KEYS[1], member)
    end
    from = '(' .. member
  end
  if #page < 256 then
    return answer
  end
end
