// policy/values.h - the values that weir hands to Lua, and the functions that make and read them.
//
// Every userdata in a box is one of these and begins with its Type, so that reading the first word of any userdata is
// safe: the box offers no other way to make one. All are read-only for Lua. Internal to src/policy.
#pragma once

#include "json/document.h"
#include "policy/facts.h"
#include "policy/verdict.h"

#include <cstdint>
#include <string_view>

struct lua_State;

namespace weir::policy {

enum class Type : uint32_t {
    decision, // DecisionValue
    test,     // TestValue: what predicate constructors return
    view,     // ViewValue: an object or array of the arguments or of the answer
    call,     // the call and its parts: a FactsValue each
    server,
    labels,
    session,
    client,
    time,
    who,
};
constexpr uint32_t types = 10;

/// References into the registry of a state.
struct References {
    int metatables[types] = {};
    int environment = 0;               // the table that all code has as its globals; empty
    int environment_meta = 0;          // its metatable
    int calling = 0;                   // what globals are for handlers
    int parts[types] = {};             // the one value of each of call, server, labels, session, client, time
    int pass = 0, allow = 0, hide = 0; // decisions without anything in them
    int handlers = 0;                  // functions by rule index + 1
    int modules = 0;                   // by name, what require has loaded
    const char* keys[32] = {};         // interned names, by Key
};

/// A decision as a policy made it. Its texts stand behind it in the same block, each with where it ends: code, text and
/// hint; then the fields of mask, or the names of approve (whose text is its reason).
struct DecisionValue {
    static constexpr size_t own_parts = 3, field_parts = 3;
    struct Field {
        std::string_view path;
        MaskAct act;
        std::string_view text;
    };

    Type type;
    Decision decision;
    As as;
    uint32_t retry_after_s;
    uint64_t within_ns;
    uint32_t parts, parts_max;

    std::string_view code() const { return part(0); }
    std::string_view text() const { return part(1); }
    std::string_view hint() const { return part(2); }
    size_t fields() const { return decision == Decision::mask ? (parts - own_parts) / field_parts : 0; }
    Field field(size_t index) const;
    size_t names() const { return decision == Decision::approve ? parts - own_parts : 0; }
    std::string_view name(size_t index) const { return part(own_parts + index); }
    /// Appends a text; there is room for parts_max of them.
    void add(std::string_view text);

  private:
    uint32_t* ends() { return reinterpret_cast<uint32_t*>(this + 1); }
    const uint32_t* ends() const { return reinterpret_cast<const uint32_t*>(this + 1); }
    char* bytes() { return reinterpret_cast<char*>(ends() + parts_max); }
    std::string_view part(size_t index) const {
        const uint32_t begin = index == 0 ? 0 : ends()[index - 1];
        return {reinterpret_cast<const char*>(ends() + parts_max) + begin, ends()[index] - begin};
    }
};

/// Why a policy `on` may not decide so; empty when it may.
std::string_view wrong_decision(On on, Decision decision);

/// Which of Box::tests this is.
struct TestValue {
    Type type;
    uint32_t index;
};

struct ViewValue {
    Type type;
    uint32_t index; // of the node
    const json::Document* document;
    uint64_t run; // the run it belongs to
};

struct FactsValue {
    Type type;
};

constexpr uint32_t decision_text_bytes_max = 4096, decision_hint_bytes_max = 1024, decision_code_bytes_max = 64;

/// The string at `index`, or an error that says what it should be.
std::string_view text_at(lua_State* state, int index, const char* what);
/// The userdata at `index` if it is of `type`, else nullptr.
void* value_at(lua_State* state, int index, Type type);
/// Gives the userdata on top of the stack the metatable of its type.
void dress(lua_State* state, Type type);

/// Pushes what stands at `value`: a string, number, boolean, nil (null, nothing) or a view.
void push_json(lua_State* state, json::Value value);
/// Pushes the canonical form of the value at `index`: a view, string, number or boolean. Else an error.
void push_canonical(lua_State* state, int index);

// The parts of the environment. Each leaves the stack as it was, but for what its name says; each may throw (Lua).

/// Pushes a table of what handlers and files may both call: base, string, table, math. The standard libraries are in
/// the state's globals, which are emptied. `sort` is the function on top of the stack, which is taken.
void push_common(lua_State* state);
/// Adds pass, allow, block, hide, mask and approve to the table on top.
void add_decisions(lua_State* state);
/// Adds present, absent, glob, re, any_of, none_of, num and len to the table on top.
void add_predicates(lua_State* state);
/// Adds json, hash and log to the table on top.
void add_tools(lua_State* state);
/// Adds policy, require and config to the table on top.
void add_loading(lua_State* state);
/// Makes the metatables and the values of call and its parts.
void make_call(lua_State* state);

/// Pushes a proxy of the table on top in its place: reads go through, writes are errors.
void lock_table(lua_State* state);
/// Sets `function` as field `name` of the table on top.
void set_function(lua_State* state, const char* name, int (*function)(lua_State*));
/// Raises an error with the place in the policy that called. Does not return.
[[noreturn]] void raise(lua_State* state, const char* format, ...) __attribute__((format(printf, 2, 3)));

} // namespace weir::policy
