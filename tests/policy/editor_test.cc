// The file for editors (policies/weir.d.lua) names what policies really have: no more, no less.
#include "court.h"
#include "policy/box.h"
#include "policy/lua.h"

#include <set>

using namespace weir;
using namespace weir::policy;

namespace {

using Names = std::set<std::string>;

/// Adds the string keys of the table on top, each behind `prefix`, and those of tables that weir brought along.
void collect(lua_State* state, const std::string& prefix, Names& names) {
    lua_pushnil(state);
    while (lua_next(state, -2) != 0) {
        const std::string name = prefix + lua_tostring(state, -2);
        names.insert(name);
        if (prefix.empty() && lua_istable(state, -1) && lua_getmetatable(state, -1) != 0) {
            lua_getfield(state, -1, "__index"); // libraries are locked: their functions are behind a proxy
            collect(state, name + ".", names);
            lua_pop(state, 2);
        }
        lua_pop(state, 1);
    }
}

/// The globals that files of policies have.
Names environment() {
    Box::Purpose purpose;
    const auto box = Box::open(purpose, size_t{64} << 20);
    REQUIRE(box);
    lua_rawgeti(box->state, LUA_REGISTRYINDEX, box->references.environment_meta);
    lua_getfield(box->state, -1, "__index");
    Names names;
    collect(box->state, "", names);
    return names;
}

/// Names that Lua itself has: editors know them.
bool of_lua(const std::string& name) {
    static const Names known = {"assert", "error",    "ipairs",   "next", "pairs", "pcall",
                                "select", "tonumber", "tostring", "type", "unpack"};
    return known.contains(name) || name.starts_with("string") || name.starts_with("table") || name.starts_with("math");
}

} // namespace

TEST_CASE("editors know the names that policies have") {
    const std::string text = data_file("../../policies/weir.d.lua");
    lua_State* state = luaL_newstate();
    REQUIRE(luaL_loadbuffer(state, text.data(), text.size(), "=weir.d.lua") == 0);
    REQUIRE(lua_pcall(state, 0, 0, 0) == 0); // what it declares are functions and empty tables
    lua_close(state);

    Names declared;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.starts_with("function ")) declared.insert(line.substr(9, line.find('(') - 9));
        else if (!line.starts_with("-") && line.find(" = ") != std::string::npos)
            declared.insert(line.substr(0, line.find(' ')));
    }
    Names present = environment();
    std::erase_if(present, of_lua);
    CHECK(declared == present);
}

TEST_CASE("what is offered of Lua is the list, and nothing else") {
    Names present = environment();
    std::erase_if(present, [](const std::string& name) { return !of_lua(name) || name.starts_with("math."); });
    CHECK(present == Names{"assert",       "error",          "ipairs",        "math",         "next",
                           "pairs",        "pcall",          "select",        "string",       "string.byte",
                           "string.char",  "string.find",    "string.format", "string.len",   "string.lower",
                           "string.rep",   "string.reverse", "string.sub",    "string.upper", "table",
                           "table.concat", "table.insert",   "table.remove",  "table.sort",   "tonumber",
                           "tostring",     "type",           "unpack"});
}
