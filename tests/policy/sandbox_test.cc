// The box from inside (its library does what it says), from below (memory is refused at every point in turn) and from
// beside (a run is ended, the next is spared).
#include "court.h"
#include "policy/later.h"
#include "policy/lua.h"
#include "policy/states.h"

#include <csignal>
#include <thread>

using namespace weir;
using namespace weir::policy;

TEST_CASE("the library does what it says") {
    // Each expression must be true inside a handler.
    for (const char* expression : {
             "tostring(1.5) == '1.5'",
             "tostring(nil) == 'nil'",
             "tostring(true) == 'true'",
             "tostring({}) == 'table'",
             "tostring(print) == 'nil'",
             "tostring(pass) == 'function'",
             "tostring(call) == 'userdata'",
             "('abc'):find('b', 1, true) == 2",
             "('abc'):find('c') == 3",
             "('abc'):find('x') == nil",
             "('abc'):find('') == 1",
             "('abc'):find('', 4) == 4",
             "('abc'):find('', 5) == nil",
             "('abcabc'):find('b', -3) == 5",
             "('abc'):find('a', 2) == nil",
             "('a.c'):find('.', 1, true) == 2",
             "select(2, ('abcd'):find('bc')) == 3",
             "('ab'):rep(3) == 'ababab'",
             "('ab'):rep(0) == ''",
             "('ab'):rep(2, ',') == 'ab,ab'",
             "#('x'):rep(1000) == 1000",
             "not pcall(string.rep, 'x', 1e9)",
             "not pcall(string.rep, '', 1e300)",
             "string.format('%5.1f|%d|%s|%q|%%', 1.5, 7, 'x', 'y') == '  1.5|7|x|\"y\"|%'",
             "string.format('%s', nil) == 'nil'",
             "not pcall(string.format, '%', 1)",
             "not pcall(string.format, '%s', {})",
             "not pcall(string.format, '%n', 1)",
             "table.concat({1, 'a', 2}, '-') == '1-a-2'",
             "table.concat({1, 2, 3}, '', 2, 3) == '23'",
             "table.concat({}) == ''",
             "not pcall(table.concat, {{}})",
             "not pcall(table.concat, {1}, '', 1, 2)",
             "(function() local t = {1, 3} table.insert(t, 2, 2) table.insert(t, 4) return table.concat(t) end)() == "
             "'1234'",
             "(function() local t = {1, 2, 3} return table.remove(t, 1) .. table.remove(t) .. #t end)() == '131'",
             "table.remove({}) == nil",
             "not pcall(table.insert, {1}, 5, 1)",
             "not pcall(table.insert, {}, 1, 1, 1)",
             "(function() local t = {5, 2, 9, 1, 5, 3} table.sort(t) return table.concat(t) end)() == '123559'",
             "(function() local t = {'b', 'c', 'a'} table.sort(t, function(a, b) return a > b end) return "
             "table.concat(t) end)() == 'cba'",
             "(function() local t = {} for i = 1, 100 do t[i] = (i * 37) % 101 end table.sort(t) for i = 2, 100 do if "
             "t[i] < t[i - 1] then return false end end return true end)()",
             "not pcall(table.sort, {1, 'a'})",
             "math.floor(1.5) == 1",
             "math.random == nil",
             "math.huge > 1",
             "pcall(error) == false",
             "(function() local n = 0 for k, v in pairs({a = 1, b = 2}) do n = n + v end return n end)() == 3",
             "(function() local n = 0 for i, v in ipairs({1, 2, nil, 4}) do n = n + v end return n end)() == 3",
             "next({}) == nil",
             "type(next) == 'function'",
             "select('#', unpack({1, 2})) == 2",
             "tonumber('0x10') == 16",
             // the arguments
             "call.args.s == 'aä\"'",
             "call.args.n == 1.5",
             "call.args.t == true",
             "call.args.f == false",
             "call.args.z == nil",
             "call.args.missing == nil",
             "call.args.list[1] == 'x'",
             "call.args.list[4] == nil",
             "call.args.list[0] == nil",
             "call.args.list[1.5] == 'x' or call.args.list[1.5] == nil",
             "#call.args.list == 3",
             "#call.args == 8",
             "call.args.o.deep[1].x == 5",
             "call.args == call.args",
             "call.args.o ~= call.args.list",
             "type(call.args.o) == 'userdata'",
             "tostring(call.args.o) == '{\"a\":1e2,\"deep\":[{\"x\":5}]}'",
             "json.canon(call.args.list) == '[\"x\",2,null]'",
             "json.path(call.args, 'o.deep[0].x') == 5",
             "json.path(call.args, 'list[*]')[2] == 2",
             "#json.path(call.args, '**.x') == 1",
             "json.path(call.args, 'nothing') == nil",
             "json.path(call.args, 'n') == 1.5",
             "not pcall(json.path, call.args, 'a..b')",
             "not pcall(json.path, {}, 'a')",
             "not pcall(function() call.args.n = 1 end)",
             "(function() local keys = '' for k, v in pairs(call.args) do keys = keys .. k end return keys end)() == "
             "'sntfzlistopath'",
             "(function() local all = '' for i, v in ipairs(call.args.list) do all = all .. i .. tostring(v) end "
             "return all end)() == '1x223nil'",
             "not pcall(ipairs, call.args.o)",
             "call.args.path == 'a member' and call.args.o.path == nil",
             // the rest of the call
             "call.tool == 'query'",
             "call.method == 'tools/call'",
             "call.prompt == nil",
             "call.resource == nil",
             "call.server.name == 'pg-prod'",
             "call.server.labels.env == 'prod'",
             "call.server.labels.nothing == nil",
             "call.session.id == 's-1'",
             "call.session.calls == 3",
             "call.client.name == 'inspector'",
             "call.client.version == '1.2'",
             "call.client.untrusted == true",
             "call.time.unix == 1800000000",
             "hash.sha256('abc') == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'",
             "word:match('a Drop b')",
             "not word:match('dro')",
             "word:find('a drop') == 3",
             "names:match('x_1')",
             "not names:match('1_x')",
             "not pcall(function() return names:find('x') end)",
         }) {
        INFO(expression);
        Court court(std::string("local word, names = re[[(?i)drop]], glob'x_*'\npolicy \"p\" { on = \"request\", match "
                                "= {}, decide = function(call) if ") +
                    expression + " then return allow() end return block('no') end }");
        const Verdict verdict = court.on_arguments(
            R"({"s":"aä\"","n":1.5,"t":true,"f":false,"z":null,"list":["x",2,null],"o":{"deep":[{"x":5}],"a":1e2},"path":"a member"})");
        INFO(verdict.detail);
        CHECK(verdict.decision == Decision::allow);
    }
}

