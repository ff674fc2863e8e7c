-- The part of weir's policy language that is written in it: what has to stay interruptible, so that the watchdog can
-- end it. Embedded in weir; runs inside the box. Returns what goes into the library `table`.

local type, error = type, error

local function less(a, b) return a < b end

-- Heapsort: in place, O(n log n) whatever the comparator says, no recursion. Not stable.
local function sort(list, before)
  if type(list) ~= "table" then error("table.sort takes a table", 2) end
  if before == nil then before = less end
  if type(before) ~= "function" then error("the comparator of table.sort is a function", 2) end
  local n = #list
  local function sift(from, last)
    local moving, at = list[from], from
    while at * 2 <= last do
      local child = at * 2
      if child < last and before(list[child], list[child + 1]) then child = child + 1 end
      if not before(moving, list[child]) then break end
      list[at], at = list[child], child
    end
    list[at] = moving
  end
  for from = (n - n % 2) / 2, 1, -1 do sift(from, n) end
  for last = n, 2, -1 do
    list[1], list[last] = list[last], list[1]
    sift(1, last - 1)
  end
end

return sort
