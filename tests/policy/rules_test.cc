// The tables and the cache give what asking every rule one by one gives. Random rules and facts over few names, so that
// every combination of given and absent keys, literals and globs comes up.
#include "policy/rules.h"
#include "base/random.h"
#include "court.h"
#include "policy/candidates.h"

#include <algorithm>

using namespace weir;
using namespace weir::policy;

namespace {

using Words = std::vector<std::string>;

std::string quoted_list(Random& random, const Words& words) {
    std::string list = "{ ";
    for (uint64_t left = 1 + random.below(3); left > 0; --left)
        list += "\"" + words[random.below(words.size())] + "\", ";
    return list + "}";
}

std::string condition(Random& random, bool list) {
    const auto key = [&](const char* name, const Words& words, uint64_t of_ten) {
        return random.chance(of_ten, 10) ? std::string(name) + " = " + quoted_list(random, words) + ", "
                                         : std::string();
    };
    std::string text = key("servers", {"pg-*", "github", "*", "no"}, 3);
    text += key("methods",
                list ? Words{"tools/list", "prompts/*", "resources/list", "*"}
                     : Words{"tools/call", "tools/*", "prompts/get", "resources/read", "*"},
                4);
    text += key("tools", {"query", "q*", "*_delete", "execute_sql", "*e*", "?uery", "*"}, 4);
    text += key("prompts", {"summary", "s*"}, 1);
    text += key("resources", {"file:///*", "*.txt", "file:///a.txt"}, 1);
    text += key("tags", {"write", "r*"}, 2);
    if (random.chance(2, 10))
        text += random.chance(1, 2) ? "labels = { env = \"prod\" }, " : "labels = { env = \"dev\" }, ";
    if (!list && random.chance(2, 10)) text += "args = { a = any_of{1} }, ";
    return text;
}

std::string policies(Random& random, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        const bool list = random.chance(1, 4);
        const std::string unless = condition(random, list);
        text += "policy \"p" + std::to_string(i) + "\" { on = \"" + (list ? "list" : "request") + "\", match = { " +
                condition(random, list) + "}, " +
                (random.chance(1, 3) && !unless.empty() ? "unless = { " + unless + "}, " : "") +
                "decide = " + (list ? "hide()" : "block(\"no\")") + " }\n";
    }
    return text;
}

/// What the candidates should be, by asking each rule.
std::vector<std::string> naive(const PolicySet& set, const Facts& facts) {
    std::vector<std::string> names;
    const Server& where = set.servers()[facts.server];
    for (const Rule& rule : set.rules().all()) {
        if (rule.on != facts.on || !rule.match.holds_for_names(where, facts)) continue;
        const bool exempt = rule.unless.given && rule.unless.holds_for_names(where, facts);
        if (exempt && rule.unless.arguments.empty()) continue;
        names.push_back(rule.name + (rule.match.arguments.empty() ? "" : " match") + (exempt ? " unless" : ""));
    }
    return names;
}

std::vector<std::string> names_of(const PolicySet& set, std::span<const Candidate> candidates) {
    std::vector<std::string> names;
    for (const Candidate& candidate : candidates)
        names.push_back(set.rules()[candidate.rule].name + (candidate.ask_match != 0 ? " match" : "") +
                        (candidate.ask_unless != 0 ? " unless" : ""));
    return names;
}

} // namespace

TEST_CASE("the tables find the rules that asking each of them finds") {
    Random random(4711);
    for (int round = 0; round < 12; ++round) {
        const std::string text = policies(random, 1 + static_cast<int>(random.below(200)));
        const Loaded loaded = load(text);
        INFO(text << problems_of(loaded));
        REQUIRE(loaded);
        const PolicySet& set = **loaded;
        CandidateCache cache(set);
        for (int i = 0; i < 400; ++i) {
            Facts facts;
            facts.on = random.chance(1, 3) ? On::list : On::request;
            facts.server = static_cast<uint32_t>(random.below(2));
            const std::string_view methods[2][4] = {{"tools/call", "prompts/get", "resources/read", "ping"},
                                                    {"tools/list", "prompts/list", "resources/list", "tools/list"}};
            facts.method = methods[facts.on == On::list][random.below(4)];
            const std::string_view tools[] = {{}, "query", "row_delete", "execute_sql", "other", ""};
            facts.tool = tools[random.below(6)];
            if (random.chance(1, 4)) facts.prompt = random.chance(1, 2) ? "summary" : "other";
            if (random.chance(1, 4)) facts.resource = random.chance(1, 2) ? "file:///a.txt" : "db://x";
            const CandidateCache::Found found = cache.find(facts);
            CHECK(names_of(set, found.own) == naive(set, facts));
            Facts entry = facts;
            entry.on = On::list;
            entry.method = list_method_of(facts);
            const bool target = facts.on == On::request && !entry.method.empty();
            CHECK(names_of(set, found.hides) == (target ? naive(set, entry) : std::vector<std::string>()));
        }
        CHECK(cache.misses() < 400);
    }
}

TEST_CASE("more names than the cache holds change nothing but its misses") {
    const Loaded loaded = load(R"(policy "a" { on = "request", match = { tools = "*7" }, decide = block("no") })");
    REQUIRE(loaded);
    CandidateCache cache(**loaded);
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 5000; ++i) {
            const std::string name = "tool" + std::to_string(i);
            Facts facts;
            facts.method = "tools/call";
            facts.tool = name;
            const bool listed = names_of(**loaded, cache.find(facts).own).front() == "a";
            REQUIRE(listed == name.ends_with("7"));
        }
    const std::string long_name(600, '7');
    Facts facts;
    facts.method = "tools/call";
    facts.tool = long_name;
    CHECK(cache.find(facts).own.size() == 2); // and the builtin one
}

TEST_CASE("no two names share an entry of the cache") {
    // Names that join to the same bytes, and absent against empty.
    const Loaded loaded = load(R"(policy "a" { on = "request", match = { tools = "*" }, decide = block("no") })");
    REQUIRE(loaded);
    CandidateCache cache(**loaded);
    const auto count = [&](std::string_view method, std::string_view tool, std::string_view prompt) {
        Facts facts;
        facts.method = method;
        facts.tool = tool;
        facts.prompt = prompt;
        return cache.find(facts).own.size();
    };
    CHECK(count("a", "b", {}) == 2);
    CHECK(count("ab", {}, {}) == 1);
    CHECK(count("ab", "", {}) == 2);
    CHECK(count("a", {}, "b") == 1);
    CHECK(count("", "ab", {}) == 2);
    CHECK(cache.misses() == 5);
}
