// What policies say about answers, and what they ask of people: masks add up, approvals are all kept, the strictest
// decision holds, and whatever fails blocks.
#include "court.h"

using namespace weir;
using namespace weir::policy;

namespace {

std::string one(const std::string& name, const std::string& decide, const std::string& rest = "match = {}",
                const std::string& on = "response") {
    return "policy \"" + name + "\" { on = \"" + on + "\", " + rest + ", decide = " + decide + " }\n";
}

/// Every field as `policy path act text`.
std::vector<std::string> fields_of(const Verdict& verdict) {
    constexpr const char* acts[] = {"drop", "null", "last4", "replace"};
    std::vector<std::string> fields;
    for (const MaskField& field : verdict.mask)
        fields.push_back(std::string(field.policy) + " " + std::string(field.path.text()) + " " +
                         acts[static_cast<size_t>(field.act)] +
                         (field.text.empty() ? "" : " " + std::string(field.text)));
    return fields;
}

using Texts = std::vector<std::string>;
using Views = std::vector<std::string_view>;

ResponseTouch touch_of(Court& court, const std::string& tool, uint32_t server = 0) {
    Facts facts;
    facts.server = server;
    facts.method = "tools/call";
    facts.tool = tool;
    return court.judge->may_touch_response(facts);
}

} // namespace

TEST_CASE("masks add up, of values and of handlers, in an order that depends on names alone") {
    Court court(
        one("b", "mask { fields = { z = 'drop', ['**.a'] = 'null', ['list[*].p'] = 'last4', note = '[gone]' } }") +
        one("a", "function(call) return mask { fields = { ['x.y'] = '', q = call.tool } } end") + one("c", "allow()") +
        one("d", "pass()"));
    const Verdict verdict = court.on_result(R"({"x":1})");
    CHECK(verdict.decision == Decision::mask);
    CHECK(verdict.goes_on());
    CHECK(fields_of(verdict) == Texts{"a q replace query", "a x.y replace", "b **.a null", "b list[*].p last4",
                                      "b note replace [gone]", "b z drop"});
    CHECK(Views(verdict.policies.begin(), verdict.policies.end()) == Views{"a", "b"});
}

TEST_CASE("an answer is judged by what it says and by what was asked") {
    Court court(one("static", "mask { fields = { s = 'drop' } }",
                    "match = { tools = 'query', result = { ['structuredContent.secret'] = present } }, "
                    "unless = { args = { public = any_of { true } } }") +
                one("handler",
                    "function(call) if call.error then return block('failed: ' .. call.error.message) end "
                    "if call.result.isError or call.args.verbose then return mask { fields = { h = 'null' } } end "
                    "return pass() end",
                    "match = { servers = 'pg-*' }"));
    CHECK(fields_of(court.on_result(R"({"structuredContent":{"secret":1}})", "{}")) == Texts{"static s drop"});
    CHECK(court.on_result(R"({"structuredContent":{"other":1}})", "{}").decision == Decision::pass);
    CHECK(court.on_result(R"({"structuredContent":{"secret":1}})", R"({"public":true})").decision == Decision::pass);
    CHECK(fields_of(court.on_result(R"({"isError":true})", "{}")) == Texts{"handler h null"});
    CHECK(fields_of(court.on_result("{}", R"({"verbose":true})")) == Texts{"handler h null"});
    Case failed;
    failed.on = On::response;
    failed.error = R"({"code":-1,"message":"no disk"})";
    const Verdict verdict = court.judge_case(failed);
    CHECK(verdict.decision == Decision::block);
    CHECK(verdict.text == "failed: no disk");
    CHECK_FALSE(verdict.goes_on());
    CHECK(verdict.mask.empty());
}

TEST_CASE("no default holds for answers") {
    Court court(one("x", "mask { fields = { s = 'drop' } }", "match = { tools = 'other' }"), surroundings(false));
    const Verdict verdict = court.on_result("{}");
    CHECK(verdict.decision == Decision::pass);
    CHECK_FALSE(verdict.by_default);
    CHECK(court.on_tool("other").decision == Decision::block); // and policies on answers say nothing of requests
}

