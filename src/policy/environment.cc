// policy/environment.cc - what the standard libraries offer inside the box: an allow-list, with bounds where the
// original has none.
//
// Why not the originals: patterns backtrack without end and no hook can stop them; string.rep, table.insert and
// table.concat take time and memory that their arguments do not show; table.sort and everything else that calls Lua
// from C can overflow the C stack or run where no hook fires; tostring shows addresses, which no replay could repeat.
#include "policy/box.h"
#include "policy/lua.h"

#include <cmath>
#include <cstdarg>
#include <cstring>

namespace weir::policy {
namespace {

constexpr size_t made_string_bytes_max = size_t{1} << 20; // by rep, concat, format
constexpr int table_moves_max = 16'384;                   // elements that one insert, remove or concat may touch

/// A plain table to work on: metatables, and so locked tables, are refused.
void check_table(lua_State* state, int index) {
    luaL_checktype(state, index, LUA_TTABLE);
    if (lua_getmetatable(state, index) != 0) raise(state, "this table is read-only");
}

int string_rep(lua_State* state) {
    size_t bytes = 0, separator_bytes = 0;
    luaL_checklstring(state, 1, &bytes);
    const lua_Number times = luaL_checknumber(state, 2);
    luaL_optlstring(state, 3, "", &separator_bytes);
    if (!(times * static_cast<lua_Number>(bytes + separator_bytes + 1) <=
          static_cast<lua_Number>(made_string_bytes_max)))
        raise(state, "string.rep would make more than 1 MiB");
    lua_settop(state, 3);
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, 3, 1);
    return 1;
}

/// Plain search only. Without `true` as the fourth argument the needle must have no character of a pattern.
int string_find(lua_State* state) {
    size_t bytes = 0, needle_bytes = 0;
    const char* text = luaL_checklstring(state, 1, &bytes);
    const char* needle = luaL_checklstring(state, 2, &needle_bytes);
    lua_Integer begin = luaL_optinteger(state, 3, 1);
    if (lua_toboolean(state, 4) == 0 && std::strpbrk(needle, "^$*+?.([%-") != nullptr)
        raise(state, "patterns are not offered: string.find(s, text, 1, true) searches plainly, re[[...]] by pattern");
    if (begin < 0) begin = begin < -static_cast<lua_Integer>(bytes) ? 1 : begin + static_cast<lua_Integer>(bytes) + 1;
    if (begin < 1) begin = 1;
    const auto from = static_cast<size_t>(begin - 1);
    if (from > bytes) return 0;
    const void* found = needle_bytes == 0 ? text + from : memmem(text + from, bytes - from, needle, needle_bytes);
    if (found == nullptr) return 0;
    const auto at = static_cast<lua_Integer>(static_cast<const char*>(found) - text);
    lua_pushinteger(state, at + 1);
    lua_pushinteger(state, at + static_cast<lua_Integer>(needle_bytes));
    return 2;
}

/// The original on numbers, strings, booleans and nil. No %p: addresses differ between runs.
int string_format(lua_State* state) {
    const char* format = luaL_checkstring(state, 1);
    size_t total = lua_objlen(state, 1);
    for (int i = 2; i <= lua_gettop(state); ++i) {
        const int type = lua_type(state, i);
        if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TBOOLEAN && type != LUA_TNIL)
            raise(state, "string.format takes strings, numbers, booleans and nil, not a %s", luaL_typename(state, i));
        total += type == LUA_TSTRING ? lua_objlen(state, i) * 4 : 512; // %q makes four bytes of one
    }
    if (total > 4 * made_string_bytes_max) raise(state, "string.format would make more than 4 MiB");
    for (const char* at = std::strchr(format, '%'); at != nullptr; at = std::strchr(at + 1, '%')) {
        ++at;
        at += std::strspn(at, "-+ #0123456789.");
        if (*at == '\0' || std::strchr("diuoxXcqsaAeEfFgG%", *at) == nullptr)
            raise(state, "string.format does not know this conversion");
    }
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, lua_gettop(state) - 1, 1);
    return 1;
}

/// Opens or closes a gap in front of `from`..`to` by moving those elements by `by`.
void move_elements(lua_State* state, int from, int to, int by) {
    if (to - from >= table_moves_max) raise(state, "more than %d elements would have to move", table_moves_max);
    if (by > 0)
        for (int i = to; i >= from; --i) {
            lua_rawgeti(state, 1, i);
            lua_rawseti(state, 1, i + by);
        }
    else
        for (int i = from; i <= to; ++i) {
            lua_rawgeti(state, 1, i);
            lua_rawseti(state, 1, i + by);
        }
}

