// tests/policy/court.h - a loaded set, a judge, and one way to ask it.
#pragma once

#include "json/scan.h"
#include "policy/judge.h"

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace weir::policy {

/// One call or entry to be judged, with texts that are easy to write.
struct Case {
    std::string method = "tools/call";
    std::optional<std::string> tool = "query", prompt = {}, resource = {};
    std::string args = {}; // JSON; empty: none
    On on = On::request;
    std::string result = {}, error = {}; // JSON; on = response
    bool args_lost = false, before_answer = false;
    uint32_t server = 0;
    uint64_t time_unix_ns = 1'800'000'000 * s_ns;
    const identity::Principal* principal = nullptr;
    std::string ip = {}; // empty: not known
};

inline Server server(std::string name, bool allow = true) { return {std::move(name), {}, {}, allow}; }

inline Surroundings surroundings(bool allow = true) {
    Surroundings result;
    result.servers = {server("pg-prod", allow), server("github", allow)};
    result.servers[0].labels = {{"env", "prod"}, {"team", "data"}};
    result.servers[1].labels = {{"env", "dev"}};
    result.servers[0].tags = {{"write", {"*_delete", "execute*"}}, {"read", {"query"}}};
    // Wide, so that a slow build or machine changes no outcome.
    result.limits.policy_cpu_ns_max = 150 * ms_ns;
    result.limits.policy_wall_ns_max = 20 * s_ns;
    result.methods = {"tools/call",
                      "tools/list",
                      "prompts/get",
                      "prompts/list",
                      "resources/read",
                      "resources/list",
                      "resources/templates/list",
                      "ping",
                      "tasks/get"};
    result.values = {{"limit", 10.0}, {"word", std::string("drop")}, {"strict", true}};
    return result;
}

inline std::string problems_of(const Loaded& loaded) {
    std::string text;
    if (!loaded)
        for (const Problem& problem : loaded.error()) text += describe(problem) + "\n";
    return text;
}

inline Loaded load(std::string text, Surroundings around = surroundings()) {
    return PolicySet::load_sources({{"a.lua", std::move(text)}}, std::move(around));
}

/// Loads, asserts that this works, and judges.
class Court {
  public:
    explicit Court(std::string text, Surroundings around = surroundings())
        : Court(std::vector<Source>{{"a.lua", std::move(text)}}, std::move(around)) {}
    explicit Court(std::vector<Source> sources, Surroundings around = surroundings()) {
        Loaded loaded = PolicySet::load_sources(std::move(sources), std::move(around));
        INFO(problems_of(loaded));
        REQUIRE(loaded);
        judge.emplace(*loaded, watchdog);
    }

    Verdict judge_case(const Case& wanted) {
        const auto view = [](const std::optional<std::string>& text) {
            return text ? std::string_view(*text) : std::string_view();
        };
        Facts facts;
        facts.on = wanted.on;
        facts.server = wanted.server;
        facts.method = space.copy(wanted.method);
        if (wanted.tool) facts.tool = space.join({view(wanted.tool)});
        if (wanted.prompt) facts.prompt = space.join({view(wanted.prompt)});
        if (wanted.resource) facts.resource = space.join({view(wanted.resource)});
        facts.client_name = "inspector";
        facts.client_version = "1.2";
        facts.session_id = "s-1";
        facts.session_calls = 3;
        facts.time_unix_ns = wanted.time_unix_ns;
        facts.principal = wanted.principal;
        facts.ip = IpAddress::parse(wanted.ip).value_or(IpAddress());
        facts.args_lost = wanted.args_lost;
        facts.before_answer = wanted.before_answer;
        facts.args = arguments.root(wanted.args);
        facts.result = result.root(wanted.result);
        facts.error = error.root(wanted.error);
        return judge->judge(facts, space);
    }
    /// The verdict on the answer `result` of tools/call of `query`.
    Verdict on_result(std::string text, std::string args = {}) {
        Case wanted;
        wanted.on = On::response;
        wanted.result = std::move(text);
        wanted.args = std::move(args);
        return judge_case(wanted);
    }
    /// The verdict on tools/call of `query` with these arguments.
    Verdict on_arguments(std::string args) {
        Case wanted;
        wanted.args = std::move(args);
        return judge_case(wanted);
    }
    Verdict on_tool(std::string tool) {
        Case wanted;
        wanted.tool = std::move(tool);
        return judge_case(wanted);
    }

    Watchdog watchdog;
    BufferPool pool;
    Workspace space{pool};
    /// A text of its own, scanned.
    struct Text {
        explicit Text(BufferPool& buffers) : bytes(buffers) {}
        json::Value root(const std::string& text) {
            if (text.empty()) return {};
            bytes.clear();
            bytes.append(text);
            const auto scanned = scanner.scan(bytes.padded());
            REQUIRE(scanned);
            document = *scanned;
            return json::Value::root(document);
        }
        PaddedBytes bytes;
        json::Scanner scanner{json::ScanLimits{}};
        json::Document document;
    };
    Text arguments{pool}, result{pool}, error{pool};
    std::optional<Judge> judge;
};

/// The bytes of a file below tests/data.
inline std::string data_file(const std::string& name) {
    std::ifstream file(WEIR_TEST_DATA "/" + name, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    REQUIRE_FALSE(text.empty());
    return text;
}

} // namespace weir::policy
