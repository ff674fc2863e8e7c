// policy/set.h - everything that one directory of policies says, loaded, checked and compiled; never changed again.
//
// Loading runs each file once in the sandbox; matching afterwards is native. Whatever the language does not know, or
// this version does not have yet, is a problem with file and line: a set exists only when there is none.
// Shared by all workers, read only. What runs handlers is the Judge, one per worker.
#pragma once

#include "base/limits.h"
#include "detect/regex.h"
#include "policy/facts.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace weir::policy {

class Rules; // the compiled form: policy/rules.h

/// Compiled patterns by their text: filled while a set loads, then shared by all states of that set.
using Regexes = std::unordered_map<std::string, std::shared_ptr<const detect::Regex>>;

/// A value that a policy reads with config "name".
struct ConfigValue {
    std::string name;
    std::variant<std::string, double, bool> value;
};

/// One file of policies: `name` is its path below the directory, as messages show it.
struct Source {
    std::string name;
    std::string text;
};

/// One thing that is wrong with the policies. `line` 0: the file as a whole. Without a file: the directory.
struct Problem {
    std::string file;
    uint32_t line = 0;
    std::string text;
};

/// `file:line: text`.
std::string describe(const Problem& problem);

/// What the policies may refer to.
struct Surroundings {
    std::vector<Server> servers;
    std::vector<ConfigValue> values;
    Limits limits;
    std::vector<std::string_view> methods{}; // that MCP has: what is nearly one of them, and none, is a slip
};

using Loaded = std::expected<std::shared_ptr<const class PolicySet>, std::vector<Problem>>;

class PolicySet {
  public:
    /// Loads every `*.lua` below `directory`, but for `*_test.lua`, what lies in `lib/` (which require gets), and names
    /// that begin with a dot, files and directories. Links are followed, to directories too, each directory once (once
    /// more if it is also reached as library). A link that leads nowhere, a directory that cannot be read, and a
    /// `*.lua` that is no regular file are problems. An empty `directory` means no policies: only the servers' defaults
    /// hold.
    static Loaded load(const std::string& directory, Surroundings surroundings);
    /// The same from texts; `lib/x.lua` among them is what require "lib.x" gets.
    static Loaded load_sources(std::vector<Source> sources, Surroundings surroundings);

    ~PolicySet();
    PolicySet(const PolicySet&) = delete;
    PolicySet& operator=(const PolicySet&) = delete;

    const std::vector<Server>& servers() const { return surroundings_.servers; }
    const Limits& limits() const { return surroundings_.limits; }
    /// The policies' names in order, builtin ones included.
    std::vector<std::string_view> names() const;
    /// How many policies there are, builtin ones left out.
    size_t count() const;
    /// How many policies decide by a handler.
    size_t handlers() const;
    /// What loads and is probably not what was meant, in the order of files.
    const std::vector<Problem>& warnings() const { return warnings_; }
    /// Whether any policy is on = "list": if none, lists need not be looked into.
    bool filters_lists() const;
    /// Whether any policy is on = "response": if none, answers need not be judged.
    bool judges_responses() const;

    // For Judges.
    const Rules& rules() const { return *rules_; }
    const Regexes& regexes() const { return *regexes_; }
    const std::vector<Source>& sources() const { return sources_; }
    const std::vector<ConfigValue>& values() const { return surroundings_.values; }

  private:
    PolicySet(std::vector<Source> sources, Surroundings surroundings);
    Surroundings surroundings_;
    std::vector<Source> sources_; // handlers are built from them again, in each worker's own states
    std::vector<Problem> warnings_;
    std::unique_ptr<Rules> rules_;
    std::unique_ptr<Regexes> regexes_;
};

} // namespace weir::policy
