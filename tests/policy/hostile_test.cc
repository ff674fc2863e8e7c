// Hostile policies: each snippet of the corpus ends as the corpus says, as a handler's body and as what a handler
// calls, and whatever it does the verdict blocks and the judge goes on judging.
#include "court.h"

#include <algorithm>

using namespace weir;
using namespace weir::policy;

namespace {

struct Hostile {
    std::string name, code, expect, value, probe, probe_value;
};

std::vector<Hostile> corpus() {
    static const std::string text = data_file("hostile_lua.json");
    BufferPool pool;
    Workspace space(pool);
    PaddedBytes bytes(pool);
    bytes.append(text);
    json::Scanner scanner{json::ScanLimits{}};
    const auto document = scanner.scan(bytes.padded());
    REQUIRE(document);
    std::vector<Hostile> all;
    for (const json::Value one : json::Value::root(*document).elements()) {
        const auto field = [&](std::string_view name) { return std::string(one.find(name).string(space)); };
        const auto optional = [&](std::string_view name) { return one.find(name) ? field(name) : std::string(); };
        all.push_back({field("name"), field("code"), field("expect"), optional("value"), optional("probe"),
                       optional("probe_value")});
    }
    return all;
}

std::string handler(const std::string& name, const std::string& tool, const std::string& code) {
    return "do local function body() " + code + "\nend\npolicy \"" + name +
           "\" { on = \"request\", match = { tools = \"" + tool +
           "\" }, decide = function(call) local value = body() return block(tostring(value), { code = type(value) }) "
           "end } end\n";
}

/// Whether the outcome that the judge counted is among those that the corpus allows.
bool among(const std::string& outcome, const std::string& expected) {
    return ("_or_" + expected + "_or_").find("_or_" + outcome + "_or_") != std::string::npos;
}

} // namespace

TEST_CASE("every hostile policy ends as it should") {
    const auto all = corpus();
    CHECK(all.size() == 33);
    for (const Hostile& one : all) {
        DYNAMIC_SECTION(one.name) {
            if (one.expect == "load_error") {
                CHECK_FALSE(load(one.code));
                return;
            }
            const std::string probe = one.probe.empty() ? "return 1" : one.probe;
            Court court(handler("hostile", "query", one.code) + handler("probe", "probe", probe) +
                        "policy \"calm\" { on = \"request\", match = { tools = \"calm\" }, decide = function() return "
                        "allow() end }");
            const Verdict verdict = court.on_tool("query");
            const JudgeCounts counts = court.judge->counts();
            INFO(verdict.text << " / " << verdict.detail);
            CHECK(verdict.decision == Decision::block);
            CHECK(verdict.policies.size() == 1);
            CHECK(verdict.detail.size() <= 300);
            if (one.expect == "value") {
                CHECK_FALSE(verdict.error);
                CHECK(verdict.text == one.value);
            } else if (one.expect == "type_table") {
                CHECK_FALSE(verdict.error);
                CHECK(verdict.code == "table");
            } else {
                const std::string outcome = counts.timeouts != 0        ? "timeout"
                                            : counts.out_of_memory != 0 ? "oom"
                                                                        : "error";
                CHECK(verdict.error);
                CHECK(verdict.code == "policy_error");
                CHECK(counts.errors == 1);
                INFO(outcome << " where " << one.expect << " is expected");
                CHECK(among(outcome, one.expect));
            }
            // The next policy runs as if nothing had happened, in this state or in the spare.
            CHECK(court.on_tool("probe").text == (one.probe.empty() ? "1" : one.probe_value));
            CHECK(court.on_tool("calm").decision == Decision::allow);
        }
    }
}

TEST_CASE("what a hostile policy returns is never taken for a decision") {
    for (const Hostile& one : corpus()) {
        if (one.expect == "load_error") continue;
        DYNAMIC_SECTION(one.name) {
            Court court("policy \"hostile\" { on = \"request\", match = {}, decide = function(call) " + one.code +
                        "\nend }");
            const Verdict verdict = court.on_tool("query");
            CHECK(verdict.decision == Decision::block);
            CHECK(verdict.error);
            CHECK(verdict.policies.size() == 1);
        }
    }
}

