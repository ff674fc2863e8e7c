-- Arguments that are paths stay inside of one directory.

local root = config "paths_root"

local function inside(path)
  if type(path) ~= "string" then return false end
  if path:sub(1, #root) ~= root then return false end
  local rest = path:sub(#root + 1)
  if rest ~= "" and rest:sub(1, 1) ~= "/" then return false end
  return ("/" .. rest .. "/"):find("/../", 1, true) == nil and path:find("\0", 1, true) == nil
end

policy "files/inside-paths" {
  about  = "File tools reach one directory",
  on     = "request",
  match  = { methods = "tools/call", tools = { "read_*", "write_*", "edit_*", "list_*", "move_*", "search_files", "directory_tree" } },
  decide = function(call)
    if call.args == nil then return pass() end
    for _, name in ipairs({ "path", "source", "destination" }) do
      local path = call.args[name]
      if path ~= nil and not inside(path) then
        return block(name .. " is outside of " .. root, { code = "path_outside" })
      end
    end
    if call.args.paths ~= nil then
      for _, path in ipairs(call.args.paths) do
        if not inside(path) then return block("one of paths is outside of " .. root, { code = "path_outside" }) end
      end
    end
    return pass()
  end,
}
