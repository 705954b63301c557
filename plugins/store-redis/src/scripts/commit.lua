-- KEYS: the partition's holder, the index, the values. ARGV: fence or '', '1' to release, the partition as in the index, and for each value four:
-- its name; '' | 'absent' | the revision it must have; 'delete' | '' for ever | ttl in ms; the bytes.
-- Answers {revisions...}, '0' for a delete, or nil when something does not hold.
local t = redis.call('TIME')
local us = t[1] * 1000000 + t[2]
local now = math.floor(us / 1000)
local held = redis.call('HMGET', KEYS[1], 'f', 'e', 'n')
if ARGV[1] ~= '' and (held[1] ~= ARGV[1] or tonumber(held[2]) <= now) then
  return false
end
-- A value begins with its revision: sixteen digits.
local before = {}
for i = 3, #KEYS do
  local at = 4 * (i - 2)
  local revision = redis.call('GETRANGE', KEYS[i], 0, 15)
  before[i] = revision
  local expect = ARGV[at + 1]
  if expect == 'absent' then
    if revision ~= '' then return false end
  elseif expect ~= '' and expect ~= revision then
    return false
  end
end
local number = tonumber(held[3] or 0)
local answer = {}
for i = 3, #KEYS do
  local at = 4 * (i - 2)
  local member = ARGV[3] .. '\0' .. ARGV[at]
  local ttl = ARGV[at + 2]
  local revision = '0'
  if ttl ~= 'delete' then
    number = math.max(number + 1, us)
    revision = string.format('%016.0f', number)
  end
  if ttl == 'delete' or ttl == '0' then
    if before[i] ~= '' then
      redis.call('DEL', KEYS[i])
      redis.call('ZREM', KEYS[2], member)
    end
  else
    local bytes = revision .. ARGV[at + 3]
    if ttl == '' then
      redis.call('SET', KEYS[i], bytes)
    else
      redis.call('SET', KEYS[i], bytes, 'PX', ttl)
    end
    if before[i] == '' then
      redis.call('ZADD', KEYS[2], 0, member)
    end
  end
  answer[i - 2] = revision
end
if number > tonumber(held[3] or 0) then
  redis.call('HSET', KEYS[1], 'n', string.format('%.0f', number))
end
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], 'e', '0')
end
if redis.call('PTTL', KEYS[1]) < 43200000 then
  redis.call('PEXPIRE', KEYS[1], 86400000)
end
return answer
