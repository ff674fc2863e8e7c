// policy/call_value.cc - what a handler is given: the call, its parts, and views of its arguments and its answer, decoded when
// asked.
//
// One value of each part for the life of the state: they show the facts of the run that is on, so making a call costs
// nothing. Views of objects and arrays are made on demand and know which run they belong to.
#include "crypto/hex.h"
#include "crypto/sha256.h"
#include "identity/principal.h"
#include "json/canonical.h"
#include "policy/box.h"
#include "policy/lua.h"

#include <cstring>

namespace weir::policy {
namespace {

/// The names that index functions compare by address: Lua interns strings.
enum Key : uint32_t {
    server,
    tool,
    method,
    args,
    session,
    client,
    time,
    prompt,
    resource,
    name,
    labels,
    id,
    calls,
    version,
    untrusted,
    unix_time,
    result,
    error,
    who,
    email,
    issuer,
    groups,
    claims,
    agent,
    in_group,
    anonymous,
    ip,
    keys
};
constexpr const char* key_names[keys] = {
    "server", "tool",   "method", "args",   "session", "client",    "time",     "prompt",    "resource",
    "name",   "labels", "id",     "calls",  "version", "untrusted", "unix",     "result",    "error",
    "who",    "email",  "issuer", "groups", "claims",  "agent",     "in_group", "anonymous", "ip"};
static_assert(keys <= sizeof(References::keys) / sizeof(References::keys[0]));

constexpr size_t paths_kept_max = 256;
constexpr int path_values_max = 1024; // that one json.path() returns

void push_text(lua_State* state, std::string_view text) {
    if (text.data() == nullptr) lua_pushnil(state);
    else lua_pushlstring(state, text.data(), text.size());
}

/// The run that is on; the facts of a call exist only then.
Run& current(lua_State* state, Box& box) {
    if (box.current == nullptr) raise(state, "this value belongs to a call, and none is on");
    return *box.current;
}

const char* key_at(lua_State* state, int index) {
    return lua_type(state, index) == LUA_TSTRING ? lua_tostring(state, index) : nullptr;
}

int push_part(lua_State* state, const Box& box, Type type) {
    lua_rawgeti(state, LUA_REGISTRYINDEX, box.references.parts[static_cast<uint32_t>(type)]);
    return 1;
}

int unknown_field(lua_State* state, const char* of, const char* key) {
    raise(state, "%s.%s is not available in this version", of, key == nullptr ? "?" : key);
}

int index_call(lua_State* state) {
    Box& box = Box::of(state);
    Run& run = current(state, box);
    const char* key = key_at(state, 2);
    const auto& known = box.references.keys;
    if (key == known[args]) {
        if (run.facts->args_lost) raise(state, "call.args is gone: this is an answer that was taken up again");
        run.looked_inside = true;
        push_json(state, run.facts->args);
        return 1;
    }
    if (key == known[result] || key == known[error]) {
        if (run.facts->on != On::response) raise(state, "call.%s is for on = \"response\"", key);
        push_json(state, key == known[result] ? run.facts->result : run.facts->error);
        return 1;
    }
    if (key == known[tool]) return push_text(state, run.facts->tool), 1;
    if (key == known[method]) return push_text(state, run.facts->method), 1;
    if (key == known[server]) return push_part(state, box, Type::server);
    if (key == known[session]) return push_part(state, box, Type::session);
    if (key == known[client]) return push_part(state, box, Type::client);
    if (key == known[time]) return push_part(state, box, Type::time);
    if (key == known[who]) return push_part(state, box, Type::who);
    if (key == known[prompt]) return push_text(state, run.facts->prompt), 1;
    if (key == known[resource]) return push_text(state, run.facts->resource), 1;
    return unknown_field(state, "call", key);
}

int index_server(lua_State* state) {
    Box& box = Box::of(state);
    const Run& run = current(state, box);
    const char* key = key_at(state, 2);
    if (key == box.references.keys[name]) return push_text(state, run.server->name), 1;
    if (key == box.references.keys[labels]) return push_part(state, box, Type::labels);
    return unknown_field(state, "call.server", key);
}

int index_labels(lua_State* state) {
    const Run& run = current(state, Box::of(state));
    size_t bytes = 0;
    const char* wanted = luaL_checklstring(state, 2, &bytes);
    for (const Label& label : run.server->labels)
        if (label.name == std::string_view(wanted, bytes)) return push_text(state, label.value), 1;
    return 0;
}

int index_session(lua_State* state) {
    Box& box = Box::of(state);
    const Run& run = current(state, box);
    const char* key = key_at(state, 2);
    if (key == box.references.keys[id]) return push_text(state, run.facts->session_id), 1;
    if (key == box.references.keys[calls]) {
        lua_pushnumber(state, static_cast<lua_Number>(run.facts->session_calls));
        return 1;
    }
    return unknown_field(state, "call.session", key);
}

int index_client(lua_State* state) {
    Box& box = Box::of(state);
    const Run& run = current(state, box);
    const char* key = key_at(state, 2);
    if (key == box.references.keys[name]) return push_text(state, run.facts->client_name), 1;
    if (key == box.references.keys[version]) return push_text(state, run.facts->client_version), 1;
    if (key == box.references.keys[untrusted]) return lua_pushboolean(state, 1), 1;
    return unknown_field(state, "call.client", key);
}

int index_time(lua_State* state) {
    Box& box = Box::of(state);
    const Run& run = current(state, box);
    const char* key = key_at(state, 2);
    if (key != box.references.keys[unix_time]) return unknown_field(state, "call.time", key);
    const uint64_t seconds = run.facts->time_unix_ns / s_ns;
    lua_pushnumber(state, static_cast<lua_Number>(seconds));
    return 1;
}

const identity::Principal& principal_of(const Run& run) {
    return run.facts->principal != nullptr ? *run.facts->principal : identity::anonymous();
}

/// Groups that may not be all: whoever asks must not take them for all. The handler fails, so the call is denied.
void need_groups(lua_State* state, const identity::Principal& principal) {
    if (!principal.groups_known) raise(state, "the token does not tell all groups of this principal");
}

/// call.who:in_group(name)
int who_in_group(lua_State* state) {
    const identity::Principal& principal = principal_of(current(state, Box::of(state)));
    const auto* part = static_cast<const FactsValue*>(value_at(state, 1, Type::who));
    if (part == nullptr) raise(state, "write call.who:in_group(name), with a colon");
    size_t bytes = 0;
    const char* text = luaL_checklstring(state, 2, &bytes);
    const auto membership = principal.in_group({text, bytes});
    if (membership == identity::Membership::unknown) need_groups(state, principal);
    lua_pushboolean(state, membership == identity::Membership::yes);
    return 1;
}

int index_who(lua_State* state) {
    Box& box = Box::of(state);
    const identity::Principal& principal = principal_of(current(state, box));
    const char* key = key_at(state, 2);
    const auto& known = box.references.keys;
    const auto text = [&](std::string_view value) {
        push_text(state, value.empty() ? std::string_view() : value);
        return 1;
    };
    if (key == known[anonymous]) return lua_pushboolean(state, principal.anonymous()), 1;
    if (key == known[id]) return text(principal.subject);
    if (key == known[email]) return text(principal.email);
    if (key == known[issuer]) return text(principal.issuer);
    if (key == known[agent]) return text(principal.client);
    if (key == known[ip]) {
        std::array<char, IpAddress::text_bytes_max> room{};
        return text(current(state, box).facts->ip.text(room));
    }
    if (key == known[claims]) return push_json(state, principal.claims.root()), 1;
    if (key == known[in_group]) return lua_pushcfunction(state, who_in_group), 1;
    if (key != known[groups]) return unknown_field(state, "call.who", key);
    need_groups(state, principal);
    lua_createtable(state, static_cast<int>(principal.groups.size()), 0);
    int count = 0;
    for (const std::string& group : principal.groups) {
        push_text(state, group);
        lua_rawseti(state, -2, ++count);
    }
    return 1;
}

/// The view at `index`, checked to be of this run.
const ViewValue& view_at(lua_State* state, int index) {
    const auto* view = static_cast<const ViewValue*>(value_at(state, index, Type::view));
    if (view == nullptr)
        raise(state, "an object or array of the call is expected, not a %s", luaL_typename(state, index));
    if (view->run != Box::of(state).run_number) raise(state, "this value belongs to an earlier call");
    return *view;
}

json::Value value_of(const ViewValue& view) { return {*view.document, view.index}; }

/// json.path(view, path): what the path leads to; with a wildcard a table of all of it, else the one value or nil.
int view_path(lua_State* state) {
    Box& box = Box::of(state);
    const ViewValue& view = view_at(state, 1);
    size_t bytes = 0;
    const char* text = luaL_checklstring(state, 2, &bytes);
    const json::Path* wanted = nullptr;
    bool no_path = false;
    {
        const std::string key(text, bytes);
        auto known = box.paths.find(key);
        if (known == box.paths.end()) {
            auto parsed = json::Path::parse(key);
            if (parsed) {
                if (box.paths.size() >= paths_kept_max) box.paths.clear();
                known = box.paths.emplace(key, std::move(*parsed)).first;
            } else {
                no_path = true;
            }
        }
        if (!no_path) wanted = &known->second;
    }
    if (no_path) raise(state, "'%s' is no path", text);
    // A wildcard may visit every value, and no hook stops that.
    if (std::memchr(text, '*', bytes) != nullptr && box.current != nullptr &&
        !box.current->looking->budget.take(value_of(view).raw().size()))
        raise(state, "the paths of this call have visited more bytes than policy_scan_bytes_max allows");
    if (std::memchr(text, '*', bytes) == nullptr) {
        json::Value found;
        wanted->each(value_of(view), [&](json::Value value) {
            found = value;
            return false;
        });
        push_json(state, found);
        return 1;
    }
    lua_newtable(state);
    int count = 0;
    bool too_many = false;
    wanted->each(value_of(view), [&](json::Value value) {
        if (value.is(json::Kind::null)) return true;
        too_many = count == path_values_max;
        if (too_many) return false;
        push_json(state, value);
        lua_rawseti(state, -2, ++count);
        return true;
    });
    if (too_many) raise(state, "a path leads to more than %d values", path_values_max);
    return 1;
}

/// Members and elements, and nothing else: a method would be taken for an argument of its name, or hide one
/// (docs/decisions/0003).
int index_view(lua_State* state) {
    const ViewValue& view = view_at(state, 1);
    const json::Value value = value_of(view);
    if (lua_type(state, 2) == LUA_TNUMBER) {
        const lua_Number position = lua_tonumber(state, 2);
        const bool whole = position >= 1 && position <= UINT32_MAX;
        push_json(state, whole ? value.at(static_cast<size_t>(position) - 1) : json::Value());
        return 1;
    }
    size_t bytes = 0;
    const char* key = luaL_checklstring(state, 2, &bytes);
    push_json(state, value.find({key, bytes}));
    return 1;
}

int length_view(lua_State* state) {
    lua_pushinteger(state, static_cast<lua_Integer>(value_of(view_at(state, 1)).count()));
    return 1;
}

int equal_views(lua_State* state) {
    const auto* a = static_cast<const ViewValue*>(value_at(state, 1, Type::view));
    const auto* b = static_cast<const ViewValue*>(value_at(state, 2, Type::view));
    lua_pushboolean(
        state, a != nullptr && b != nullptr && a->document == b->document && a->index == b->index && a->run == b->run);
    return 1;
}

int write_refused(lua_State* state) { raise(state, "what a handler is given is read-only"); }

void make_metatable(lua_State* state, Type type, lua_CFunction index) {
    lua_createtable(state, 0, 6);
    set_function(state, "__index", index);
    set_function(state, "__newindex", write_refused);
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    if (type == Type::view) {
        set_function(state, "__len", length_view);
        set_function(state, "__eq", equal_views);
    }
    References& references = Box::of(state).references;
    references.metatables[static_cast<uint32_t>(type)] = luaL_ref(state, LUA_REGISTRYINDEX);
    if (type == Type::view) return;
    auto* part = static_cast<FactsValue*>(lua_newuserdata(state, sizeof(FactsValue)));
    part->type = type;
    dress(state, type);
    references.parts[static_cast<uint32_t>(type)] = luaL_ref(state, LUA_REGISTRYINDEX);
}

int json_canon(lua_State* state) {
    push_canonical(state, 1);
    return 1;
}

/// hash.sha256(text): in hexadecimal digits.
int hash_sha256(lua_State* state) {
    Box& box = Box::of(state);
    size_t bytes = 0;
    const char* text = luaL_checklstring(state, 1, &bytes);
    if (box.current != nullptr && !box.current->looking->budget.take(bytes))
        raise(state, "this call has hashed more bytes than policy_scan_bytes_max allows");
    const crypto::Digest digest = crypto::Sha256::of({text, bytes});
    char digits[2 * sizeof(digest)];
    crypto::write_hex({reinterpret_cast<const char*>(digest.data()), digest.size()}, digits);
    lua_pushlstring(state, digits, sizeof(digits));
    return 1;
}

/// log.info(text): into the record of this decision.
int log_info(lua_State* state) {
    Box& box = Box::of(state);
    size_t bytes = 0;
    const char* text = luaL_checklstring(state, 1, &bytes);
    if (box.loading) raise(state, "log.info is for handlers: loading a file has no other effect than its policies");
    auto* lines = current(state, box).log;
    if (lines->size() < Box::log_lines_max) lines->emplace_back(text, std::min(bytes, Box::log_line_bytes_max));
    return 0;
}

} // namespace

void push_json(lua_State* state, json::Value value) {
    if (!value) return lua_pushnil(state);
    switch (value.kind()) {
        case json::Kind::null: return lua_pushnil(state);
        case json::Kind::boolean: return lua_pushboolean(state, value.boolean());
        case json::Kind::number: return lua_pushnumber(state, value.number().value_or(0));
        case json::Kind::string: {
            Box& box = Box::of(state);
            if (value.escaped() && box.scratch.taken_bytes() + value.undecoded().size() > box.memory.used_bytes_max)
                raise(state, "this call has decoded more text than it has memory");
            const std::string_view text = value.string(box.scratch);
            lua_pushlstring(state, text.data(), text.size());
            return;
        }
        case json::Kind::object:
        case json::Kind::array: {
            auto* view = static_cast<ViewValue*>(lua_newuserdata(state, sizeof(ViewValue)));
            *view = {Type::view, value.index(), value.document(), Box::of(state).run_number};
            dress(state, Type::view);
            return;
        }
    }
}

void push_canonical(lua_State* state, int index) {
    Box& box = Box::of(state);
    const ViewValue& view = view_at(state, index);
    const json::Value value = value_of(view);
    box.text.clear();
    // Sorting and copying cannot be interrupted, so they are paid for by the byte.
    if (!current(state, box).looking->budget.take(value.raw().size()) ||
        !json::canonical(value, size_t{4} << 20, box.scratch, box.text))
        raise(state, "the canonical form is larger than what this call may still look at");
    lua_pushlstring(state, box.text.data(), box.text.size());
}

void add_tools(lua_State* state) {
    lua_newtable(state);
    set_function(state, "canon", json_canon);
    set_function(state, "path", view_path);
    lock_table(state);
    lua_setfield(state, -2, "json");
    lua_newtable(state);
    set_function(state, "sha256", hash_sha256);
    lock_table(state);
    lua_setfield(state, -2, "hash");
    lua_newtable(state);
    set_function(state, "info", log_info);
    lock_table(state);
    lua_setfield(state, -2, "log");
}

void make_call(lua_State* state) {
    References& references = Box::of(state).references;
    lua_createtable(state, keys, 0); // keeps the interned names alive
    for (uint32_t i = 0; i < keys; ++i) {
        lua_pushstring(state, key_names[i]);
        references.keys[i] = lua_tostring(state, -1);
        lua_rawseti(state, -2, static_cast<int>(i) + 1);
    }
    luaL_ref(state, LUA_REGISTRYINDEX);
    make_metatable(state, Type::view, index_view);
    make_metatable(state, Type::call, index_call);
    make_metatable(state, Type::server, index_server);
    make_metatable(state, Type::labels, index_labels);
    make_metatable(state, Type::session, index_session);
    make_metatable(state, Type::client, index_client);
    make_metatable(state, Type::time, index_time);
    make_metatable(state, Type::who, index_who);
}

} // namespace weir::policy
