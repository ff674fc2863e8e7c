// policy/judge.cc - evaluates the candidates, runs their handlers, and keeps the worker's states.
#include "policy/judge.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "policy/candidates.h"
#include "policy/states.h"
#include "policy/text.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace weir::policy {
namespace {

constexpr size_t name_bytes_max = 8 << 10; // of a tool, prompt or resource that is matched at all
constexpr size_t errors_max = 5;           // of one policy within errors_ns, then it denies without running
constexpr uint64_t errors_ns = 60 * s_ns;
constexpr uint32_t log_lines_a_second_max = 100;

/// The last errors of one policy.
struct Errors {
    std::array<uint64_t, errors_max> at_ns{}; // a ring
    uint32_t count = 0;
    uint64_t suspended_until_ns = 0;
};

/// What one rule said.
struct Said {
    uint32_t rule;
    Decision decision;
};

/// In an order that does not depend on how Lua walks its tables.
bool before(const MaskField& a, const MaskField& b) {
    return a.policy != b.policy ? a.policy < b.policy : a.path.text() < b.path.text();
}

} // namespace

struct Judge::Parts {
    Parts(std::shared_ptr<const PolicySet> policies, Watchdog& dog)
        : set(std::move(policies)), watchdog(dog), cache(*set), states(*set, dog), errors(set->rules().size()) {
        slot.cpu_ns_max = set->limits().policy_cpu_ns_max;
        slot.wall_ns_max = set->limits().policy_wall_ns_max;
        watchdog.add(slot);
        said.reserve(set->rules().size());
    }
    ~Parts() { watchdog.remove(slot); }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;

    bool consider(const Candidate& candidate, const Facts& facts, Workspace& space, Verdict& verdict);
    bool decide_by_handler(size_t index, const Facts& facts, Workspace& space, Verdict& verdict);
    void take(size_t index, Decision decision, Verdict& verdict);
    void take_ruling(size_t index, Verdict& verdict);
    void take_value(size_t index, const DecisionValue& value, Workspace& space, Verdict& verdict);
    void settle(Workspace& space, Verdict& verdict);
    void fail(size_t index, std::string_view why, Workspace& space, Verdict& verdict);
    void note_error(size_t index, Outcome outcome, std::string_view why, uint64_t now_ns);
    void default_for(const Facts& facts, std::span<const Candidate> own, Workspace& space, Verdict& verdict);
    void keep_log(const Facts& facts, Workspace& space, Verdict& verdict);

    std::shared_ptr<const PolicySet> set;
    Watchdog& watchdog;
    Slot slot;
    CandidateCache cache;
    States states;
    std::vector<Errors> errors;
    std::vector<Said> said; // of this judgement
    std::vector<MaskField> masks;
    std::vector<Approve> approvals;
    std::vector<std::string> log;
    Looking looking;
    bool looked_inside = false;
    uint64_t log_second = 0;
    uint32_t log_lines = 0;
    JudgeCounts counts;
};

void Judge::Parts::take(size_t index, Decision decision, Verdict& verdict) {
    if (decision == Decision::pass) return;
    said.push_back({static_cast<uint32_t>(index), decision});
    if (decision > verdict.decision) verdict.decision = decision;
}

/// What the rule says by itself.
void Judge::Parts::take_ruling(size_t index, Verdict& verdict) {
    const Rule& rule = set->rules()[index];
    const Ruling& ruling = rule.ruling;
    if (ruling.decision > verdict.decision) {
        verdict.as = ruling.as;
        verdict.retry_after_s = ruling.retry_after_s;
        verdict.code = ruling.code;
        verdict.text = ruling.text;
        verdict.hint = ruling.hint;
    }
    for (const MaskEntry& entry : ruling.mask) masks.push_back({entry.path.view(), entry.act, entry.text, rule.name});
    if (ruling.decision == Decision::approve)
        approvals.push_back({rule.name, ruling.who, ruling.text, ruling.within_ns});
    take(index, ruling.decision, verdict);
}

/// What the rule's handler said; copied, because the value is Lua's.
void Judge::Parts::take_value(size_t index, const DecisionValue& value, Workspace& space, Verdict& verdict) {
    const std::string_view name = set->rules()[index].name;
    const std::string_view text = clean_copy(space, value.text(), decision_text_bytes_max);
    if (value.decision > verdict.decision) { // the first of the strictest has the word
        verdict.as = value.as;
        verdict.retry_after_s = value.retry_after_s;
        verdict.code = space.copy(value.code());
        verdict.text = text;
        verdict.hint = clean_copy(space, value.hint(), decision_hint_bytes_max);
    }
    for (size_t i = 0; i < value.fields(); ++i) {
        const auto field = value.field(i);
        const auto path = json::Path::parse(field.path); // it was read when the value was made
        WEIR_ASSERT(path.has_value());
        masks.push_back({path->view().copy_to(space), field.act, space.copy(field.text), name});
    }
    if (value.decision == Decision::approve) {
        const auto by = space.array<std::string_view>(value.names());
        for (size_t i = 0; i < by.size(); ++i) by[i] = space.copy(value.name(i));
        approvals.push_back({name, by, text, value.within_ns});
    }
    take(index, value.decision, verdict);
}

