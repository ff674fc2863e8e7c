// What policies decide: order does not matter, the strictest holds, the default comes last, what is hidden is refused
// by name, and whatever fails blocks.
#include "court.h"

#include <algorithm>

using namespace weir;
using namespace weir::policy;

namespace {

std::string one(const std::string& name, const std::string& decide,
                const std::string& rest = "on = \"request\", match = {}") {
    return "policy \"" + name + "\" { " + rest + ", decide = " + decide + " }\n";
}

} // namespace

TEST_CASE("of several decisions the strictest holds, in whatever order they stand") {
    const std::vector<std::string> policies = {
        one("a", "pass()"), one("b", "allow()"), one("d", "block('first', { code = 'x' })"),
        one("c", "function() return allow() end"), one("e", "function() return block('second') end")};
    std::vector<size_t> order = {0, 1, 2, 3, 4};
    do {
        std::string text;
        for (const size_t i : order) text += policies[i];
        Court court(text, surroundings(false));
        const Verdict verdict = court.on_tool("query");
        CHECK(verdict.decision == Decision::block);
        CHECK(verdict.text == "first");
        CHECK(verdict.code == "x");
        CHECK(std::vector<std::string_view>(verdict.policies.begin(), verdict.policies.end()) ==
              std::vector<std::string_view>{"d", "e"});
        CHECK_FALSE(verdict.by_default);
        CHECK_FALSE(verdict.error);
    } while (std::next_permutation(order.begin(), order.begin() + 3));

    Court allowed(policies[0] + policies[1] + policies[3], surroundings(false));
    const Verdict verdict = allowed.on_tool("query");
    CHECK(verdict.decision == Decision::allow);
    CHECK(verdict.policies.size() == 2);
}

TEST_CASE("block carries what the policy said") {
    Court court(one("s", "block('text', { code = 'c_1', hint = 'do so', retry_after = 1.2, as = 'error' })") +
                one("h",
                    "function(call) return block('wait for ' .. call.tool, { retry_after = 7, as = 'result' }) end",
                    "on = \"request\", match = { tools = \"handled\" }, unless = { servers = \"github\" }"));
    Verdict verdict = court.on_tool("query");
    CHECK(verdict.text == "text");
    CHECK(verdict.code == "c_1");
    CHECK(verdict.hint == "do so");
    CHECK(verdict.retry_after_s == 2);
    CHECK(verdict.as == As::error);
    verdict = court.on_tool("handled");
    CHECK(verdict.text == "wait for handled"); // "h" sorts before "s"
    CHECK(verdict.retry_after_s == 7);
    CHECK(verdict.as == As::result);
    CHECK(verdict.code.empty());
    CHECK(verdict.hint.empty());
}

TEST_CASE("the server's default covers what acts, and lets pass what only opens, lists or listens") {
    const struct {
        const char* method;
        bool covered;
    } rows[] = {
        {"tools/call", true},
        {"resources/read", true},
        {"resources/subscribe", true},
        {"prompts/get", true},
        {"completion/complete", true},
        {"tasks/get", true},
        {"tasks/list", true},
        {"tasks/cancel", true},
        {"something/new", true},
        {"tools/calls", true},
        {"", true},
        {"initialize", false},
        {"ping", false},
        {"tools/list", false},
        {"prompts/list", false},
        {"resources/list", false},
        {"resources/templates/list", false},
        {"server/discover", false},
        {"subscriptions/listen", false},
        {"notifications/initialized", false},
        {"notifications/cancelled", false},
    };
    Court blocks("", surroundings(false)), allows("", surroundings(true));
    for (const auto& row : rows) {
        INFO(row.method);
        Case wanted;
        wanted.method = row.method;
        wanted.tool.reset();
        const Verdict blocked = blocks.judge_case(wanted), allowed = allows.judge_case(wanted);
        CHECK(blocked.decision == (row.covered ? Decision::block : Decision::pass));
        CHECK(allowed.decision == (row.covered ? Decision::allow : Decision::pass));
        CHECK(blocked.by_default == row.covered);
        CHECK(allowed.by_default == row.covered);
        if (row.covered) {
            CHECK(blocked.code == "not_allowed");
            CHECK(blocked.policies.size() == 1);
        }
    }
}

TEST_CASE("allow lifts the default, pass does not, and a block of the handshake holds") {
    Court court(one("a", "allow()", "on = \"request\", match = { tools = \"query\" }") +
                    one("p", "function() return pass() end", "on = \"request\", match = { tools = \"other\" }") +
                    one("b", "block('no')", "on = \"request\", match = { methods = \"initialize\" }"),
                surroundings(false));
    CHECK(court.on_tool("query").decision == Decision::allow);
    CHECK_FALSE(court.on_tool("query").by_default);
    CHECK(court.on_tool("other").decision == Decision::block);
    CHECK(court.on_tool("other").by_default);
    Case wanted;
    wanted.method = "initialize";
    wanted.tool.reset();
    CHECK(court.judge_case(wanted).decision == Decision::block);
}

