#include "policy/judge.h"

#include "json/scan.h"

#include <catch2/catch_test_macros.hpp>

using namespace weir;
using namespace weir::policy;

TEST_CASE("smoke") {
    Surroundings surroundings;
    surroundings.servers.push_back({"s", {}, {}, true});
    auto set = PolicySet::load_sources({{"a.lua", R"(policy "a" { on = "request", match = { tools = "x*" }, decide = function(call) if call.args.a == 1 then return block("no") end return pass() end })"}}, surroundings);
    if (!set)
        for (auto& p : set.error()) UNSCOPED_INFO(describe(p));
    REQUIRE(set);
    Watchdog dog;
    Judge judge(*set, dog);
    BufferPool pool;
    Workspace space(pool);
    Facts facts;
    facts.method = "tools/call";
    facts.tool = "xy";
    PaddedBytes text(pool);
    text.append(R"({"a":1})");
    json::Scanner scanner{json::ScanLimits{}};
    auto document = scanner.scan(text.padded());
    REQUIRE(document);
    facts.args = json::Value::root(*document);
    Verdict v = judge.judge(facts, space);
    INFO(v.detail);
    CHECK(v.text == "no");
}
