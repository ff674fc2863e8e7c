// policy/decisions.cc - pass, allow, block, hide, mask, approve: the values that a policy decides with.
//
// Each reads its table twice where it has one: once to check and to count, once to write. Nothing that Lua does not own
// is alive while an error may be raised.
#include "base/limits.h"
#include "json/utf8.h"
#include "policy/box.h"
#include "policy/lua.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

namespace weir::policy {
namespace {

constexpr size_t mask_fields_max = 64, mask_text_bytes_max = 1024; // of one mask
constexpr size_t approve_by_max = 16, approve_name_bytes_max = 128;
constexpr char person_prefix[] = "person:"; // approve/decider.h
constexpr uint64_t approve_within_ns = 15 * 60 * s_ns, approve_within_ns_max = 7 * 24 * 3600 * s_ns;

bool valid_code(std::string_view code) {
    if (code.empty() || code.size() > decision_code_bytes_max) return false;
    for (const char c : code)
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
    return true;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

struct Options {
    std::string_view code, hint;
    As as = As::by_method;
    uint32_t retry_after_s = 0;
};

/// Reads the table of options at `index`, if there is one. `block`: those of block, else those of hide.
Options read_options(lua_State* state, int index, bool block) {
    Options options;
    if (lua_isnoneornil(state, index)) return options;
    luaL_checktype(state, index, LUA_TTABLE);
    lua_pushnil(state);
    while (lua_next(state, index) != 0) {
        const std::string_view key = text_at(state, -2, "the name of an option");
        if (key == "code") {
            options.code = text_at(state, -1, "code");
            if (!valid_code(options.code)) raise(state, "code is 1 to 64 of a-z, 0-9 and _");
        } else if (block && key == "hint") {
            options.hint = text_at(state, -1, "hint").substr(0, decision_hint_bytes_max);
        } else if (block && key == "retry_after") {
            const lua_Number seconds = lua_type(state, -1) == LUA_TNUMBER ? lua_tonumber(state, -1) : -1;
            if (!(seconds >= 0 && seconds <= 86'400 * 366)) raise(state, "retry_after is a number of seconds");
            options.retry_after_s = static_cast<uint32_t>(std::ceil(seconds));
        } else if (block && key == "as") {
            const std::string_view as = text_at(state, -1, "as");
            if (as != "result" && as != "error") raise(state, "as is \"result\" or \"error\"");
            options.as = as == "result" ? As::result : As::error;
        } else if (!block && (key == "notify" || key == "diff")) {
            raise(state, "hide{%s} is not available in this version", lua_tostring(state, -2));
        } else {
            raise(state, "unknown option '%s'", lua_tostring(state, -2));
        }
        lua_pop(state, 1);
    }
    return options;
}

/// A new decision on the stack, with room for `parts` texts of `bytes` together.
DecisionValue& push_value(lua_State* state, Decision decision, size_t parts, size_t bytes) {
    const size_t size = sizeof(DecisionValue) + parts * sizeof(uint32_t) + bytes;
    auto* value = static_cast<DecisionValue*>(lua_newuserdata(state, size));
    *value = DecisionValue{};
    value->type = Type::decision;
    value->decision = decision;
    value->parts_max = static_cast<uint32_t>(parts);
    dress(state, Type::decision);
    return *value;
}

int push_decision(lua_State* state, Decision decision, std::string_view text, const Options& options) {
    text = text.substr(0, decision_text_bytes_max);
    DecisionValue& value =
        push_value(state, decision, DecisionValue::own_parts, options.code.size() + text.size() + options.hint.size());
    value.as = options.as;
    value.retry_after_s = options.retry_after_s;
    for (const std::string_view part : {options.code, text, options.hint}) value.add(part);
    return 1;
}

int push_plain(lua_State* state, int reference) {
    lua_rawgeti(state, LUA_REGISTRYINDEX, reference);
    return 1;
}

/// Raises when there are more than `most` arguments: what is passed over in silence was meant.
void want_at_most(lua_State* state, int most, const char* what) {
    if (lua_gettop(state) > most) raise(state, "%s", what);
}

int make_pass(lua_State* state) {
    want_at_most(state, 0, "pass() takes nothing");
    return push_plain(state, Box::of(state).references.pass);
}

int make_allow(lua_State* state) {
    want_at_most(state, 0, "allow() takes nothing");
    return push_plain(state, Box::of(state).references.allow);
}

int make_block(lua_State* state) {
    want_at_most(state, 2, "block takes a text and a table of options");
    const std::string_view text = text_at(state, 1, "the text of block");
    return push_decision(state, Decision::block, text, read_options(state, 2, true));
}

int make_hide(lua_State* state) {
    want_at_most(state, 1, "hide takes a table of options");
    if (lua_isnoneornil(state, 1)) return push_plain(state, Box::of(state).references.hide);
    return push_decision(state, Decision::hide, {}, read_options(state, 1, false));
}

/// What a mask does, as it is written: one letter in front of the text that replaces.
constexpr char act_letters[] = {'d', 'n', '4', 'r'};

std::string_view letter_of(MaskAct act) { return {&act_letters[static_cast<size_t>(act)], 1}; }

MaskAct act_of(std::string_view word) {
    if (word == "drop") return MaskAct::drop;
    if (word == "null") return MaskAct::null;
    return word == "last4" ? MaskAct::last4 : MaskAct::replace;
}

/// Raises unless the pair on top of the stack is a path and what becomes of what it leads to.
void check_field(lua_State* state) {
    const std::string_view path = text_at(state, -2, "a path of mask{fields}");
    const std::string_view word = text_at(state, -1, "what mask does with a field");
    char why[300] = "";
    if (const auto parsed = json::Path::parse(path); !parsed)
        std::strncpy(why, parsed.error().c_str(), sizeof(why) - 1);
    if (why[0] != '\0') raise(state, "%s", why);
    if (one_of(word, {"token", "hash"}))
        raise(state, "mask{fields = {[\"%s\"] = \"%s\"}} is not available in this version", lua_tostring(state, -2),
              lua_tostring(state, -1));
    if (word.size() > mask_text_bytes_max) raise(state, "what stands in place of a field is at most 1,024 bytes");
    if (!json::valid_utf8(word)) raise(state, "what stands in place of a field is UTF-8");
}

/// mask{ fields = { [path] = "drop" | "null" | "last4" | text } }
int make_mask(lua_State* state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    want_at_most(state, 1, "mask takes one table");
    lua_pushnil(state);
    while (lua_next(state, 1) != 0) {
        const std::string_view key = text_at(state, -2, "the name of an option");
        if (one_of(key, {"detectors", "with"}))
            raise(state, "mask{%s} is not available in this version", lua_tostring(state, -2));
        if (key != "fields") raise(state, "unknown option '%s' of mask", lua_tostring(state, -2));
        lua_pop(state, 1);
    }
    lua_getfield(state, 1, "fields");
    if (!lua_istable(state, 2)) raise(state, "mask takes fields = { [path] = \"drop\" | \"null\" | \"last4\" | text }");
    size_t fields = 0, bytes = 0;
    lua_pushnil(state);
    while (lua_next(state, 2) != 0) {
        check_field(state);
        bytes += text_at(state, -2, "").size() + 1 + text_at(state, -1, "").size();
        ++fields;
        lua_pop(state, 1);
    }
    if (fields == 0) raise(state, "mask{fields} is empty: nothing would be masked");
    if (fields > mask_fields_max) raise(state, "mask{fields} has more than 64 paths");
    DecisionValue& value =
        push_value(state, Decision::mask, DecisionValue::own_parts + fields * DecisionValue::field_parts, bytes);
    for (size_t i = 0; i < DecisionValue::own_parts; ++i) value.add({});
    lua_pushnil(state);
    while (lua_next(state, 2) != 0) {
        const std::string_view word = text_at(state, -1, "");
        const MaskAct act = act_of(word);
        value.add(text_at(state, -2, ""));
        value.add(letter_of(act));
        value.add(act == MaskAct::replace ? word : std::string_view());
        lua_pop(state, 1);
    }
    return 1;
}

/// `15m`, `90s`, `2h`, `1d` in nanoseconds.
std::optional<uint64_t> duration_of(std::string_view text) {
    if (text.size() < 2 || text.size() > 8) return std::nullopt;
    const char unit = text.back();
    const uint64_t unit_s = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86'400 : 0;
    uint64_t number = 0;
    for (const char c : text.substr(0, text.size() - 1)) {
        if (c < '0' || c > '9') return std::nullopt;
        number = number * 10 + static_cast<uint64_t>(c - '0');
    }
    if (unit_s == 0) return std::nullopt;
    return number * unit_s * s_ns;
}

/// Raises unless the value on top of the stack is the name of a group, or with its prefix of a person.
void check_name(lua_State* state) {
    std::string_view name = text_at(state, -1, "a name in approve{by}");
    if (name.starts_with(person_prefix)) name.remove_prefix(std::string_view(person_prefix).size());
    const bool printable = std::none_of(name.begin(), name.end(),
                                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
    if (name.empty() || name.size() > approve_name_bytes_max || !printable || !json::valid_utf8(name))
        raise(state, "a name in approve{by} is 1 to 128 bytes of UTF-8 without control characters");
}

/// Adds the names under `key` of the table at 2 to the list at 3, each with `prefix` in front. Raises on other shapes.
void add_names(lua_State* state, const char* key, const char* prefix) {
    lua_getfield(state, 2, key);
    if (lua_isnil(state, -1)) return lua_pop(state, 1);
    const size_t count = lua_istable(state, -1) ? lua_objlen(state, -1) : 0;
    if (count == 0) raise(state, "approve{by = {%s}} is a list of names", key);
    if (count > approve_by_max) raise(state, "approve{by} has more than 16 names");
    size_t keys = 0;
    lua_pushnil(state);
    while (lua_next(state, -2) != 0) {
        if (lua_type(state, -2) != LUA_TNUMBER) raise(state, "approve{by = {%s}} is a list of names", key);
        check_name(state);
        if (*prefix == '\0' && text_at(state, -1, "").starts_with(person_prefix))
            raise(state, "no group begins with \"person:\": name persons in approve{by = {persons = {...}}}");
        ++keys;
        lua_pop(state, 1);
    }
    if (keys != count) raise(state, "approve{by = {%s}} is a list without gaps", key);
    for (size_t i = 1; i <= count; ++i) {
        lua_pushstring(state, prefix);
        lua_rawgeti(state, -2, static_cast<int>(i));
        lua_concat(state, 2);
        lua_rawseti(state, 3, static_cast<int>(lua_objlen(state, 3)) + 1);
    }
    lua_pop(state, 1);
}

/// The table at 2 as a list of names, in its place: { groups = {...}, persons = {...} } becomes one list.
void flatten_by(lua_State* state) {
    if (!lua_istable(state, 2)) return;
    bool by_key = false, listed = false;
    lua_pushnil(state);
    while (lua_next(state, 2) != 0) {
        if (lua_type(state, -2) == LUA_TSTRING) {
            if (!one_of(text_at(state, -2, ""), {"groups", "persons"}))
                raise(state, "approve{by} is a list of names, or has groups and persons; not '%s'",
                      lua_tostring(state, -2));
            by_key = true;
        } else {
            listed = true;
        }
        lua_pop(state, 1);
    }
    if (!by_key) return;
    if (listed) raise(state, "approve{by} is a list of names, or has groups and persons; not both");
    lua_newtable(state);
    add_names(state, "groups", "");
    add_names(state, "persons", person_prefix);
    lua_replace(state, 2);
}

struct Asked {
    std::string_view reason;
    uint64_t within_ns = approve_within_ns;
};

/// Reads all options of the table at 1 but `by`.
Asked read_approve(lua_State* state) {
    Asked asked;
    lua_pushnil(state);
    while (lua_next(state, 1) != 0) {
        const std::string_view key = text_at(state, -2, "the name of an option");
        if (key == "within") {
            const auto within_ns = duration_of(text_at(state, -1, "within"));
            if (!within_ns || *within_ns < s_ns || *within_ns > approve_within_ns_max)
                raise(state, "within is a duration from 1s to 7d, such as \"15m\"");
            asked.within_ns = *within_ns;
        } else if (key == "reason") {
            asked.reason = text_at(state, -1, "reason");
            if (asked.reason.size() > decision_hint_bytes_max) raise(state, "reason is at most 1,024 bytes");
        } else if (key == "on_timeout") {
            if (text_at(state, -1, "on_timeout") != "block") raise(state, "on_timeout is \"block\"");
        } else if (one_of(key, {"quorum", "self", "bind", "assurance", "show", "hide", "escalate", "remember"})) {
            raise(state, "approve{%s} is not available in this version", lua_tostring(state, -2));
        } else if (key != "by") {
            raise(state, "unknown option '%s' of approve", lua_tostring(state, -2));
        }
        lua_pop(state, 1);
    }
    return asked;
}

/// approve{ by = { name, ... } or { groups = {...}, persons = {...} }, within = "15m", reason = text, on_timeout = "block" }
int make_approve(lua_State* state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    want_at_most(state, 1, "approve takes one table");
    const Asked asked = read_approve(state);
    lua_getfield(state, 1, "by");
    flatten_by(state);
    const size_t count = lua_istable(state, 2) ? lua_objlen(state, 2) : 0;
    if (count == 0) raise(state, "approve takes by = { groups = { ... }, persons = { ... } }, or a list of groups");
    if (count > approve_by_max) raise(state, "approve{by} has more than 16 names");
    size_t keys = 0, bytes = asked.reason.size();
    lua_pushnil(state);
    while (lua_next(state, 2) != 0) {
        if (lua_type(state, -2) != LUA_TNUMBER) raise(state, "approve{by} is a list");
        check_name(state);
        bytes += text_at(state, -1, "").size();
        ++keys;
        lua_pop(state, 1);
    }
    if (keys != count) raise(state, "approve{by} is a list without gaps");
    DecisionValue& value = push_value(state, Decision::approve, DecisionValue::own_parts + count, bytes);
    value.within_ns = asked.within_ns;
    for (const std::string_view part : {std::string_view(), asked.reason, std::string_view()}) value.add(part);
    for (size_t i = 1; i <= count; ++i) {
        lua_rawgeti(state, 2, static_cast<int>(i));
        value.add(text_at(state, -1, ""));
        lua_pop(state, 1);
    }
    return 1;
}

int write_refused(lua_State* state) { raise(state, "this value is read-only"); }

} // namespace

void DecisionValue::add(std::string_view text) {
    const uint32_t begin = parts == 0 ? 0 : ends()[parts - 1];
    if (!text.empty()) std::memcpy(bytes() + begin, text.data(), text.size());
    ends()[parts++] = begin + static_cast<uint32_t>(text.size());
}

DecisionValue::Field DecisionValue::field(size_t index) const {
    const size_t first = own_parts + index * field_parts;
    const auto* letter = std::find(std::begin(act_letters), std::end(act_letters), part(first + 1).front());
    return {part(first), static_cast<MaskAct>(letter - act_letters), part(first + 2)};
}

std::string_view wrong_decision(On on, Decision decision) {
    if (on == On::list)
        return decision == Decision::hide || decision == Decision::pass
                   ? std::string_view()
                   : "a policy on = \"list\" decides hide() or pass()";
    if (decision == Decision::hide) return "hide() is for on = \"list\" (which also refuses calls by that name)";
    if (decision == Decision::mask && on == On::request) return "mask on a request is not available in this version";
    if (decision == Decision::approve && on == On::response)
        return "approve on a response is not available in this version";
    return {};
}

void add_decisions(lua_State* state) {
    lua_createtable(state, 0, 3);
    lua_newtable(state);
    lua_setfield(state, -2, "__index");
    set_function(state, "__newindex", write_refused);
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    References& references = Box::of(state).references;
    references.metatables[static_cast<uint32_t>(Type::decision)] = luaL_ref(state, LUA_REGISTRYINDEX);
    const Options none;
    push_decision(state, Decision::pass, {}, none);
    references.pass = luaL_ref(state, LUA_REGISTRYINDEX);
    push_decision(state, Decision::allow, {}, none);
    references.allow = luaL_ref(state, LUA_REGISTRYINDEX);
    push_decision(state, Decision::hide, {}, none);
    references.hide = luaL_ref(state, LUA_REGISTRYINDEX);
    set_function(state, "pass", make_pass);
    set_function(state, "allow", make_allow);
    set_function(state, "block", make_block);
    set_function(state, "hide", make_hide);
    set_function(state, "mask", make_mask);
    set_function(state, "approve", make_approve);
}

} // namespace weir::policy
