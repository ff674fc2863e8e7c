// policy/rules.h - the policies as native code sees them: rules in order of their names, and the tables that find the
// few rules which may apply to given facts among thousands.
//
// Built once by the loader (add, then compile), read by all Judges afterwards. Each match key has a table from its
// patterns to the rules that use them; the rules for given facts are the intersection of one bit set per key.
#pragma once

#include "policy/facts.h"
#include "policy/glob_index.h"
#include "policy/predicate.h"
#include "policy/verdict.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::policy {

/// One field of a mask as a policy wrote it.
struct MaskEntry {
    json::Path path;
    MaskAct act = MaskAct::drop;
    std::string text;
};

/// A decision as a policy wrote it.
struct Ruling {
    Decision decision = Decision::pass;
    As as = As::by_method;
    uint32_t retry_after_s = 0;
    std::string code, text, hint; // text: of approve, its reason
    std::vector<MaskEntry> mask;
    std::vector<std::string> by;       // approve
    std::vector<std::string_view> who; // the same as views; made by Rules::compile()
    uint64_t within_ns = 0;
};

/// A match or unless table. All given keys must hold; without any it holds always. Lists: any of the globs.
struct Condition {
    bool given = false; // whether the policy has this table
    std::vector<std::string> servers, methods, tools, prompts, resources, tags;
    std::vector<Label> labels;
    std::vector<ValueTest> arguments, results;
    std::vector<std::string> who, groups, agents; // of the principal
    std::vector<ValueTest> claims;
    std::vector<IpRange> ip; // of the client

    /// Whether servers and labels hold for `server`.
    bool holds_for_server(const Server& server) const;
    /// Whether all keys hold but those that differ from call to call: contents, principal and address.
    bool holds_for_names(const Server& server, const Facts& facts) const;
    bool asks_contents() const { return !arguments.empty() || !results.empty(); }
    bool asks_principal() const { return !who.empty() || !groups.empty() || !agents.empty() || !claims.empty(); }
    bool asks_values() const { return asks_contents() || asks_principal() || !ip.empty(); }
    /// Whether contents, principal and address are as asked; `lost` is what counts for arguments that are lost and for a result
    /// that is not there yet. Check looking.budget.exceeded and looking.groups_unknown afterwards.
    bool holds_for_values(const Facts& facts, bool lost, Looking& looking) const;

  private:
    bool holds_for_principal(const Facts& facts, Looking& looking) const;
};

struct Rule {
    std::string name;
    std::string file;
    uint32_t line = 0;
    On on = On::request;
    bool fallback = false; // asked only when nobody decided and the server's default is to block
    bool handler = false;  // decided by Lua; else by `ruling`
    Condition match, unless;
    Ruling ruling;
};

/// One bit for each rule.
using Bits = std::vector<uint64_t>;

/// A rule that may apply: all of its conditions that depend on names hold.
struct Candidate {
    uint32_t rule : 30;
    uint32_t ask_match : 1;  // match.arguments and results are still to be asked
    uint32_t ask_unless : 1; // unless.arguments and results are still to be asked
};

class Rules {
  public:
    /// False when a rule of that name exists.
    bool add(Rule rule);
    /// Sorts by name and builds the tables. No add() afterwards.
    void compile(std::span<const Server> servers);

    std::span<const Rule> all() const { return rules_; }
    const Rule& operator[](size_t index) const { return rules_[index]; }
    size_t size() const { return rules_.size(); }
    /// The index of the rule `name`, or size().
    size_t find(std::string_view name) const;
    /// The rule that was added under `name`, or nullptr; also before compile().
    const Rule* added(std::string_view name) const;
    bool any(On on) const { return any_[static_cast<size_t>(on)]; }
    /// Whether the names of resources make a difference to who matches.
    bool asks_resources() const { return asks_resources_; }

    /// Appends the candidates for `facts`, in the order of rules. `scratch` keeps its memory between calls. The answer to
    /// a task may be that of any tool: rules for tools/call count for it, whatever tool they name.
    struct Scratch {
        Bits rules, key;
    };
    void candidates(const Server& server, const Facts& facts, Scratch& scratch, std::vector<Candidate>& into) const;

    /// How many groups of patterns are searched for in one pass.
    size_t regex_groups() const { return groups_.size(); }

  private:
    void group_patterns();
    /// The rules that use one glob: by index, or as bits when they are many.
    struct Users {
        std::vector<uint32_t> few;
        Bits many;
    };
    /// One match key: which rules hold for a name.
    struct Key {
        GlobIndex globs;
        std::vector<Users> users; // by number of the glob
        Bits without;             // rules that do not have this key
        bool used = false;
        void compile(std::span<const Rule> all, std::vector<std::string> Condition::* patterns);
        void mark(std::string_view name, Bits& bits) const;
    };

    std::vector<Rule> rules_;
    std::unordered_map<std::string, size_t> added_; // until compile(): by name
    std::vector<Bits> servers_[ons];                // by On, by server: match and unless of servers and labels
    Key methods_, tools_, prompts_, resources_, tags_;
    std::vector<std::unique_ptr<const RegexGroup>> groups_;
    bool any_[ons] = {};
    bool asks_resources_ = false;
};

} // namespace weir::policy