/// Gives the verdict what belongs to its decision.
void Judge::Parts::settle(Workspace& space, Verdict& verdict) {
    if (verdict.decision == Decision::mask) {
        std::sort(masks.begin(), masks.end(), before);
        const auto all = space.array<MaskField>(masks.size());
        std::copy(masks.begin(), masks.end(), all.begin());
        verdict.mask = all;
    }
    if (verdict.decision == Decision::approve) {
        const auto all = space.array<Approve>(approvals.size());
        std::copy(approvals.begin(), approvals.end(), all.begin());
        verdict.approve = all;
        verdict.within_ns = std::min_element(all.begin(), all.end(), [](const Approve& a, const Approve& b) {
                                return a.within_ns < b.within_ns;
                            })->within_ns;
    }
    const auto names = space.array<std::string_view>(said.size());
    size_t count = 0;
    for (const Said& one : said)
        if (one.decision == verdict.decision) names[count++] = set->rules()[one.rule].name;
    verdict.policies = names.first(count);
}

void Judge::Parts::fail(size_t index, std::string_view why, Workspace& space, Verdict& verdict) {
    const Rule& rule = set->rules()[index];
    verdict = {};
    verdict.decision = Decision::block;
    verdict.error = true;
    verdict.code = row_of(Error::policy_error).name;
    verdict.text = row_of(Error::policy_error).text;
    verdict.detail = clean_copy(space, why, Box::detail_bytes_max);
    verdict.policies = space.array<std::string_view>(1);
    const_cast<std::string_view&>(verdict.policies[0]) = rule.name;
}

void Judge::Parts::note_error(size_t index, Outcome outcome, std::string_view why, uint64_t now_ns) {
    ++counts.errors;
    if (outcome == Outcome::timed_out) ++counts.timeouts;
    if (outcome == Outcome::out_of_memory) ++counts.out_of_memory;
    Errors& of_rule = errors[index];
    uint64_t& oldest = of_rule.at_ns[of_rule.count % errors_max];
    const bool many = of_rule.count >= errors_max - 1;
    oldest = now_ns;
    ++of_rule.count;
    const uint64_t first = of_rule.at_ns[of_rule.count % errors_max];
    if (!many || now_ns - first > errors_ns) return;
    of_rule.suspended_until_ns = now_ns + errors_ns;
    of_rule.count = 0;
    const Rule& rule = set->rules()[index];
    log::error("policy_suspended", {{"policy", rule.name},
                                    {"file", rule.file},
                                    {"why", "five errors in 60 s: it denies without running for 60 s"},
                                    {"last_error", why}});
}

bool Judge::Parts::decide_by_handler(size_t index, const Facts& facts, Workspace& space, Verdict& verdict) {
    const Rule& rule = set->rules()[index];
    if (facts.time_unix_ns < errors[index].suspended_until_ns) {
        ++counts.suspended;
        fail(index, "it had five errors in 60 s and is not run until it has rested", space, verdict);
        return false;
    }
    std::string error;
    Box* box = states.current(error);
    if (box == nullptr) {
        note_error(index, Outcome::out_of_memory, error, facts.time_unix_ns);
        fail(index, error, space, verdict);
        return false;
    }
    Run run;
    run.facts = &facts;
    run.server = &set->servers()[facts.server];
    run.looking = &looking;
    run.log = &log;
    ++counts.handler_runs;
    const DecisionValue* decision = nullptr;
    const uint64_t began_ns = monotonic_ns();
    Outcome outcome = box->run(index, run, watchdog, slot, decision, error);
    if (monotonic_ns() - began_ns > set->limits().policy_cpu_ns_warn) ++counts.slow;
    looked_inside = looked_inside || run.looked_inside;
    if (outcome == Outcome::fine) {
        if (looking.budget.exceeded) error = "it has searched more bytes than policy_scan_bytes_max allows";
        else if (decision == nullptr)
            error = "it returned no decision: pass(), allow(), block(...), hide(), mask{...} or approve{...}";
        else error = wrong_decision(rule.on, decision->decision);
        if (!error.empty()) outcome = Outcome::failed;
    }
    if (outcome != Outcome::fine) {
        states.drop();
        note_error(index, outcome, error, facts.time_unix_ns);
        fail(index, error, space, verdict);
        return false;
    }
    take_value(index, *decision, space, verdict);
    return true;
}

