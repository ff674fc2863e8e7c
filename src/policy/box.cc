// policy/box.cc - makes a state with its environment, loads files into it, runs handlers in it.
#include "policy/box.h"

#include "base/assert.h"
#include "policy/later.h"
#include "policy/lua.h"
#include "policy/texts.h"

#include <algorithm>
#include <new>

namespace weir::policy {
namespace {

// The stack of a sealed state, always.
constexpr int handlers_at = 1, call_at = 2, globals_at = 3, result_at = 4;

/// A global that is not there, for handlers: nil, but for what a later version has.
int missing_in_handler(lua_State* state) {
    const char* name = lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "";
    for (const std::string_view word : later_globals())
        if (word == name) raise(state, "%s is not available in this version", name);
    return 0;
}

/// The same while files load: there nothing is nil.
int missing_in_file(lua_State* state) {
    missing_in_handler(state);
    raise(state, "unknown name '%s'", lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "?");
}

int assigned_in_file(lua_State* state) {
    raise(state, "'%s' would be global: say local", lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "?");
}

/// Adds a metatable whose __index is `function` to the table on top.
void set_missing(lua_State* state, lua_CFunction function) {
    lua_createtable(state, 0, 2);
    set_function(state, "__index", function);
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    lua_setmetatable(state, -2);
}

void open_library(lua_State* state, const char* name, lua_CFunction open) {
    lua_pushcfunction(state, open);
    lua_pushstring(state, name);
    lua_call(state, 1, 0);
}

/// Puts all fields of the table at `from` into the table on top.
void copy_all(lua_State* state, int from) {
    lua_pushnil(state);
    while (lua_next(state, from) != 0) {
        lua_pushvalue(state, -2);
        lua_insert(state, -2);
        lua_rawset(state, -4);
    }
}

/// Protected by lua_cpcall; the one argument is the Box.
int open_state(lua_State* state) {
    Box& box = Box::of(state);
    References& references = box.references;
    lua_settop(state, 0);
    luaL_checkstack(state, 40, nullptr);
    open_library(state, "", luaopen_base);
    open_library(state, LUA_STRLIBNAME, luaopen_string);
    open_library(state, LUA_TABLIBNAME, luaopen_table);
    open_library(state, LUA_MATHLIBNAME, luaopen_math);
    lua_settop(state, 0);

    if (luaL_loadbufferx(state, weir_lua.data(), weir_lua.size(), "=weir", "t") != 0) lua_error(state);
    lua_call(state, 0, 1); // with the plain globals; what it needs of them it has taken
    push_common(state);
    add_tools(state);
    add_decisions(state);
    add_predicates(state);
    make_call(state);
    const int calling = lua_gettop(state);
    lua_newtable(state);
    copy_all(state, calling);
    add_loading(state);
    set_missing(state, missing_in_file);
    const int loading = lua_gettop(state);
    lua_pushvalue(state, calling);
    set_missing(state, missing_in_handler);
    references.calling = luaL_ref(state, LUA_REGISTRYINDEX);

    lua_createtable(state, 0, 8);
    lua_createtable(state, 0, 4);
    lua_pushvalue(state, loading);
    lua_setfield(state, -2, "__index");
    set_function(state, "__newindex", assigned_in_file);
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    lua_pushvalue(state, -1);
    references.environment_meta = luaL_ref(state, LUA_REGISTRYINDEX);
    lua_setmetatable(state, -2);
    references.environment = luaL_ref(state, LUA_REGISTRYINDEX);
    lua_newtable(state);
    references.handlers = luaL_ref(state, LUA_REGISTRYINDEX);
    lua_newtable(state);
    references.modules = luaL_ref(state, LUA_REGISTRYINDEX);
    lua_settop(state, 0);
    return 0;
}

struct LoadJob {
    const Source* source;
};

int load_source(lua_State* state) {
    const Source& source = *static_cast<const LoadJob*>(lua_touserdata(state, 1))->source;
    Box& box = Box::of(state);
    lua_settop(state, 0);
    lua_pushfstring(state, "@%s", source.name.c_str());
    if (luaL_loadbufferx(state, source.text.data(), source.text.size(), lua_tostring(state, 1), "t") != 0)
        lua_error(state);
    lua_rawgeti(state, LUA_REGISTRYINDEX, box.references.environment);
    lua_setfenv(state, -2);
    lua_call(state, 0, 0);
    if (!box.pending.empty())
        luaL_error(state, "%s:%d: policy \"%s\" has no table", source.name.c_str(), box.pending_line,
                   box.pending.c_str());
    return 0;
}

int seal_state(lua_State* state) {
    const References& references = Box::of(state).references;
    lua_settop(state, 0);
    lua_rawgeti(state, LUA_REGISTRYINDEX, references.environment_meta);
    lua_rawgeti(state, LUA_REGISTRYINDEX, references.calling);
    lua_setfield(state, 1, "__index");
    lua_pushnil(state);
    lua_setfield(state, 1, "__newindex");
    lua_settop(state, 0);
    lua_gc(state, LUA_GCCOLLECT, 0);
    return 0;
}

int on_panic(lua_State*) {
    constexpr bool thrown_outside_of_a_protected_call = true;
    WEIR_ASSERT(!thrown_outside_of_a_protected_call);
    return 0;
}

} // namespace

Box& Box::of(lua_State* state) {
    void* self = nullptr;
    lua_getallocf(state, &self);
    return *static_cast<Box*>(self);
}

std::unique_ptr<Box> Box::open(const Purpose& purpose, size_t memory_bytes_max, uint64_t refuse_after) {
    std::unique_ptr<Box> box(new Box);
    box->purpose = purpose;
    // Bounds hold only from here on: running out of memory inside of lua_newstate crashes some versions of LuaJIT.
    box->state = lua_newstate(Memory::allocate, box.get());
    if (box->state == nullptr) return nullptr;
    lua_atpanic(box->state, on_panic);
    // Compiled traces never look at hooks, so the compiler stays off.
    luaJIT_setmode(box->state, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    box->memory.used_bytes_max = memory_bytes_max;
    box->memory.refuse_after = refuse_after;
    if (lua_cpcall(box->state, open_state, nullptr) != 0 || box->memory.refusals != 0) return nullptr;
    return box;
}

Box::~Box() {
    if (state != nullptr) lua_close(state);
}

Outcome Box::outcome_of(int status, bool ended, uint64_t refusals_before, std::string& error) {
    // Whatever Lua says: a run that was ended or refused memory has failed, also if it caught that.
    if (ended) {
        error = "it ran longer than policy_cpu_max or policy_wall_max allow";
        return Outcome::timed_out;
    }
    if (memory.refusals != refusals_before || status == LUA_ERRMEM) {
        error = "it needed more memory than policy_memory_bytes_max allows";
        return Outcome::out_of_memory;
    }
    if (status == 0) return Outcome::fine;
    size_t bytes = 0;
    const char* message = lua_type(state, -1) == LUA_TSTRING ? lua_tolstring(state, -1, &bytes) : nullptr;
    error = message == nullptr ? "it raised an error that is no text"
                               : std::string(message, std::min(bytes, detail_bytes_max));
    return Outcome::failed;
}

Outcome Box::load(const Source& source, bool is_builtin, Watchdog& watchdog, Slot& slot, std::string& error) {
    const uint64_t refusals = memory.refusals;
    builtin = is_builtin;
    pending = {};
    requiring = 0;
    LoadJob job{&source};
    watchdog.begin(slot, state);
    const int status = lua_cpcall(state, load_source, &job);
    const bool ended = Watchdog::end(slot);
    const Outcome outcome = outcome_of(status, ended, refusals, error);
    if (outcome == Outcome::failed) lua_settop(state, 0);
    return outcome;
}

bool Box::seal(size_t call_bytes_max) {
    const uint64_t refusals = memory.refusals;
    if (lua_cpcall(state, seal_state, nullptr) != 0 || memory.refusals != refusals) return false;
    loading = false;
    memory.used_bytes_max = memory.used_bytes + call_bytes_max;
    // Garbage may add up to half of what a call may use, however large the loaded policies are.
    const size_t pause = std::min<size_t>(100, call_bytes_max / 2 * 100 / std::max<size_t>(memory.used_bytes, 1));
    lua_gc(state, LUA_GCSETPAUSE, 100 + static_cast<int>(pause));
    lua_rawgeti(state, LUA_REGISTRYINDEX, references.handlers);
    lua_rawgeti(state, LUA_REGISTRYINDEX, references.parts[static_cast<uint32_t>(Type::call)]);
    lua_rawgeti(state, LUA_REGISTRYINDEX, references.environment);
    return true;
}

/// Takes away what the run has assigned to globals. Allocates nothing: keys that exist are set to nil.
void Box::forget_globals() {
    lua_pushnil(state);
    while (lua_next(state, globals_at) != 0) {
        lua_pop(state, 1);
        lua_pushvalue(state, -1);
        lua_pushnil(state);
        lua_rawset(state, globals_at);
    }
}

Outcome Box::run(size_t index, Run& run, Watchdog& watchdog, Slot& slot, const DecisionValue*& decision,
                 std::string& error) {
    const uint64_t refusals = memory.refusals;
    lua_settop(state, globals_at);
    lua_rawgeti(state, handlers_at, static_cast<int>(index) + 1);
    lua_pushvalue(state, call_at);
    current = &run;
    ++run_number;
    watchdog.begin(slot, state);
    const int status = lua_pcall(state, 1, LUA_MULTRET, 0);
    const bool ended = Watchdog::end(slot);
    current = nullptr;
    if (scratch.taken_bytes() != 0) scratch.reset();
    const Outcome outcome = outcome_of(status, ended, refusals, error);
    if (outcome != Outcome::fine) return outcome;
    if (lua_gettop(state) > result_at) { // which of them was meant is nobody's to guess
        error = "it returned more than one value: a decision is one";
        return Outcome::failed;
    }
    decision = static_cast<const DecisionValue*>(value_at(state, result_at, Type::decision));
    forget_globals();
    return outcome;
}

} // namespace weir::policy