TEST_CASE("globals of a handler live for one call") {
    Court court(R"(
        policy "a" { on = "request", match = { tools = "a" }, decide = function(call)
          if leak ~= nil or string.len("x") ~= 1 then return block("leaked") end
          leak, other, string = 1, {}, 5
          if leak ~= 1 or string ~= 5 then return block("lost") end
          return allow() end }
        policy "b" { on = "request", match = { tools = "b" }, decide = function(call)
          return block(tostring(leak) .. type(string) .. tostring(other)) end }
    )");
    for (int i = 0; i < 3; ++i) {
        CHECK(court.on_tool("a").decision == Decision::allow);
        CHECK(court.on_tool("b").text == "niltablenil");
    }
}

TEST_CASE("refusing memory at each point of loading gives no state, and no crash") {
    const Loaded loaded = load(R"(
        local helper = require_nothing
        policy "p" { on = "request", match = {}, decide = function(call) return pass() end })");
    CHECK_FALSE(loaded);
    const Loaded good = load(R"(
        local bad, word = re[[x+]], config "word"
        local function build(n) local t = {} for i = 1, n do t[i] = { word .. i } end return t end
        local table_of_words = build(20)
        policy "p" { on = "request", match = { args = { a = glob "x*" } }, decide = function(call) return block(table_of_words[1][1]) end })");
    INFO(problems_of(good));
    REQUIRE(good);
    Watchdog watchdog;
    std::string error;
    uint64_t granted = 0;
    for (;; ++granted) {
        INFO(granted);
        error.clear();
        const auto box = build_box(**good, watchdog, error, granted);
        if (box) {
            CHECK(box->memory.refusals == 0);
            break;
        }
        REQUIRE_FALSE(error.empty());
        REQUIRE(granted < 20'000);
    }
    CHECK(granted > 200); // the sweep has really gone through the loading
}

TEST_CASE("refusing memory at each point of a run blocks, and no crash") {
    const char* body = R"(
        local t, text = {}, ''
        for i = 1, 20 do t[i] = call.args.list[1] .. i text = text .. t[i] end
        pcall(function() for i = 1, 20 do t[#t + 1] = { tostring(call.args), call.tool .. i } end end)
        table.sort(t, function(a, b) return tostring(a) < tostring(b) end)
        x, y = table.concat({ text, ('x'):rep(300) }), string.format('%s %d', text, 5)
        return block(y, { code = 'done', hint = text })
    )";
    Court court(std::string("policy \"p\" { on = \"request\", match = {}, decide = function(call) ") + body + " end }");
    const PolicySet& set = court.judge->set();
    const size_t index = set.rules().find("p");
    Slot slot;
    slot.cpu_ns_max = slot.wall_ns_max = 60 * s_ns;
    court.watchdog.add(slot);
    static_cast<void>(court.on_arguments(R"({"list":["ab\u0063"],"more":{"x":[1,2,3]}})"));
    Facts facts;
    facts.tool = "query";
    facts.method = "tools/call";
    facts.args = json::Value::root(court.arguments.document);
    uint64_t granted = 0;
    for (bool done = false; !done; ++granted) {
        INFO(granted);
        std::string error;
        auto box = build_box(set, court.watchdog, error);
        REQUIRE(box);
        box->memory.refuse_after = granted;
        Looking looking;
        looking.budget.bytes_left = 1 << 20;
        std::vector<std::string> log;
        Run run;
        run.facts = &facts;
        run.server = &set.servers()[0];
        run.looking = &looking;
        run.log = &log;
        const DecisionValue* decision = nullptr;
        const Outcome outcome = box->run(index, run, court.watchdog, slot, decision, error);
        if (outcome == Outcome::fine) {
            REQUIRE(decision != nullptr);
            CHECK(decision->code() == "done");
            done = true;
        } else {
            REQUIRE(outcome == Outcome::out_of_memory);
            REQUIRE(decision == nullptr);
        }
        REQUIRE(granted < 20'000);
    }
    CHECK(granted > 50);
    court.watchdog.remove(slot);
}

TEST_CASE("a run that is ended by force does not count, and the next is spared") {
    Court court(R"(
        policy "loop" { on = "request", match = { tools = "loop" }, decide = function(call)
          local ok = pcall(function() while true do end end) return allow() end }
        policy "calm" { on = "request", match = { tools = "calm" }, decide = function(call)
          local n = 0 for i = 1, 20000 do n = n + i end return allow() end }
    )");
    for (int i = 0; i < 4; ++i) {
        const Verdict verdict = court.on_tool("loop");
        CHECK(verdict.error);
        CHECK(verdict.decision == Decision::block);
        CHECK(verdict.detail.find("longer") != std::string_view::npos);
        CHECK(court.on_tool("calm").decision == Decision::allow);
    }
    CHECK(court.judge->counts().timeouts == 4);
    CHECK(court.judge->counts().states_built >= 5);
}

TEST_CASE("a run is ended also on a thread that was started with all signals blocked") {
    Court court(R"(policy "loop" { on = "request", match = {}, decide = function(call) while true do end end })");
    bool blocked = false;
    std::thread([&] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, nullptr);
        Facts facts;
        facts.method = "tools/call";
        blocked = court.judge->judge(facts, court.space).error;
    }).join();
    CHECK(blocked);
    CHECK(court.judge->counts().timeouts == 1);
}

TEST_CASE("garbage of many calls stays within the memory of one") {
    Surroundings around = surroundings();
    around.limits.policy_memory_bytes_max = 1 << 20;
    Court court(R"(
        local kept = {} for i = 1, 20000 do kept[i] = { i } end
        policy "g" { on = "request", match = {}, decide = function(call)
          local t = {} for i = 1, 50 do t[i] = { call.tool .. i, i } end
          return allow() end })",
                around);
    for (int i = 0; i < 3000; ++i) REQUIRE_FALSE(court.on_tool("tool" + std::to_string(i)).error);
}