int table_insert(lua_State* state) {
    check_table(state, 1);
    const int arguments = lua_gettop(state);
    const auto count = static_cast<int>(lua_objlen(state, 1));
    if (arguments == 2) {
        lua_rawseti(state, 1, count + 1);
        return 0;
    }
    if (arguments != 3) raise(state, "table.insert takes a table, a position and a value");
    const lua_Number position = luaL_checknumber(state, 2);
    if (!(position >= 1 && position <= count + 1)) raise(state, "table.insert: the position is outside of the table");
    const auto at = static_cast<int>(position);
    move_elements(state, at, count, 1);
    lua_rawseti(state, 1, at);
    return 0;
}

int table_remove(lua_State* state) {
    check_table(state, 1);
    const auto count = static_cast<int>(lua_objlen(state, 1));
    const lua_Number position = luaL_optnumber(state, 2, count);
    if (count == 0 || !(position >= 1 && position <= count)) return 0;
    const auto at = static_cast<int>(position);
    lua_rawgeti(state, 1, at);
    move_elements(state, at + 1, count, -1);
    lua_pushnil(state);
    lua_rawseti(state, 1, count);
    return 1;
}

int table_concat(lua_State* state) {
    check_table(state, 1);
    size_t separator_bytes = 0;
    luaL_optlstring(state, 2, "", &separator_bytes);
    const lua_Number first = luaL_optnumber(state, 3, 1);
    const lua_Number last = luaL_optnumber(state, 4, static_cast<lua_Number>(lua_objlen(state, 1)));
    if (!(first >= INT32_MIN && last <= INT32_MAX && last - first < table_moves_max))
        raise(state, "table.concat takes at most %d elements", table_moves_max);
    size_t total = 0;
    for (auto i = static_cast<int>(first); i <= static_cast<int>(last); ++i) {
        lua_rawgeti(state, 1, i);
        // Only a string has its length counted here: lua_objlen would turn a number into one.
        total += separator_bytes + (lua_type(state, -1) == LUA_TSTRING ? lua_objlen(state, -1) : 32);
        lua_pop(state, 1);
        if (total > made_string_bytes_max) raise(state, "table.concat would make more than 1 MiB");
    }
    lua_settop(state, 4);
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, 4, 1);
    return 1;
}

/// No addresses, and no metamethods. A view of the arguments gives its canonical JSON.
int to_string(lua_State* state) {
    luaL_checkany(state, 1);
    switch (lua_type(state, 1)) {
        case LUA_TNUMBER:
            lua_pushvalue(state, 1);
            lua_tolstring(state, -1, nullptr);
            return 1;
        case LUA_TSTRING: lua_settop(state, 1); return 1;
        case LUA_TBOOLEAN: lua_pushstring(state, lua_toboolean(state, 1) != 0 ? "true" : "false"); return 1;
        case LUA_TUSERDATA:
            if (value_at(state, 1, Type::view) != nullptr) {
                push_canonical(state, 1);
                return 1;
            }
            [[fallthrough]];
        default: lua_pushstring(state, luaL_typename(state, 1)); return 1;
    }
}

/// One step over the members (name, value) or elements (number, value) of a view. Upvalues: the view, the next node,
/// the number of the element that comes next or 0 for members.
int view_step(lua_State* state) {
    const auto* view = static_cast<const ViewValue*>(lua_touserdata(state, lua_upvalueindex(1)));
    if (view->run != Box::of(state).run_number) raise(state, "this value belongs to an earlier call");
    const json::Document& document = *view->document;
    const auto at = static_cast<uint32_t>(lua_tointeger(state, lua_upvalueindex(2)));
    const lua_Integer element = lua_tointeger(state, lua_upvalueindex(3));
    if (at == document.nodes[view->index].next) return 0;
    const uint32_t value = element == 0 ? at + 1 : at;
    lua_pushinteger(state, document.nodes[value].next);
    lua_replace(state, lua_upvalueindex(2));
    if (element == 0) {
        push_json(state, {document, at});
    } else {
        lua_pushinteger(state, element + 1);
        lua_replace(state, lua_upvalueindex(3));
        lua_pushinteger(state, element);
    }
    push_json(state, {document, value});
    return 2;
}

/// Pushes the iterator of the view at 1.
int push_view_steps(lua_State* state, const ViewValue& view) {
    if (view.run != Box::of(state).run_number) raise(state, "this value belongs to an earlier call");
    lua_pushvalue(state, 1);
    lua_pushinteger(state, view.index + 1);
    lua_pushinteger(state, view.document->nodes[view.index].kind == json::Kind::array ? 1 : 0);
    lua_pushcclosure(state, view_step, 3);
    return 1;
}