TEST_CASE("arguments that are lost hold for match, not for unless, and not for a handler") {
    Case lost;
    lost.on = On::response;
    lost.result = "{}";
    lost.args_lost = true;
    Court court(one("m", "mask { fields = { m = 'drop' } }", "match = { args = { a = any_of { 5 } } }") +
                one("u", "mask { fields = { u = 'drop' } }", "match = {}, unless = { args = { a = absent } }") +
                one("h", "function(call) return mask { fields = { h = 'drop' } } end"));
    CHECK(fields_of(court.judge_case(lost)) == Texts{"h h drop", "m m drop", "u u drop"});
    Court asking(one("h", "function(call) if call.args then return pass() end return pass() end"));
    const Verdict verdict = asking.judge_case(lost);
    CHECK(verdict.decision == Decision::block);
    CHECK(verdict.error);
    CHECK(verdict.detail.find("taken up again") != std::string_view::npos);
    CHECK(asking.on_result("{}").decision == Decision::pass);
}

TEST_CASE("what comes before the answer is masked whatever the result will be") {
    Court court(one("m", "mask { fields = { m = 'drop' } }", "match = { result = { x = present } }") +
                one("u", "mask { fields = { u = 'drop' } }", "match = {}, unless = { result = { x = absent } }") +
                one("h", "function(call) return block(call.result.x) end") +
                one("b", "block('secret')", "match = { result = { secret = present } }") +
                one("c", "block('never')", "match = { tools = 'closed' }"));
    Case early;
    early.on = On::response;
    early.before_answer = true;
    CHECK(fields_of(court.judge_case(early)) == Texts{"m m drop", "u u drop"});
    early.tool = "closed";
    CHECK(court.judge_case(early).text == "never");
}

TEST_CASE("the outcome of a task may be that of any tool") {
    Court court(one("m", "mask { fields = { m = 'drop' } }", "match = { methods = 'tools/call', tools = 'query' }") +
                one("t", "mask { fields = { t = 'drop' } }", "match = { tags = 'read' }") +
                one("r", "mask { fields = { r = 'drop' } }", "match = { methods = 'resources/*' }") +
                one("s", "mask { fields = { s = 'drop' } }", "match = { servers = 'github', tools = 'query' }") +
                one("u", "mask { fields = { u = 'drop' } }", "match = {}, unless = { tools = 'safe' }"));
    Case task;
    task.on = On::response;
    task.tool = {};
    for (const char* method : {"tasks/result", "tasks/get", "notifications/tasks", "notifications/tasks/status"}) {
        task.method = method;
        CHECK(fields_of(court.judge_case(task)) == Texts{"m m drop", "t t drop", "u u drop"});
    }
    task.method = "ping";
    CHECK(fields_of(court.judge_case(task)) == Texts{"u u drop"});
    task.on = On::request;
    task.method = "tasks/result";
    CHECK(court.judge_case(task).mask.empty());
}

TEST_CASE("what fails in a policy on answers blocks them") {
    const struct {
        const char* decide;
        const char* detail;
    } rows[] = {
        {"function(call) error('x') end", "x"},
        {"function(call) end", "no decision"},
        {"function(call) return hide() end", "on = \"list\""},
        {"function(call) return approve { by = { 'x' } } end", "not available"},
        {"function(call) return mask { fields = { ['a..b'] = 'drop' } } end", "is no path"},
        {"function(call) return mask { fields = { a = 'hash' } } end", "not available"},
        {"function(call) return mask { fields = {} } end", "nothing would be masked"},
        {"function(call) return mask { fields = { a = string.char(255) } } end", "UTF-8"},
        {"function(call) return mask { fields = { a = call.result.x.y.z } } end", "nil"},
    };
    for (const auto& row : rows) {
        INFO(row.decide);
        Court court(one("p", row.decide) + one("q", "mask { fields = { q = 'drop' } }"));
        const Verdict verdict = court.on_result("{}");
        CHECK(verdict.decision == Decision::block);
        CHECK(verdict.error);
        CHECK(verdict.code == "policy_error");
        CHECK(verdict.mask.empty());
        CHECK(verdict.detail.find(row.detail) != std::string_view::npos);
    }
}

TEST_CASE("a request has no answer yet") {
    Court court(one("p", "function(call) return call.result and pass() or allow() end", "match = {}", "request"));
    const Verdict verdict = court.on_tool("query");
    CHECK(verdict.error);
    CHECK(verdict.detail.find("on = \"response\"") != std::string_view::npos);
    Court masking(one("p", "function(call) return mask { fields = { a = 'drop' } } end", "match = {}", "request"));
    CHECK(masking.on_tool("query").error);
}

