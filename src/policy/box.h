// policy/box.h - one Lua state in its box: what a policy's code can reach, and what it can use up.
//
// The environment is an allow-list (policy/environment.cc); memory is capped (policy/memory.h); time is bounded by the
// watchdog. No function that is offered calls Lua from C, runs longer than its arguments are big, or knows a clock, an
// address, a file or chance. Code is taken as text only. Globals: reads go to a table nobody can change; what a
// handler assigns lives for that call; files may not assign any.
//
// Internal to src/policy: Judges run handlers in boxes, the loader reads policies with one. A failed box is thrown
// away, never used again. One thread at a time.
#pragma once

#include "base/bytes.h"
#include "base/workspace.h"
#include "policy/endings.h"
#include "policy/memory.h"
#include "policy/rules.h"
#include "policy/set.h"
#include "policy/values.h"
#include "policy/watchdog.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct lua_State;

namespace weir::policy {

/// How a piece of Lua ended.
enum class Outcome : uint8_t { fine, failed, timed_out, out_of_memory };

/// One call of a handler, while it lasts.
struct Run {
    const Facts* facts = nullptr;
    const Server* server = nullptr;
    Looking* looking = nullptr;
    bool looked_inside = false;
    std::vector<std::string>* log = nullptr; // lines of log.info, at most log_lines_max
};

class Box {
  public:
    static constexpr size_t log_lines_max = 8, log_line_bytes_max = 256, detail_bytes_max = 300;

    /// What a box is loaded for: the set that is being made (its rules are collected), or a worker's handlers.
    struct Purpose {
        Rules* collect = nullptr;        // the loader's
        const Rules* compiled = nullptr; // a worker's
        std::vector<Problem>* problems = nullptr;
        std::vector<Problem>* warnings = nullptr;
        Regexes* regexes = nullptr; // the loader adds to it
        const Regexes* known_regexes = nullptr;
        const std::vector<Source>* sources = nullptr;
        const std::vector<ConfigValue>* values = nullptr;
        std::span<const std::string_view> methods{}; // of MCP
    };

    /// A new state with its environment, or nullptr when there is no memory for it. `refuse_after`: see Memory.
    static std::unique_ptr<Box> open(const Purpose& purpose, size_t memory_bytes_max,
                                     uint64_t refuse_after = UINT64_MAX);
    ~Box();
    Box(const Box&) = delete;
    Box& operator=(const Box&) = delete;

    /// Runs a file of policies. `builtin`: its rules are the fallbacks. What is wrong with it is in `error`.
    Outcome load(const Source& source, bool builtin, Watchdog& watchdog, Slot& slot, std::string& error);
    /// Ends loading: from now on handlers run, each with `call_bytes_max` more memory than what is used now.
    bool seal(size_t call_bytes_max);

    /// Runs the handler of rule `index`. Fine: `decision` is a decision value, which lives in the state until the next
    /// run; null when the handler returned anything else. Not fine: `error` says why, and the box is to be thrown away.
    Outcome run(size_t index, Run& run, Watchdog& watchdog, Slot& slot, const DecisionValue*& decision,
                std::string& error);

    /// The box of a state. Valid inside of functions that Lua calls.
    static Box& of(lua_State* state);

    Memory memory; // first: the state's allocator is given the Box's address
    lua_State* state = nullptr;
    Purpose purpose;
    bool loading = true;
    bool builtin = false;
    uint32_t requiring = 0; // depth of require
    std::string pending;    // the policy whose name was read and whose table was not
    uint32_t pending_line = 0;
    std::unordered_map<std::string, std::vector<Function>> functions; // of the files that have handlers, while loading
    std::deque<Test> tests;                                           // what predicate values stand for
    std::unordered_map<std::string, json::Path> paths;                // those that handlers used
    Run* current = nullptr;                                           // while a handler runs
    uint64_t run_number = 0;                                          // views of other runs are stale
    BufferPool pool{size_t{1} << 20};
    Workspace scratch{pool}; // decoded strings of this run
    PaddedBytes text{pool};  // canonical forms
    References references;

  private:
    Box() = default;
    Outcome outcome_of(int status, bool ended, uint64_t refusals_before, std::string& error);
    void forget_globals();
};

} // namespace weir::policy
