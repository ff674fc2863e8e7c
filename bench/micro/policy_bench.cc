// bench/micro/policy_bench.cc - what policies cost a call: none, many that do not match, static ones, handlers.
#include "json/scan.h"
#include "policy/judge.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

using namespace weir;
using namespace weir::policy;

namespace {

constexpr std::string_view arguments = R"({"sql":"select id, name from customers where region = 'north'","limit":50})";

/// A judge over `text` and the facts of a tools/call of `query`.
struct Court {
    explicit Court(std::string text) {
        Surroundings around;
        around.servers.push_back({"pg-prod", {{"env", "prod"}}, {{"read", {"query"}}}, true});
        around.limits.policy_cpu_ns_max = 100 * ms_ns; // the machine may be busy with other things
        Loaded loaded = PolicySet::load_sources({{"bench.lua", std::move(text)}}, std::move(around));
        if (!loaded) {
            std::fprintf(stderr, "%s\n", describe(loaded.error().front()).c_str());
            std::exit(1);
        }
        judge.emplace(*loaded, watchdog);
        bytes.append(arguments);
        bytes.reserve(padding_bytes);
        document = *scanner.scan(bytes.padded());
        facts.method = "tools/call";
        facts.tool = "query";
        facts.args = json::Value::root(document);
        facts.session_id = "018f6b1e";
        facts.time_unix_ns = 1'800'000'000 * s_ns;
    }
    void run(benchmark::State& state) {
        for (auto _ : state) {
            benchmark::DoNotOptimize(judge->judge(facts, space));
            space.reset();
        }
        if (judge->counts().errors != 0) state.SkipWithError("a policy failed");
    }

    Watchdog watchdog;
    BufferPool pool;
    Workspace space{pool};
    PaddedBytes bytes{pool};
    json::Scanner scanner{json::ScanLimits{}};
    json::Document document;
    Facts facts;
    std::optional<Judge> judge;
};

std::string many(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        const std::string number = std::to_string(i);
        const std::string tools[] = {"tool_" + number, "tool_" + number + "_*", "*_delete_" + number,
                                     "*inner" + number + "*"};
        text += "policy \"p" + number +
                "\" { on = \"request\", match = { servers = { \"pg-*\" }, methods = \"tools/call\", tools = { \"" +
                tools[i % 4] + "\" } }, decide = block(\"no\") }\n";
    }
    return text;
}

void no_policies(benchmark::State& state) { Court("").run(state); }
BENCHMARK(no_policies);

void many_that_do_not_match(benchmark::State& state) { Court(many(static_cast<int>(state.range(0)))).run(state); }
BENCHMARK(many_that_do_not_match)->Arg(10)->Arg(1000)->Arg(10'000);

void many_and_a_new_tool_each_time(benchmark::State& state) {
    Court court(many(static_cast<int>(state.range(0))));
    uint64_t number = 0;
    char name[40];
    for (auto _ : state) {
        const int bytes =
            std::snprintf(name, sizeof(name), "some_tool_name_%llu", static_cast<unsigned long long>(number++));
        court.facts.tool = {name, static_cast<size_t>(bytes)};
        benchmark::DoNotOptimize(court.judge->judge(court.facts, court.space));
    }
}
BENCHMARK(many_and_a_new_tool_each_time)->Arg(10)->Arg(10'000);

void static_decision(benchmark::State& state) {
    Court(R"(policy "s" { on = "request", match = { tools = "query" }, decide = block("no") })").run(state);
}
BENCHMARK(static_decision);

void predicate_glob(benchmark::State& state) {
    Court(
        R"(policy "s" { on = "request", match = { tools = "query", args = { sql = "drop *" } }, decide = block("no") })")
        .run(state);
}
BENCHMARK(predicate_glob);

void predicate_re(benchmark::State& state) {
    Court(
        R"(policy "s" { on = "request", match = { args = { sql = re[[(?i)\b(drop|truncate|alter)\b]] } }, decide = block("no") })")
        .run(state);
}
BENCHMARK(predicate_re);

void patterns_on_one_argument(benchmark::State& state) {
    std::string text;
    for (int64_t i = 0; i < state.range(0); ++i)
        text += "policy \"r" + std::to_string(i) + "\" { on = \"request\", match = { args = { sql = re[[(?i)\\bword" +
                std::to_string(i) + "\\b]] } }, decide = block(\"no\") }\n";
    Court(std::move(text)).run(state);
}
BENCHMARK(patterns_on_one_argument)->Arg(3)->Arg(4)->Arg(100)->Arg(1000);

void handler_without_arguments(benchmark::State& state) {
    Court(R"(policy "h" { on = "request", match = { tools = "query" }, decide = function(call) return pass() end })")
        .run(state);
}
BENCHMARK(handler_without_arguments);

void handler_on_one_argument(benchmark::State& state) {
    Court(R"(policy "h" { on = "request", match = { tools = "query" }, decide = function(call)
        if call.args.limit > 100 then return block("too many") end
        return pass()
      end })")
        .run(state);
}
BENCHMARK(handler_on_one_argument);

void handler_on_a_text(benchmark::State& state) {
    Court(R"(
      local bad = re[[(?i)\b(drop|truncate|alter)\b]]
      policy "h" { on = "request", match = { tools = "query" }, decide = function(call)
        local sql = call.args.sql
        if bad:match(sql) then return block("not allowed", { code = "ddl", hint = "use SELECT" }) end
        if sql:sub(1, 6):lower() ~= "select" then return block("SELECT only") end
        return allow()
      end })")
        .run(state);
}
BENCHMARK(handler_on_a_text);

void load(benchmark::State& state) {
    const std::string text = many(static_cast<int>(state.range(0)));
    for (auto _ : state) {
        Surroundings around;
        around.servers.push_back({"pg-prod", {}, {}, true});
        benchmark::DoNotOptimize(PolicySet::load_sources({{"bench.lua", text}}, std::move(around)));
    }
}
BENCHMARK(load)->Arg(1000)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