TEST_CASE("one watchdog serves judges on several threads") {
    const Loaded loaded = load(R"(
        policy "loop" { on = "request", match = { tools = "loop" }, decide = function(call) while true do end end }
        policy "calm" { on = "request", match = { tools = "calm" }, decide = function(call) return allow() end })");
    REQUIRE(loaded);
    Watchdog watchdog;
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            Judge judge(*loaded, watchdog);
            BufferPool pool;
            Workspace space(pool);
            Facts facts;
            facts.method = "tools/call";
            for (int round = 0; round < 3; ++round) {
                facts.tool = "calm";
                for (int n = 0; n < 300; ++n) right += judge.judge(facts, space).decision == Decision::allow ? 1 : 0;
                facts.tool = "loop";
                right += judge.judge(facts, space).error ? 1 : 0;
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(right == 3 * 3 * 301);
}

TEST_CASE("uses of what is not there yet are found in the text, and only those") {
    const auto names = [](std::string_view text) {
        std::string all;
        for (const LaterUse& use : later_uses(text)) all += std::to_string(use.line) + use.name + " ";
        return all;
    };
    CHECK(names("limit.take{}") == "1limit ");
    CHECK(names("\nlocal ok = limit . take {}\nsql.inspect(x)") == "2limit 3sql ");
    CHECK(names("local limit = config 'limit' limit.x()").empty());
    CHECK(names("local a, limit = 1, 2 limit(1)").empty());
    CHECK(names("function f(limit) return limit(1) end").empty());
    CHECK(names("for data, x in pairs(t) do data.x = 1 end").empty());
    CHECK(names("call.args.limit(1) t.data.x = x:limit('y')").empty());
    CHECK(names("{ limit = 5, data = 1 }").empty());
    CHECK(names("-- limit.take{}\n--[[ sql.x\n limit.y ]] --[==[ data.x ]] ]==] 'limit.x' \"sql.x\\\" data.y\" [[ "
                "pins.z ]]")
              .empty());
    CHECK(names("x = a[limit.x]") == "1limit ");
    CHECK(names("call.who.id call.session:mark('x') call.time:within{}") == "1call.session:mark 1call.time:within ");
    CHECK(names("call.session.id call.time.unix my.call.who recall.who").empty());
    CHECK(names("detector\"y\" cidr[[z]]") == "1detector 1cidr ");
    CHECK(names("'unclosed limit.x\n [[ sql.x").empty());
}