/// Tables and views. Upvalue: next.
int own_pairs(lua_State* state) {
    if (const auto* view = static_cast<const ViewValue*>(value_at(state, 1, Type::view)))
        return push_view_steps(state, *view);
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_settop(state, 1);
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_pushnil(state);
    return 3;
}

/// Tables and views of arrays. Upvalue: the original's iterator.
int own_ipairs(lua_State* state) {
    if (const auto* view = static_cast<const ViewValue*>(value_at(state, 1, Type::view))) {
        if (view->run == Box::of(state).run_number && view->document->nodes[view->index].kind != json::Kind::array)
            raise(state, "ipairs takes a table or an array, not an object");
        return push_view_steps(state, *view);
    }
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_settop(state, 1);
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_pushinteger(state, 0);
    return 3;
}

int write_refused(lua_State* state) { raise(state, "this table is read-only"); }

/// Copies `names` from the table at `from` into the table on top.
template <size_t N> void copy(lua_State* state, int from, const char* const (&names)[N]) {
    for (const char* name : names) {
        lua_getfield(state, from, name);
        lua_setfield(state, -2, name);
    }
}

/// Sets field `name` of the table on top to `function` with the value on top of it as its upvalue, which is taken.
void set_wrapper(lua_State* state, const char* name, lua_CFunction function) {
    lua_pushcclosure(state, function, 1);
    lua_setfield(state, -2, name);
}

} // namespace

void raise(lua_State* state, const char* format, ...) {
    luaL_where(state, 1);
    va_list arguments;
    va_start(arguments, format);
    lua_pushvfstring(state, format, arguments);
    va_end(arguments);
    lua_concat(state, 2);
    lua_error(state);
    __builtin_unreachable();
}

void set_function(lua_State* state, const char* name, lua_CFunction function) {
    lua_pushcfunction(state, function);
    lua_setfield(state, -2, name);
}

void lock_table(lua_State* state) {
    lua_newtable(state); // the proxy
    lua_createtable(state, 0, 3);
    lua_pushvalue(state, -3);
    lua_setfield(state, -2, "__index");
    set_function(state, "__newindex", write_refused);
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    lua_setmetatable(state, -2);
    lua_replace(state, -2);
}

void push_common(lua_State* state) {
    const int sort = lua_gettop(state);
    luaL_checkstack(state, 16, nullptr);
    lua_createtable(state, 0, 32);
    copy(state, LUA_GLOBALSINDEX, {"assert", "error", "next", "pcall", "select", "tonumber", "type", "unpack"});
    set_function(state, "tostring", to_string);
    lua_getglobal(state, "next");
    set_wrapper(state, "pairs", own_pairs);
    lua_getglobal(state, "ipairs");
    lua_newtable(state);
    lua_call(state, 1, 1); // the first of its three results is the iterator
    set_wrapper(state, "ipairs", own_ipairs);

    lua_getglobal(state, "string");
    const int strings = lua_gettop(state);
    lua_createtable(state, 0, 16);
    copy(state, strings, {"byte", "char", "len", "lower", "upper", "reverse", "sub"});
    set_function(state, "find", string_find);
    lua_getfield(state, strings, "rep");
    set_wrapper(state, "rep", string_rep);
    lua_getfield(state, strings, "format");
    set_wrapper(state, "format", string_format);
    lua_pushliteral(state, ""); // methods of strings
    lua_createtable(state, 0, 2);
    lua_pushvalue(state, -3);
    lua_setfield(state, -2, "__index");
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    lua_setmetatable(state, -2);
    lua_pop(state, 1);
    lock_table(state);
    lua_setfield(state, strings - 1, "string");
    lua_pop(state, 1);

    lua_getglobal(state, "table");
    lua_createtable(state, 0, 4);
    set_function(state, "insert", table_insert);
    set_function(state, "remove", table_remove);
    lua_getfield(state, -2, "concat");
    set_wrapper(state, "concat", table_concat);
    lua_pushvalue(state, sort);
    lua_setfield(state, -2, "sort");
    lock_table(state);
    lua_setfield(state, -3, "table");
    lua_pop(state, 1);

    lua_getglobal(state, "math"); // whole, but for chance
    lua_createtable(state, 0, 32);
    lua_pushnil(state);
    while (lua_next(state, -3) != 0) {
        lua_pushvalue(state, -2);
        lua_insert(state, -2);
        lua_rawset(state, -4);
    }
    for (const char* name : {"random", "randomseed"}) {
        lua_pushnil(state);
        lua_setfield(state, -2, name);
    }
    lock_table(state);
    lua_setfield(state, -3, "math");
    lua_pop(state, 1);

    lua_newtable(state);
    lua_replace(state, LUA_GLOBALSINDEX);
    lua_remove(state, sort);
}

} // namespace weir::policy
