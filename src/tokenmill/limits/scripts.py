"""Holds the Lua scripts that keep rate windows where all nodes see them.

A scope has two keys: a hash with its window (`requests` and `tokens` in all, `from` and `to` the oldest and
newest second in it, `r…` and `t…` what each second has), and with ` running` behind its name a sorted set of
the places that are taken, by when their lease ends. Scripts are given the first. What else they are given or
answer is words of one string, since clients take their time over every single one. The time is the server's,
unless another is given.
"""

from __future__ import annotations

import hashlib
from typing import Final

from tokenmill.limits.limiter import MINUTE

LEASE: Final = 50
"""Seconds after which the places of a node that is gone are free again."""

_TIME = """
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
"""

ENTER: Final = (
    f"local MINUTE, LEASE = {MINUTE}, {LEASE}\n"
    + """
local now, tokens, place, limited = string.match(ARGV[1], '^(%S*) (%d+) (%S+) (.*)$')
now = tonumber(now)
"""
    + _TIME
    + """
local second = math.floor(now)
tokens = tonumber(tokens)

local function whole(number) return string.format('%d', number) end

local function slide(key)
  local seen = redis.call('HMGET', key, 'requests', 'tokens', 'from', 'to')
  if not seen[1] then return {requests = 0, tokens = 0, from = second, to = second} end
  local window = {requests = tonumber(seen[1]), tokens = tonumber(seen[2]),
                  from = tonumber(seen[3]), to = tonumber(seen[4])}
  if window.to <= second - MINUTE then
    redis.call('DEL', key)
    return {requests = 0, tokens = 0, from = second, to = second}
  end
  if window.from > second - MINUTE then return window end
  local gone = {}
  for old = window.from, second - MINUTE do
    gone[#gone + 1] = 'r' .. whole(old)
    gone[#gone + 1] = 't' .. whole(old)
  end
  local counts = redis.call('HMGET', key, unpack(gone))
  for at = 1, #counts, 2 do
    window.requests = window.requests - (tonumber(counts[at]) or 0)
    window.tokens = window.tokens - (tonumber(counts[at + 1]) or 0)
  end
  redis.call('HDEL', key, unpack(gone))
  window.from = second - MINUTE + 1
  redis.call('HSET', key, 'requests', whole(window.requests), 'tokens', whole(window.tokens),
             'from', whole(window.from))
  return window
end

local function wait(key, window, requests, tokens)
  for at = window.from, window.to do
    local counts = redis.call('HMGET', key, 'r' .. whole(at), 't' .. whole(at))
    requests = requests - (tonumber(counts[1]) or 0)
    tokens = tokens - (tonumber(counts[2]) or 0)
    if requests <= 0 and tokens <= 0 then return tostring(at + MINUTE - now) end
  end
  return tostring(MINUTE)
end

local limits = {}
for rpm, tpm, concurrency in string.gmatch(limited, '(%d*) (%d*) (%d*);') do
  limits[#limits + 1] = {tonumber(rpm), tonumber(tpm), tonumber(concurrency)}
end

local windows = {}
for quota = 1, #KEYS do
  local key, running = KEYS[quota], KEYS[quota] .. ' running'
  local rpm, tpm, concurrency = limits[quota][1], limits[quota][2], limits[quota][3]
  local window = slide(key)
  windows[quota] = window
  if concurrency then
    redis.call('ZREMRANGEBYSCORE', running, '-inf', tostring(now))
    if redis.call('ZCARD', running) >= concurrency then return 'concurrency ' .. quota end
  end
  if rpm and window.requests >= rpm then
    return 'requests ' .. quota .. ' ' .. wait(key, window, window.requests - rpm + 1, 0)
  end
  if tpm and window.tokens > 0 and window.tokens + tokens > tpm then
    local over = math.min(window.tokens + tokens - tpm, window.tokens)
    return 'tokens ' .. quota .. ' ' .. wait(key, window, 0, over)
  end
end

local answer = {'in', whole(second)}
for quota = 1, #KEYS do
  local key, running, window = KEYS[quota], KEYS[quota] .. ' running', windows[quota]
  local requests, sum = window.requests + 1, window.tokens + tokens
  local to = math.max(window.to, second)
  redis.call('HINCRBY', key, 'r' .. whole(second), 1)
  redis.call('HINCRBY', key, 't' .. whole(second), whole(tokens))
  redis.call('HSET', key, 'requests', whole(requests), 'tokens', whole(sum),
             'from', whole(math.min(window.from, second)), 'to', whole(to))
  redis.call('EXPIRE', key, MINUTE + 2)
  if limits[quota][3] then
    redis.call('ZADD', running, tostring(now + LEASE), place)
    redis.call('EXPIRE', running, LEASE)
  end
  answer[#answer + 1] = whole(requests)
  answer[#answer + 1] = whole(sum)
  answer[#answer + 1] = tostring(to + MINUTE - now)
end
return table.concat(answer, ' ')
"""
)
"""KEYS: the window of each quota. Words: time, tokens, the place's id, and `RPM TPM CONCURRENCY;` of each.

Answers `in`, the second, and requests, tokens and reset of each; or what is full, whose, and the wait.
"""

LEAVE: Final = """
local place, second, more = string.match(ARGV[1], '^(%S+) (%d+) (%S+)$')
more = tonumber(more)
for quota = 1, #KEYS do
  local key = KEYS[quota]
  redis.call('ZREM', key .. ' running', place)
  local took = tonumber(redis.call('HGET', key, 't' .. second) or nil)
  if took and more ~= 0 then
    local change = string.format('%d', math.max(more, -took))
    redis.call('HINCRBY', key, 't' .. second, change)
    redis.call('HINCRBY', key, 'tokens', change)
  end
end
return 1
"""
"""KEYS: as for ENTER. Words: the place's id, the second it was let in, by how much more it took."""

RENEW: Final = (
    f"local LEASE, now = {LEASE}, tonumber(ARGV[1])\n"
    + _TIME
    + """
for at = 1, #KEYS do
  redis.call('ZADD', KEYS[at] .. ' running', tostring(now + LEASE), ARGV[at + 1])
  redis.call('EXPIRE', KEYS[at] .. ' running', LEASE)
end
return #KEYS
"""
)
"""KEYS: windows. ARGV: time; the id of a place in each. A server that has forgotten them learns them anew."""

SCRIPTS: Final = (ENTER, LEAVE, RENEW)


def digest(script: str) -> str:
    """What the server calls a script that was loaded."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
