-- KEYS: the index, the value. ARGV: its member of the index; '' | 'absent' | the revision it must have.
-- Answers 1, 0 when there is none, -1 when the expectation does not hold.
local revision = redis.call('GETRANGE', KEYS[2], 0, 15)
if revision == '' then
  return 0
end
if ARGV[2] ~= '' and ARGV[2] ~= revision then
  return -1
end
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