TEST_CASE("what a list hides is refused by name, by the same rule") {
    Court court(
        one("h", "hide { code = 'gone' }",
            R"(on = "list", match = { servers = "pg-*", tools = { "admin_*" } }, unless = { tools = "admin_ok" })") +
        one("f", "function(call) if call.tool == 'secret' then return hide() end return pass() end",
            R"(on = "list", match = { methods = "tools/list" })") +
        one("p", "hide()", R"(on = "list", match = { prompts = "inner_*" })") +
        one("r", "hide()", R"(on = "list", match = { resources = "file:///etc/*" })") + one("all", "allow()"));
    for (const char* tool : {"admin_x", "admin_ok", "secret", "query"}) {
        for (const uint32_t server : {0U, 1U}) {
            Case entry, call;
            entry.on = On::list;
            entry.method = "tools/list";
            entry.tool = call.tool = tool;
            entry.server = call.server = server;
            const Verdict listed = court.judge_case(entry), called = court.judge_case(call);
            INFO(tool << " on " << server);
            const bool hidden = (tool == std::string("admin_x") && server == 0) || tool == std::string("secret");
            CHECK((listed.decision == Decision::hide) == hidden);
            CHECK((called.decision == Decision::hide) == hidden);
            if (hidden) CHECK(listed.policies[0] == called.policies[0]);
        }
    }
    const auto decision = [&](const char* method, std::optional<std::string> prompt,
                              std::optional<std::string> resource) {
        Case wanted;
        wanted.method = method;
        wanted.tool.reset();
        wanted.prompt = prompt;
        wanted.resource = resource;
        return court.judge_case(wanted).decision;
    };
    CHECK(decision("prompts/get", "inner_x", {}) == Decision::hide);
    CHECK(decision("prompts/get", "outer_x", {}) == Decision::allow);
    CHECK(decision("completion/complete", "inner_x", {}) == Decision::hide);
    CHECK(decision("resources/read", {}, "file:///etc/passwd") == Decision::hide);
    CHECK(decision("resources/subscribe", {}, "file:///etc/passwd") == Decision::hide);
    CHECK(decision("resources/read", {}, "file:///home") == Decision::allow);
    CHECK(decision("completion/complete", {}, "file:///etc/{name}") == Decision::hide);
}

TEST_CASE("keys ask for what a message has") {
    Court court(one("tools", "block('x')", R"(on = "request", match = { tools = "*" })"));
    Case wanted;
    CHECK(court.judge_case(wanted).decision == Decision::block);
    wanted.tool.reset();
    wanted.prompt = "query";
    wanted.method = "prompts/get";
    CHECK(court.judge_case(wanted).decision == Decision::allow);

    Court labels(one("p", "block('x')", R"(on = "request", match = { labels = { env = "prod", team = "data" } })"));
    wanted = {};
    CHECK(labels.judge_case(wanted).decision == Decision::block);
    wanted.server = 1;
    CHECK(labels.judge_case(wanted).decision == Decision::allow);

    Court tags(one("p", "block('x')", R"(on = "request", match = { tags = { "write" } })"));
    CHECK(tags.on_tool("row_delete").decision == Decision::block);
    CHECK(tags.on_tool("query").decision == Decision::allow);
    wanted = {};
    wanted.server = 1;
    wanted.tool = "row_delete";
    CHECK(tags.judge_case(wanted).decision == Decision::allow);
}

TEST_CASE("only reading arguments is looking inside") {
    Court court(one("static", "pass()",
                    R"(on = "request", match = { servers = "*", methods = "*", tools = "*", tags = "read" })") +
                one("handler", "function(call) local x = call.tool .. call.server.name return pass() end") +
                one("asks", "pass()", R"(on = "request", match = { tools = "asked", args = { a = present } })") +
                one("exempts", "pass()",
                    R"(on = "request", match = { tools = "exempt" }, unless = { args = { a = present } })") +
                one("reads", "function(call) local x = call.args return pass() end",
                    R"(on = "request", match = { tools = "read" })"));
    const auto looked = [&](std::string tool, std::string args) {
        Case wanted;
        wanted.tool = std::move(tool);
        wanted.args = std::move(args);
        return court.judge_case(wanted).looked_inside;
    };
    CHECK_FALSE(looked("query", R"({"a":1})"));
    CHECK(looked("asked", R"({"b":1})"));
    CHECK(looked("exempt", R"({"b":1})"));
    CHECK(looked("read", R"({"b":1})"));
    CHECK_FALSE(looked("read", "")); // there is nothing inside
}

TEST_CASE("a handler that returns no decision, the wrong one, or fails, blocks with its place") {
    const struct {
        const char* on;
        const char* body;
        const char* detail;
    } rows[] = {
        {"request", "", "returned no decision"},
        {"request", "return true", "returned no decision"},
        {"request", "return pass", "returned no decision"},
        {"request", "return 'allow'", "returned no decision"},
        {"request", "return { decision = 'allow' }", "returned no decision"},
        {"request", "return call", "returned no decision"},
        {"request", "return nil, allow()", "returned more than one value"},
        {"request", "return pass(), block('x')", "returned more than one value"},
        {"request", "return allow(), nil", "returned more than one value"},
        {"request", "return pass(1)", "pass() takes nothing"},
        {"request", "return allow { code = 'x' }", "allow() takes nothing"},
        {"request", "return hide()", "is for on = \"list\""},
        {"list", "return allow()", "decides hide() or pass()"},
        {"list", "return block('x')", "decides hide() or pass()"},
        {"request", "return block()", "the text of block"},
        {"request", "local x = nil + 1 return allow()", "a.lua:1: attempt to perform arithmetic"},
        {"request", "error('why')", "a.lua:1: why"},
        {"request", "error('why', 0)", "why"},
        {"request", "return call.colour", "call.colour is not available"},
        {"request", "return call.server.url", "call.server.url is not available"},
    };
    for (const auto& row : rows) {
        INFO(row.on << ": " << row.body);
        Court court(one("p", std::string("function(call) ") + row.body + " end",
                        std::string("on = \"") + row.on + "\", match = {}") +
                    one("z", "allow()"));
        Case wanted;
        wanted.on = row.on == std::string("list") ? On::list : On::request;
        if (wanted.on == On::list) wanted.method = "tools/list";
        const Verdict verdict = court.judge_case(wanted);
        CHECK(verdict.decision == Decision::block);
        CHECK(verdict.error);
        CHECK(verdict.code == "policy_error");
        CHECK(verdict.text == "denied: a policy failed");
        CHECK(verdict.detail.find(row.detail) != std::string_view::npos);
        CHECK(verdict.policies[0] == "p");
        // And a call by name of what such a list policy failed on is refused, too.
        CHECK(court.on_tool("query").decision == Decision::block);
    }
}

TEST_CASE("a name that is too long to match is refused") {
    Court court(one("a", "allow()"));
    CHECK(court.on_tool(std::string(8192, 'x')).decision == Decision::allow);
    CHECK(court.on_tool(std::string(8193, 'x')).decision == Decision::block);
}

TEST_CASE("log lines reach the verdict, bounded and clean") {
    Court court(one(
        "l",
        R"(function(call) log.info("a\n\255b\0c") for i = 1, 20 do log.info(("x"):rep(1000)) end return allow() end)"));
    const Verdict verdict = court.on_tool("query");
    REQUIRE(verdict.log.size() == 8);
    CHECK(verdict.log[0] == "a\n?b?c");
    CHECK(verdict.log[1].size() == 256);
    size_t lines = verdict.log.size();
    for (int i = 0; i < 30; ++i) lines += court.on_tool("query").log.size();
    CHECK(lines == 100);
    Case later;
    later.time_unix_ns += s_ns;
    CHECK(court.judge_case(later).log.size() == 8);
}

TEST_CASE("texts of handlers are cut and made UTF-8") {
    Court court(one("t", R"(function(call) return block(("ä"):rep(3000) , { hint = "\237\160\128x" }) end)",
                    R"(on = "request", match = { tools = "a" })") +
                one("u", R"(function(call) return block("x" .. ("ä"):rep(3000)) end)",
                    R"(on = "request", match = { tools = "b" })"));
    CHECK(court.on_tool("a").text.size() == 4096);
    CHECK(court.on_tool("a").hint == "???x");
    CHECK(court.on_tool("b").text.size() <= 4096);
    CHECK(court.on_tool("b").text.ends_with("?")); // the last character was cut in the middle by the bound
}

TEST_CASE("every policy of the set runs from one state, and states are built once") {
    std::string text;
    for (int i = 0; i < 50; ++i)
        text +=
            one("p" + std::to_string(i), "function(call) if call.tool == 't" + std::to_string(i) +
                                             "' then return block('" + std::to_string(i) + "') end return pass() end");
    Court court(text);
    for (int i = 0; i < 50; ++i) CHECK(court.on_tool("t" + std::to_string(i)).text == std::to_string(i));
    CHECK(court.judge->counts().errors == 0);
    CHECK(court.judge->counts().handler_runs == 2500);
    CHECK(court.judge->counts().states_built <= 2);
}

TEST_CASE("runs over the time that warns are counted") {
    Surroundings around = surroundings();
    around.limits.policy_cpu_ns_warn = 0;
    Court court(one("h", "function(call) return allow() end"), around);
    for (int i = 0; i < 10; ++i) static_cast<void>(court.on_tool("query"));
    CHECK(court.judge->counts().slow == 10);
}
