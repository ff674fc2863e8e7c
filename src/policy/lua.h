// policy/lua.h - LuaJIT's C headers, which declare no linkage of their own, with C linkage.
//
// Only the sandbox includes this: nothing outside of src/policy knows Lua.
#pragma once

extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>
}