TEST_CASE("more ways out of the box are closed") {
    // Each must end as an error: the name or the behaviour it needs is not there.
    for (const char* code : {
             "return string.dump(function() end)",
             "return getmetatable(call)",
             "return rawget(string, 'len')",
             "string.len = nil",
             "table.insert(string, 1)",
             "table.insert(1, 1)",
             "return debug.traceback()",
             "return setmetatable({}, {})",
             "return collectgarbage()",
             "return load('return 1')()",
             "return coroutine.create(function() end)",
             "return ('x'):gsub('x', 'y')",
             "return ('x'):match('x')",
             "return ('%s'):format(call)",
             "return ('%p'):format('x')",
             "return table.concat({}, 'x', 1, 1e9)",
             "local t = {} t[1] = 1 table.insert(t, 2^50, 1)",
             "return policy 'x' {}",
             "return require 'lib.x'",
             "return config 'limit'",
             "return re[[x]]",
             "return glob'x'",
             "return any_of{1}",
             "call.tool = 'x'",
             "call.args.a = 1",
             "local c = call return c.who",
             "local c = call return c.result",
             "local s = call.session return s:mark('x')",
             "local x = sql return x",
             "local x = limit return x",
             "local x = approve return x",
             "local x = mask return x",
             "return math.random()",
             "return tostring()",
             "return unpack({}, 1, 1e7)",
             "return newproxy(true)",
             "return bit.band(1, 1)",
             "return pass(1)()",
             "error(nil)",
             "error(call)",
             "return call.args.a.b.c",
             "return select(-5, 1)",
         }) {
        DYNAMIC_SECTION(code) {
            Court court(std::string("policy \"hostile\" { on = \"request\", match = {}, decide = function(call) ") +
                        code + "\nend }");
            const Verdict verdict = court.on_arguments(R"({"a":"x"})");
            INFO(verdict.detail);
            CHECK(verdict.decision == Decision::block);
            CHECK(verdict.error);
            CHECK(court.judge->counts().timeouts == 0);
        }
    }
}

TEST_CASE("a value of one call is useless in the next") {
    Court court(R"(
        local kept
        policy "keeps" { on = "request", match = { tools = "keep" }, decide = function(call)
          kept = call.args return pass() end }
        policy "uses" { on = "request", match = { tools = "use" }, decide = function(call)
          return block(tostring(kept.a)) end }
    )");
    Case wanted;
    wanted.args = R"({"a":"secret"})";
    wanted.tool = "keep";
    CHECK(court.judge_case(wanted).decision == Decision::allow);
    wanted.tool = "use";
    const Verdict verdict = court.judge_case(wanted);
    CHECK(verdict.error);
    CHECK(verdict.detail.find("earlier call") != std::string_view::npos);
}

TEST_CASE("five errors of a policy in a minute, and it denies without running until it has rested") {
    Court court(
        "policy \"bad\" { on = \"request\", match = { tools = \"query\" }, decide = function(call) error('no') end }");
    Case wanted;
    for (int i = 0; i < 5; ++i) {
        wanted.time_unix_ns += s_ns;
        CHECK(court.judge_case(wanted).error);
    }
    CHECK(court.judge->counts().handler_runs == 5);
    wanted.time_unix_ns += 59 * s_ns;
    CHECK(court.judge_case(wanted).error);
    CHECK(court.judge->counts().handler_runs == 5);
    CHECK(court.judge->counts().suspended == 1);
    CHECK(court.on_tool("other").decision == Decision::allow);
    wanted.time_unix_ns += 2 * s_ns;
    CHECK(court.judge_case(wanted).error);
    CHECK(court.judge->counts().handler_runs == 6);
}

TEST_CASE("errors that are far apart do not suspend a policy") {
    Court court("policy \"bad\" { on = \"request\", match = {}, decide = function(call) error('no') end }");
    Case wanted;
    for (int i = 0; i < 12; ++i) {
        wanted.time_unix_ns += 16 * s_ns;
        CHECK(court.judge_case(wanted).error);
    }
    CHECK(court.judge->counts().handler_runs == 12);
}