/// False when the rule failed: the verdict is final then.
bool Judge::Parts::consider(const Candidate& candidate, const Facts& facts, Workspace& space, Verdict& verdict) {
    const size_t index = candidate.rule;
    const Rule& rule = set->rules()[index];
    if (facts.before_answer) {
        const bool asks_result = !rule.match.results.empty() || !rule.unless.results.empty();
        if (rule.handler || (asks_result && rule.ruling.decision != Decision::mask)) return true;
    }
    if ((candidate.ask_match | candidate.ask_unless) != 0) {
        looked_inside = looked_inside || rule.match.asks_contents() || rule.unless.asks_contents();
        const bool applies = (candidate.ask_match == 0 || rule.match.holds_for_values(facts, true, looking)) &&
                             (candidate.ask_unless == 0 || !rule.unless.holds_for_values(facts, false, looking));
        if (looking.budget.exceeded) {
            ++counts.errors;
            fail(index, "its predicates have searched more bytes than policy_scan_bytes_max allows", space, verdict);
            return false;
        }
        if (looking.groups_unknown) {
            ++counts.errors;
            fail(index, "it asks for a group, and the token does not tell all groups of this principal", space,
                 verdict);
            return false;
        }
        if (!applies) return true;
    }
    if (rule.handler) return decide_by_handler(index, facts, space, verdict);
    take_ruling(index, verdict);
    return true;
}

/// Nobody decided: what the builtin policies say, if the server's default is to block. They cover the same methods
/// when the default is to allow.
void Judge::Parts::default_for(const Facts& facts, std::span<const Candidate> own, Workspace& space, Verdict& verdict) {
    const bool allow = set->servers()[facts.server].allow_by_default;
    for (const Candidate& candidate : own) {
        if (!set->rules()[candidate.rule].fallback) continue;
        verdict.by_default = true;
        if (allow) verdict.decision = Decision::allow;
        else if (!consider(candidate, facts, space, verdict)) return;
    }
}

void Judge::Parts::keep_log(const Facts& facts, Workspace& space, Verdict& verdict) {
    const uint64_t second = facts.time_unix_ns / s_ns;
    if (second != log_second) {
        log_second = second;
        log_lines = 0;
    }
    const size_t room = log_lines_a_second_max - log_lines;
    const auto lines = space.array<std::string_view>(std::min({log.size(), Box::log_lines_max, room}));
    for (size_t i = 0; i < lines.size(); ++i) lines[i] = clean_copy(space, log[i], Box::log_line_bytes_max);
    log_lines += static_cast<uint32_t>(lines.size());
    verdict.log = lines;
    log.clear();
}

Judge::Judge(std::shared_ptr<const PolicySet> set, Watchdog& watchdog)
    : parts_(std::make_unique<Parts>(std::move(set), watchdog)) {}

Judge::~Judge() = default;

Verdict Judge::judge(const Facts& facts, Workspace& space) {
    Parts& parts = *parts_;
    ++parts.counts.judged;
    Verdict verdict;
    if (std::max({facts.method.size(), facts.tool.size(), facts.prompt.size(), facts.resource.size()}) >
        name_bytes_max) {
        verdict.decision = Decision::block;
        verdict.code = "name_too_long";
        verdict.text = "a name in this message is longer than 8 KiB";
        return verdict;
    }
    const CandidateCache::Found found = parts.cache.find(facts);
    if (found.own.empty() && found.hides.empty()) return verdict;
    parts.said.clear();
    parts.masks.clear();
    parts.approvals.clear();
    parts.looked_inside = false;
    parts.looking.begin(space, parts.set->limits().policy_scan_bytes_max);
    const Rules& rules = parts.set->rules();
    bool sound = true;
    for (const Candidate& candidate : found.own) {
        if (rules[candidate.rule].fallback) continue;
        sound = parts.consider(candidate, facts, space, verdict);
        if (!sound) break;
    }
    if (sound && !found.hides.empty()) {
        // What the list would not show: the same rules on the same facts, but for the method, which is the list's.
        Facts entry = facts;
        entry.on = On::list;
        entry.method = list_method_of(facts);
        entry.args = {};
        for (const Candidate& candidate : found.hides) {
            sound = parts.consider(candidate, entry, space, verdict);
            if (!sound) break;
        }
    }
    if (sound && verdict.decision == Decision::pass) parts.default_for(facts, found.own, space, verdict);
    if (!verdict.error && !parts.said.empty()) parts.settle(space, verdict);
    verdict.looked_inside = parts.looked_inside && facts.args;
    if (!parts.log.empty()) parts.keep_log(facts, space, verdict);
    return verdict;
}

ResponseTouch Judge::may_touch_response(Facts facts) {
    Parts& parts = *parts_;
    const Rules& rules = parts.set->rules();
    ResponseTouch touch;
    if (!rules.any(On::response)) return touch;
    facts.on = On::response;
    for (const Candidate& candidate : parts.cache.find(facts).own) {
        const Rule& rule = rules[candidate.rule];
        touch.judged = true;
        touch.masks = touch.masks || rule.handler || rule.ruling.decision == Decision::mask;
        touch.arguments =
            touch.arguments || rule.handler || !rule.match.arguments.empty() || !rule.unless.arguments.empty();
    }
    return touch;
}

const PolicySet& Judge::set() const { return *parts_->set; }

const JudgeCounts& Judge::counts() const {
    parts_->counts.states_built = parts_->states.built();
    return parts_->counts;
}

} // namespace weir::policy
