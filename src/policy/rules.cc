// policy/rules.cc - conditions on names, and the tables that find rules by them.
#include "policy/rules.h"

#include "base/assert.h"
#include "base/glob.h"
#include "identity/principal.h"

#include <algorithm>
#include <bit>
#include <map>

namespace weir::policy {
namespace {

bool any_glob(const std::vector<std::string>& globs, std::string_view name) {
    return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return glob_match(glob, name); });
}

/// Whether a key holds: it is not given, or the fact is there and one of its globs matches.
bool key_holds(const std::vector<std::string>& globs, std::string_view name) {
    return globs.empty() || (name.data() != nullptr && any_glob(globs, name));
}

/// Calls `carried(tag)` for every tag that `server`'s operator gave to `tool`.
template <class Carried> void each_tag(const Server& server, std::string_view tool, Carried carried) {
    if (tool.data() == nullptr) return;
    for (const Tag& tag : server.tags)
        if (any_glob(tag.globs, tool)) carried(tag.name);
}

/// What of a condition decides when it comes up, as one text.
std::string names_key(const Condition& condition) {
    std::string key;
    for (const auto* list : {&condition.servers, &condition.methods, &condition.tools, &condition.prompts,
                             &condition.resources, &condition.tags}) {
        for (const std::string& glob : *list) key.append(glob) += '\0';
        key += '\1';
    }
    for (const Label& label : condition.labels) key.append(label.name).append(1, '\0').append(label.value) += '\0';
    return key;
}

/// Whether what is judged is the outcome of a task, or news of one: the call that began it is not known.
bool answers_task(const Facts& facts) {
    if (facts.on != On::response || facts.tool.data() != nullptr) return false;
    return facts.method.starts_with("tasks/") || facts.method.starts_with("notifications/tasks");
}

void set(Bits& bits, size_t index) { bits[index / 64] |= uint64_t{1} << index % 64; }

} // namespace

bool Condition::holds_for_server(const Server& server) const {
    if (!key_holds(servers, server.name)) return false;
    return std::all_of(labels.begin(), labels.end(), [&](const Label& wanted) {
        return std::any_of(server.labels.begin(), server.labels.end(), [&](const Label& label) {
            return label.name == wanted.name && label.value == wanted.value;
        });
    });
}

bool Condition::holds_for_names(const Server& server, const Facts& facts) const {
    if (!holds_for_server(server)) return false;
    if (!key_holds(methods, facts.method) || !key_holds(tools, facts.tool) || !key_holds(prompts, facts.prompt) ||
        !key_holds(resources, facts.resource))
        return false;
    if (tags.empty()) return true;
    bool carried = false;
    each_tag(server, facts.tool, [&](std::string_view tag) { carried = carried || any_glob(tags, tag); });
    return carried;
}

bool Condition::holds_for_values(const Facts& facts, bool lost, Looking& looking) const {
    if (!ip.empty() && !any_holds(ip, facts.ip)) return false;
    const auto all_hold = [&](const std::vector<ValueTest>& tests, json::Value root) {
        return std::all_of(tests.begin(), tests.end(),
                           [&](const ValueTest& test) { return test.holds(root, looking); });
    };
    if (!(facts.args_lost && !arguments.empty() ? lost : all_hold(arguments, facts.args))) return false;
    if (!(facts.before_answer && !results.empty() ? lost : all_hold(results, facts.result))) return false;
    return !asks_principal() || holds_for_principal(facts, looking);
}

/// Who nobody vouches for is nobody: no id, no group, no client.
bool Condition::holds_for_principal(const Facts& facts, Looking& looking) const {
    if (facts.principal == nullptr || facts.principal->anonymous()) return false;
    const identity::Principal& principal = *facts.principal;
    if (!who.empty() && !any_glob(who, principal.subject) &&
        (principal.email.empty() || !any_glob(who, principal.email)))
        return false;
    if (!agents.empty() && (principal.client.empty() || !any_glob(agents, principal.client))) return false;
    if (!std::all_of(claims.begin(), claims.end(),
                     [&](const ValueTest& test) { return test.holds(principal.claims.root(), looking); }))
        return false;
    if (groups.empty()) return true;
    // Last, so that only what hangs on groups alone fails when they are not known.
    const bool member = std::any_of(principal.groups.begin(), principal.groups.end(),
                                    [&](const std::string& group) { return any_glob(groups, group); });
    if (!member && !principal.groups_known) looking.groups_unknown = true;
    return member;
}

bool Rules::add(Rule rule) {
    if (!added_.emplace(rule.name, rules_.size()).second) return false;
    rules_.push_back(std::move(rule));
    return true;
}

const Rule* Rules::added(std::string_view name) const {
    if (added_.empty()) {
        const size_t index = find(name);
        return index == size() ? nullptr : &rules_[index];
    }
    const auto at = added_.find(std::string(name));
    return at == added_.end() ? nullptr : &rules_[at->second];
}

void Rules::Key::compile(std::span<const Rule> all, std::vector<std::string> Condition::* patterns) {
    without.assign((all.size() + 63) / 64, 0);
    for (size_t i = 0; i < all.size(); ++i) {
        const auto& wanted = all[i].match.*patterns;
        if (wanted.empty()) {
            set(without, i);
            continue;
        }
        used = true;
        for (const std::string& glob : wanted) {
            const uint32_t number = globs.add(glob);
            if (number == users.size()) users.emplace_back();
            auto& few = users[number].few;
            if (few.empty() || few.back() != i) few.push_back(static_cast<uint32_t>(i));
        }
    }
    for (Users& of_glob : users) {
        if (of_glob.few.size() < without.size()) continue;
        of_glob.many.assign(without.size(), 0);
        for (const uint32_t rule : of_glob.few) set(of_glob.many, rule);
        of_glob.few = {};
    }
}

