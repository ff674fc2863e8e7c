// policy/values.cc - predicates: what a policy matches and searches with; and what all of weir's values share.
#include "policy/values.h"

#include "base/glob.h"
#include "policy/box.h"
#include "policy/lua.h"

#include <cmath>
#include <cstring>
#include <new>

namespace weir::policy {
namespace {

/// Predicates belong into match and unless, which only loading reads, and are made of one value.
Box& loading_box(lua_State* state, const char* what) {
    Box& box = Box::of(state);
    if (lua_gettop(state) > 1) raise(state, "%s takes one value", what);
    if (!box.loading) raise(state, "%s is made above the handler, once, not in it", what);
    return box;
}

/// Keeps `test` and pushes the value that stands for it.
int push_test(lua_State* state, Box& box, Test test) {
    const auto index = static_cast<uint32_t>(box.tests.size());
    box.tests.push_back(std::move(test));
    auto* value = static_cast<TestValue*>(lua_newuserdata(state, sizeof(TestValue)));
    *value = {Type::test, index};
    dress(state, Type::test);
    return 1;
}

int make_glob(lua_State* state) {
    Box& box = loading_box(state, "glob");
    const std::string_view pattern = text_at(state, 1, "the pattern of glob");
    if (!glob_valid(pattern)) raise(state, "'%s' is no glob", lua_tostring(state, 1));
    Test test;
    test.kind = Test::Kind::glob;
    test.globs.emplace_back(pattern);
    return push_test(state, box, std::move(test));
}

int make_re(lua_State* state) {
    Box& box = loading_box(state, "re");
    const std::string_view pattern = text_at(state, 1, "the pattern of re");
    Test test;
    test.kind = Test::Kind::re;
    char why[200] = "";
    {
        const std::string key(pattern);
        if (box.purpose.known_regexes != nullptr) {
            const auto known = box.purpose.known_regexes->find(key);
            if (known != box.purpose.known_regexes->end()) test.regex = known->second;
        }
        if (!test.regex && box.purpose.regexes != nullptr) {
            auto& slot = (*box.purpose.regexes)[key];
            if (!slot) {
                auto compiled = detect::Regex::compile(pattern);
                if (compiled) slot = std::make_shared<const detect::Regex>(std::move(*compiled));
                else std::strncpy(why, compiled.error().c_str(), sizeof(why) - 1);
            }
            test.regex = slot;
        }
    }
    if (!test.regex) raise(state, "'%s' is no regular expression: %s", lua_tostring(state, 1), why);
    return push_test(state, box, std::move(test));
}

/// any_of{...} and none_of{...}: upvalue 1 is true for none_of.
int make_of(lua_State* state) {
    const bool none = lua_toboolean(state, lua_upvalueindex(1)) != 0;
    const char* what = none ? "none_of" : "any_of";
    Box& box = loading_box(state, what);
    luaL_checktype(state, 1, LUA_TTABLE);
    const size_t count = lua_objlen(state, 1);
    if (count == 0) raise(state, "%s takes a list with at least one value", what);
    Test test;
    test.kind = none ? Test::Kind::none_of : Test::Kind::any_of;
    size_t keys = 0;
    lua_pushnil(state);
    while (lua_next(state, 1) != 0) {
        ++keys;
        const int type = lua_type(state, -1);
        if (lua_type(state, -2) != LUA_TNUMBER || (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN))
            raise(state, "%s takes a list of strings, numbers and booleans", what);
        if (type == LUA_TSTRING) test.scalars.emplace_back(std::string(text_at(state, -1, what)));
        else if (type == LUA_TNUMBER && std::isnan(lua_tonumber(state, -1)))
            raise(state, "%s has a number that equals none", what);
        else if (type == LUA_TNUMBER) test.scalars.emplace_back(static_cast<double>(lua_tonumber(state, -1)));
        else test.scalars.emplace_back(lua_toboolean(state, -1) != 0);
        lua_pop(state, 1);
    }
    if (keys != count) raise(state, "%s takes a list without gaps", what);
    return push_test(state, box, std::move(test));
}

/// num{...} and len{...}: upvalue 1 is true for len.
int make_bounds(lua_State* state) {
    const bool len = lua_toboolean(state, lua_upvalueindex(1)) != 0;
    const char* what = len ? "len" : "num";
    Box& box = loading_box(state, what);
    luaL_checktype(state, 1, LUA_TTABLE);
    Test test;
    test.kind = len ? Test::Kind::len : Test::Kind::num;
    bool any = false;
    lua_pushnil(state);
    while (lua_next(state, 1) != 0) {
        const std::string_view key = text_at(state, -2, "the name of a bound");
        Bounds& bounds = test.bounds;
        std::optional<double>* bound = key == "ge"   ? &bounds.ge
                                       : key == "gt" ? &bounds.gt
                                       : key == "le" ? &bounds.le
                                       : key == "lt" ? &bounds.lt
                                       : key == "eq" ? &bounds.eq
                                       : key == "ne" ? &bounds.ne
                                                     : nullptr;
        if (bound == nullptr)
            raise(state, "%s has no bound '%s': ge, gt, le, lt, eq, ne", what, lua_tostring(state, -2));
        if (lua_type(state, -1) != LUA_TNUMBER || std::isnan(lua_tonumber(state, -1)))
            raise(state, "the bound %s of %s is a number", lua_tostring(state, -2), what);
        *bound = lua_tonumber(state, -1);
        any = true;
        lua_pop(state, 1);
    }
    if (!any) raise(state, "%s takes at least one of ge, gt, le, lt, eq, ne", what);
    if (!test.bounds.possible(len))
        raise(state, len ? "no length is within these bounds" : "no number is within these bounds");
    return push_test(state, box, std::move(test));
}

/// The test of the value at 1 that can search text, and the text at 2, paid for.
const Test& searching(lua_State* state, std::string_view& text) {
    Box& box = Box::of(state);
    const auto* value = static_cast<const TestValue*>(value_at(state, 1, Type::test));
    if (value == nullptr) raise(state, "call it as pattern:match(text)");
    const Test& test = box.tests[value->index];
    if (test.kind != Test::Kind::re && test.kind != Test::Kind::glob) raise(state, "only re and glob search texts");
    text = text_at(state, 2, "what a pattern searches");
    if (box.current != nullptr && !box.current->looking->budget.take(text.size() + 1))
        raise(state, "the patterns of this call have searched more bytes than policy_scan_bytes_max allows");
    return test;
}

int test_match(lua_State* state) {
    std::string_view text;
    const Test& test = searching(state, text);
    lua_pushboolean(state, test.kind == Test::Kind::re ? test.regex->found_in(text) : glob_match(test.globs[0], text));
    return 1;
}

/// The first and last byte of the leftmost occurrence, or nil.
int test_find(lua_State* state) {
    std::string_view text;
    const Test& test = searching(state, text);
    if (test.kind != Test::Kind::re) raise(state, "only re knows where it matches");
    size_t begin = 0, end = 0;
    if (!test.regex->find(text, begin, end)) return 0;
    lua_pushinteger(state, static_cast<lua_Integer>(begin) + 1);
    lua_pushinteger(state, static_cast<lua_Integer>(end));
    return 2;
}

int write_refused(lua_State* state) { raise(state, "this value is read-only"); }

/// Makes the metatable of `type` with the table on top as its __index, which is taken.
void make_metatable(lua_State* state, Type type) {
    lua_createtable(state, 0, 3);
    lua_insert(state, -2);
    lua_setfield(state, -2, "__index");
    set_function(state, "__newindex", write_refused);
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    Box::of(state).references.metatables[static_cast<uint32_t>(type)] = luaL_ref(state, LUA_REGISTRYINDEX);
}

/// Sets field `name` of the table on top to `function` with a boolean as its upvalue.
void set_flagged(lua_State* state, const char* name, lua_CFunction function, bool flag) {
    lua_pushboolean(state, flag);
    lua_pushcclosure(state, function, 1);
    lua_setfield(state, -2, name);
}

} // namespace

std::string_view text_at(lua_State* state, int index, const char* what) {
    size_t bytes = 0;
    if (lua_type(state, index) != LUA_TSTRING) raise(state, "%s is a string", what);
    const char* text = lua_tolstring(state, index, &bytes);
    return {text, bytes};
}

void* value_at(lua_State* state, int index, Type type) {
    if (lua_type(state, index) != LUA_TUSERDATA) return nullptr;
    void* value = lua_touserdata(state, index);
    return *static_cast<const Type*>(value) == type ? value : nullptr;
}

void dress(lua_State* state, Type type) {
    lua_rawgeti(state, LUA_REGISTRYINDEX, Box::of(state).references.metatables[static_cast<uint32_t>(type)]);
    lua_setmetatable(state, -2);
}

void add_predicates(lua_State* state) {
    lua_newtable(state);
    set_function(state, "match", test_match);
    set_function(state, "find", test_find);
    make_metatable(state, Type::test);
    Box& box = Box::of(state);
    Test test;
    test.kind = Test::Kind::present;
    push_test(state, box, test);
    lua_setfield(state, -2, "present");
    test.kind = Test::Kind::absent;
    push_test(state, box, std::move(test));
    lua_setfield(state, -2, "absent");
    set_function(state, "glob", make_glob);
    set_function(state, "re", make_re);
    set_flagged(state, "any_of", make_of, false);
    set_flagged(state, "none_of", make_of, true);
    set_flagged(state, "num", make_bounds, false);
    set_flagged(state, "len", make_bounds, true);
}

} // namespace weir::policy