TEST_CASE("what may touch an answer is known when its request goes out") {
    Court none(one("r", "block('no')", "match = { tools = 'x' }", "request"));
    CHECK_FALSE(touch_of(none, "x").judged);
    CHECK_FALSE(none.judge->set().judges_responses());

    Court court(
        one("m", "mask { fields = { a = 'drop' } }", "match = { tools = 'masked*' }, unless = { tools = '*_ok' }") +
        one("b", "block('no')", "match = { tools = 'blocked' }") +
        one("a", "mask { fields = { a = 'drop' } }", "match = { tools = 'args', args = { a = present } }") +
        one("h", "function(call) return pass() end", "match = { tools = 'handled', servers = 'github' }"));
    CHECK(court.judge->set().judges_responses());
    const auto says = [&](const std::string& tool, bool judged, bool masks, bool arguments, uint32_t server = 0) {
        INFO(tool);
        const ResponseTouch touch = touch_of(court, tool, server);
        CHECK(touch.judged == judged);
        CHECK(touch.masks == masks);
        CHECK(touch.arguments == arguments);
    };
    says("masked", true, true, false);
    says("masked_ok", false, false, false);
    says("blocked", true, false, false);
    says("args", true, true, true);
    says("handled", false, false, false);
    says("handled", true, true, true, 1);
    says("other", false, false, false);
}

TEST_CASE("approve keeps what every policy asks of people") {
    Court court(one("b", "approve { by = { 'sre', 'owner:{server}' }, within = '10m', reason = 'production' }",
                    "match = {}", "request") +
                one("a", "function(call) return approve { by = { 'dba' }, within = '90s', on_timeout = 'block' } end",
                    "match = {}", "request") +
                one("c", "approve { by = { 'x' } }", "match = { tools = 'other' }", "request") +
                one("z", "allow()", "match = {}", "request"));
    Verdict verdict = court.on_tool("query");
    CHECK(verdict.decision == Decision::approve);
    CHECK_FALSE(verdict.goes_on());
    REQUIRE(verdict.approve.size() == 2);
    CHECK(verdict.approve[0].policy == "a");
    CHECK(Views(verdict.approve[0].by.begin(), verdict.approve[0].by.end()) == Views{"dba"});
    CHECK(verdict.approve[0].reason.empty());
    CHECK(verdict.approve[1].policy == "b");
    CHECK(Views(verdict.approve[1].by.begin(), verdict.approve[1].by.end()) == Views{"sre", "owner:{server}"});
    CHECK(verdict.approve[1].reason == "production");
    CHECK(verdict.approve[1].within_ns == 600 * s_ns);
    CHECK(verdict.within_ns == 90 * s_ns);
    CHECK(Views(verdict.policies.begin(), verdict.policies.end()) == Views{"a", "b"});
    CHECK(court.on_tool("other").approve.size() == 3);
    Court keyed(one("k", "approve { by = { groups = { 'sre', 'ops' }, persons = { 'bo@acme.example' } } }",
                    "match = {}", "request") +
                one("l", "approve { by = { persons = { 'bo' } } }", "match = {}", "request"));
    verdict = keyed.on_tool("query");
    REQUIRE(verdict.approve.size() == 2);
    CHECK(Views(verdict.approve[0].by.begin(), verdict.approve[0].by.end()) ==
          Views{"sre", "ops", "person:bo@acme.example"});
    CHECK(Views(verdict.approve[1].by.begin(), verdict.approve[1].by.end()) == Views{"person:bo"});
    Court alone(one("c", "approve { by = { 'x' } }", "match = {}", "request"));
    CHECK(alone.on_tool("query").within_ns == 900 * s_ns);
}

TEST_CASE("block is stricter than approve, and hide stricter than both") {
    const std::string asked = one("a", "approve { by = { 'x' } }", "match = {}", "request");
    Court blocked(asked + one("b", "block('no')", "match = {}", "request"));
    const Verdict verdict = blocked.on_tool("query");
    CHECK(verdict.decision == Decision::block);
    CHECK(verdict.approve.empty());
    CHECK(verdict.text == "no");
    Court hidden(asked + one("h", "hide()", "match = { tools = 'query' }", "list"));
    CHECK(hidden.on_tool("query").decision == Decision::hide);
    CHECK(hidden.on_tool("other").decision == Decision::approve);
}