void Rules::Key::mark(std::string_view name, Bits& bits) const {
    if (name.data() == nullptr) return;
    globs.match(name, [&](uint32_t number) {
        for (const uint32_t rule : users[number].few) set(bits, rule);
        const Bits& many = users[number].many;
        for (size_t word = 0; word < many.size(); ++word) bits[word] |= many[word];
    });
}

/// Below this many patterns one set is not faster than searching for each.
constexpr size_t patterns_of_group_min = 4;

void Rules::group_patterns() {
    std::map<std::string, std::vector<Test*>> together;
    for (Rule& rule : rules_)
        for (Condition* condition : {&rule.match, &rule.unless})
            for (auto* tests : {&condition->arguments, &condition->results})
                for (ValueTest& value : *tests)
                    if (value.test.kind == Test::Kind::re)
                        together[names_key(rule.match) + (condition == &rule.match ? "match " : "unless ") +
                                 (tests == &condition->arguments ? "args " : "result ") + value.path.text()]
                            .push_back(&value.test);
    for (const auto& [key, tests] : together) {
        if (tests.size() < patterns_of_group_min) continue;
        std::vector<std::string_view> patterns;
        for (const Test* test : tests) patterns.push_back(test->regex->pattern());
        auto group = std::make_unique<RegexGroup>();
        group->set = detect::RegexSet::compile(patterns);
        if (!group->set) continue;
        for (size_t i = 0; i < tests.size(); ++i) {
            tests[i]->group = group.get();
            tests[i]->member = static_cast<int>(i);
        }
        groups_.push_back(std::move(group));
    }
}

void Rules::compile(std::span<const Server> servers) {
    added_.clear();
    group_patterns();
    std::sort(rules_.begin(), rules_.end(), [](const Rule& a, const Rule& b) { return a.name < b.name; });
    methods_.compile(rules_, &Condition::methods);
    tools_.compile(rules_, &Condition::tools);
    prompts_.compile(rules_, &Condition::prompts);
    resources_.compile(rules_, &Condition::resources);
    tags_.compile(rules_, &Condition::tags);
    const size_t words = (rules_.size() + 63) / 64;
    for (auto& by_server : servers_) by_server.assign(servers.size(), Bits(words, 0));
    for (size_t i = 0; i < rules_.size(); ++i) {
        Rule& rule = rules_[i];
        any_[static_cast<size_t>(rule.on)] = true;
        rule.ruling.who.assign(rule.ruling.by.begin(), rule.ruling.by.end());
        asks_resources_ = asks_resources_ || !rule.match.resources.empty() || !rule.unless.resources.empty();
        for (size_t server = 0; server < servers.size(); ++server)
            if (rule.match.holds_for_server(servers[server])) set(servers_[static_cast<size_t>(rule.on)][server], i);
    }
}

size_t Rules::find(std::string_view name) const {
    const auto at = std::lower_bound(rules_.begin(), rules_.end(), name,
                                     [](const Rule& rule, std::string_view wanted) { return rule.name < wanted; });
    return at != rules_.end() && at->name == name ? static_cast<size_t>(at - rules_.begin()) : size();
}

void Rules::candidates(const Server& server, const Facts& facts, Scratch& scratch, std::vector<Candidate>& into) const {
    const auto& by_server = servers_[static_cast<size_t>(facts.on)];
    WEIR_ASSERT(facts.server < by_server.size());
    Bits& bits = scratch.rules;
    bits = by_server[facts.server];
    const auto narrow = [&](const Key& key, std::string_view name) {
        if (!key.used) return;
        scratch.key = key.without;
        key.mark(name, scratch.key);
        for (size_t word = 0; word < bits.size(); ++word) bits[word] &= scratch.key[word];
    };
    const bool of_task = answers_task(facts);
    if (methods_.used && of_task) {
        scratch.key = methods_.without;
        methods_.mark(facts.method, scratch.key);
        methods_.mark("tools/call", scratch.key);
        for (size_t word = 0; word < bits.size(); ++word) bits[word] &= scratch.key[word];
    } else {
        narrow(methods_, facts.method);
    }
    if (!of_task) narrow(tools_, facts.tool);
    narrow(prompts_, facts.prompt);
    narrow(resources_, facts.resource);
    if (tags_.used && !of_task) {
        scratch.key = tags_.without;
        each_tag(server, facts.tool, [&](std::string_view tag) { tags_.mark(tag, scratch.key); });
        for (size_t word = 0; word < bits.size(); ++word) bits[word] &= scratch.key[word];
    }
    for (size_t word = 0; word < bits.size(); ++word) {
        for (uint64_t left = bits[word]; left != 0; left &= left - 1) {
            const size_t index = word * 64 + static_cast<size_t>(std::countr_zero(left));
            const Rule& rule = rules_[index];
            bool ask_unless = false;
            if (rule.unless.given && rule.unless.holds_for_names(server, facts)) {
                if (!rule.unless.asks_values()) continue;
                ask_unless = true;
            }
            into.push_back({static_cast<uint32_t>(index) & 0x3fffffffU, rule.match.asks_values(), ask_unless});
        }
    }
}

} // namespace weir::policy
