// What a directory of policies may not say: each text is refused, with the file, the line and words that help.
#include "court.h"
#include "policy/box.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

using namespace weir;
using namespace weir::policy;

namespace {

/// A policy whose fields are `fields`, with those that are not given filled in.
std::string with(const std::string& fields) {
    std::string text = "policy \"p\" { ";
    if (fields.find("on =") == std::string::npos) text += "on = \"request\", ";
    if (fields.find("match =") == std::string::npos) text += "match = {}, ";
    if (fields.find("decide =") == std::string::npos) text += "decide = pass(), ";
    return text + fields + " }";
}

} // namespace

TEST_CASE("what the language does not have, or not yet, is a load error with its place") {
    const struct {
        std::string text;
        const char* says;
    } rows[] = {
        {"x = 1", "would be global"},
        {"print('x')", "unknown name 'print'"},
        {"policy", "'=' expected"},
        {"policy 'x'", "has no table"},
        {"policy 'x' policy 'y' {}", "has no table"},
        {"policy(5){}", "takes a name"},
        {"policy 'a b' {}", "takes a name"},
        {"policy 'builtin/x' {}", "weir's own"},
        {"local p = policy 'x' p {} p {}", "its table already"},
        {"policy 'x' '5'", "table expected"},
        {"policy 'x' {}", "'on' is missing"},
        {"policy 'x' { on = 'request' }", "'match' is missing"},
        {"policy 'x' { on = 'request', match = {} }", "'decide' is missing"},
        {with("colour = 'red'"), "unknown field 'colour'"},
        {with("1"), "named fields only"},
        {with("on = 'reply'"), "\"request\", \"response\" or \"list\""},
        {with("on = 1"), "'on' is a string"},
        {with("mode = 'shadow'"), "not available in this version"},
        {with("mode = 'fast'"), "'mode' is"},
        {with("about = 1"), "'about' is a string"},
        {with("decide = 5"), "'decide' is a decision"},
        {with("decide = pass"), "made by a call"},
        {with("decide = hide()"), "hide() is for on = \"list\""},
        {with("on = 'list', decide = block('x')"), "decides hide() or pass()"},
        {with("on = 'list', decide = allow()"), "decides hide() or pass()"},
        {with("on = 'list', match = { args = { a = present } }, decide = hide()"), "a list has no arguments"},
        {with("on = 'response', decide = hide()"), "hide() is for on = \"list\""},
        {with("on = 'response', decide = approve { by = { 'x' } }"), "approve on a response is not available"},
        {with("on = 'list', decide = approve { by = { 'x' } }"), "decides hide() or pass()"},
        {with("decide = mask { fields = { a = 'drop' } }"), "mask on a request is not available in this version"},
        {with("decide = approve"), "made by a call"},
        {with("decide = approve()"), "table expected"},
        {with("decide = approve {}"), "approve takes by"},
        {with("decide = approve { by = 'sre' }"), "approve takes by"},
        {with("decide = approve { by = {} }"), "approve takes by"},
        {with("decide = approve { by = { 1 } }"), "a name in approve{by} is a string"},
        {with("decide = approve { by = { '' } }"), "1 to 128 bytes"},
        {with("decide = approve { by = { 'a\\nb' } }"), "1 to 128 bytes"},
        {with("decide = approve { by = { '\xff' } }"), "1 to 128 bytes"},
        {with("decide = approve { by = { ('x'):rep(129) } }"), "1 to 128 bytes"},
        {with("decide = approve { by = { 'a', x = 'b' } }"), "is a list"},
        {with("decide = approve { by = {'1','2','3','4','5','6','7','8','9','a','b','c','d','e','f','g','h'} }"),
         "more than 16 names"},
        {with("decide = approve { by = { teams = { 'x' } } }"), "groups and persons; not 'teams'"},
        {with("decide = approve { by = { groups = { 'x' }, 'y' } }"), "not both"},
        {with("decide = approve { by = { groups = 'x' } }"), "{groups}} is a list of names"},
        {with("decide = approve { by = { groups = {} } }"), "{groups}} is a list of names"},
        {with("decide = approve { by = { persons = {} } }"), "{persons}} is a list of names"},
        {with("decide = approve { by = { persons = { x = 'y' } } }"), "{persons}} is a list of names"},
        {with("decide = approve { by = { groups = { [2] = 'y' } } }"), "is a list"},
        {with("decide = approve { by = { groups = { 'person:x' } } }"), "no group begins with"},
        {with("decide = approve { by = { groups = { true } } }"), "a name in approve{by} is a string"},
        {with("decide = approve { by = { persons = { ('x'):rep(129) } } }"), "1 to 128 bytes"},
        {with("decide = approve { by = { 'person:' } }"), "1 to 128 bytes"},
        {with("decide = approve { by = { groups = {'1','2','3','4','5','6','7','8'}, "
              "persons = {'1','2','3','4','5','6','7','8','9'} } }"),
         "more than 16 names"},
        {with("decide = approve { by = { 'x' }, within = 15 }"), "within is a string"},
        {with("decide = approve { by = { 'x' }, within = '15' }"), "within is a duration"},
        {with("decide = approve { by = { 'x' }, within = '0s' }"), "within is a duration"},
        {with("decide = approve { by = { 'x' }, within = '8d' }"), "within is a duration"},
        {with("decide = approve { by = { 'x' }, within = '-1m' }"), "within is a duration"},
        {with("decide = approve { by = { 'x' }, on_timeout = 'allow' }"), "on_timeout is \"block\""},
        {with("decide = approve { by = { 'x' }, reason = 5 }"), "reason is a string"},
        {with("decide = approve { by = { 'x' }, reason = ('x'):rep(1025) }"), "at most 1,024 bytes"},
        {with("decide = approve { by = { 'x' }, quorum = 2 }"), "approve{quorum} is not available in this version"},
        {with("decide = approve { by = { 'x' }, escalate = {} }"), "approve{escalate} is not available"},
        {with("decide = approve { by = { 'x' }, colour = 'red' }"), "unknown option 'colour' of approve"},
        {with("on = 'response', decide = mask()"), "table expected"},
        {with("on = 'response', decide = mask {}"), "mask takes fields"},
        {with("on = 'response', decide = mask { fields = 'a' }"), "mask takes fields"},
        {with("on = 'response', decide = mask { fields = {} }"), "nothing would be masked"},
        {with("on = 'response', decide = mask { fields = { 'a' } }"), "a path of mask{fields} is a string"},
        {with("on = 'response', decide = mask { fields = { a = 1 } }"), "what mask does with a field is a string"},
        {with("on = 'response', decide = mask { fields = { ['a..b'] = 'drop' } }"), "'a..b' is no path"},
        {with("on = 'response', decide = mask { fields = { a = 'token' } }"), "not available in this version"},
        {with("on = 'response', decide = mask { fields = { a = 'hash' } }"), "not available in this version"},
        {with("on = 'response', decide = mask { fields = { a = '\xff' } }"), "is UTF-8"},
        {with("on = 'response', decide = mask { fields = { a = ('x'):rep(1025) } }"), "at most 1,024 bytes"},
        {with("on = 'response', decide = mask { detectors = { 'email' } }"), "mask{detectors} is not available"},
        {with("on = 'response', decide = mask { fields = { a = 'drop' }, with = 'token' }"),
         "mask{with} is not available"},
        {with("on = 'response', decide = mask { field = {} }"), "unknown option 'field' of mask"},
        {with("match = { result = { a = present } }"), "'result' is for on = \"response\""},
        {with("on = 'response', match = { result = { ['a..b'] = present } }"), "is no path"},
        {with("on = 'response', match = { result = {} }"), "'result' is empty"},
        {with("decide = pass(1)"), "pass() takes nothing"},
        {with("decide = allow { code = 'x' }"), "allow() takes nothing"},
        {with("decide = block('x', {}, 1)"), "block takes a text and a table of options"},
        {with("on = 'list', decide = hide({}, 1)"), "hide takes a table of options"},
        {with("on = 'response', decide = mask({}, 1)"), "mask takes one table"},
        {with("decide = approve({}, 1)"), "approve takes one table"},
        {with("decide = block()"), "the text of block"},
        {with("decide = block('x', { colour = 1 })"), "unknown option 'colour'"},
        {with("decide = block('x', { code = 'A B' })"), "code is"},
        {with("decide = block('x', { retry_after = -1 })"), "retry_after is"},
        {with("decide = block('x', { as = 'text' })"), "as is"},
        {with("on = 'list', decide = hide { notify = { 'x' } }"), "not available in this version"},
        {with("match = { groups = {} }"), "'groups' is a glob or a list of at least one glob"},
        {with("match = { group = 'x' }"), "did you mean 'groups'?"},
        {with("match = { claims = { a = 1 } }"), "claims.a is a predicate"},
        {with("match = { time = {} }"), "not available in this version"},
        {with("match = { session = { 'x' } }"), "not available in this version"},
        {with("match = { size = {} }"), "not available in this version"},
        {with("unless = { ip = 'x' }"), "'x' in ip is no address and no range of them"},
        {with("unless = {}"), "would never apply"},
        {with("match = { colour = 'x' }"), "unknown key 'colour' in match"},
        {with("match = { tool = 'x' }"), "unknown key 'tool' in match; did you mean 'tools'?"},
        {with("match = { 'x' }"), "named keys only"},
        {with("match = 5"), "'match' is a table"},
        {with("match = { tools = {} }"), "at least one glob"},
        {with("match = { tools = { 1 } }"), "at least one glob"},
        {with("match = { tools = { x = 'y' } }"), "at least one glob"},
        {with("match = { tools = '[a' }"), "is no glob"},
        {with("match = { tools = '' }"), "'tools' has an empty glob"},
        {with("match = { who = { 'a', '' } }"), "'who' has an empty glob"},
        {with("match = { resources = 'FILE:///etc/*' }"), "matches no URI in normal form: the scheme is in lower case"},
        {with("match = { resources = 'http://*@host/*' }"), "asks for a user in front of the host"},
        {with("unless = { resources = { 'https://evil.example' } }"), "the path is '/' at least"},
        {with("on = 'list', match = { resources = 'file:/etc/{path}' }, decide = hide()"), "with three slashes"},
        {with("match = { resources = '/etc/*' }"), "a scheme and ':' come first"},
        {with("match = { methods = 'tools/cal' }"),
         "'tools/cal' in methods is no method of MCP; did you mean 'tools/call'?"},
        {with("unless = { methods = { 'ping', 'resource/*' } }"), "did you mean 'resources/*'?"},
        {with("on = 'list', match = { methods = 'tools/call' }, decide = hide()"), "names no list"},
        {with("match = { labels = 'x' }"), "'labels' is"},
        {with("match = { labels = { env = 1 } }"), "'labels' is"},
        {with("match = { args = 'x' }"), "'args' is a table"},
        {with("match = { args = {} }"), "'args' is empty"},
        {with("match = { args = { 'x' } }"), "'args' is a table"},
        {with("match = { args = { ['a..b'] = present } }"), "is no path"},
        {with("match = { args = { a = 5 } }"), "any_of{"},
        {with("match = { args = { a = true } }"), "any_of{"},
        {with("match = { args = { a = re[[(]] } }"), "no regular expression"},
        {with("match = { args = { a = re[[\\1]] } }"), "no regular expression"},
        {with("match = { args = { a = num{} } }"), "at least one of"},
        {with("match = { args = { a = num{more=1} } }"), "no bound 'more'"},
        {with("match = { args = { a = len{ge='x'} } }"), "is a number"},
        {with("match = { args = { a = num{ge=5, lt=1} } }"), "no number is within these bounds"},
        {with("match = { args = { a = num{ge=5, lt=5} } }"), "no number is within these bounds"},
        {with("match = { args = { a = num{gt=5, le=5} } }"), "no number is within these bounds"},
        {with("match = { args = { a = num{ge=5, le=5, ne=5} } }"), "no number is within these bounds"},
        {with("match = { args = { a = num{eq=5, lt=5} } }"), "no number is within these bounds"},
        {with("match = { args = { a = len{lt=-1} } }"), "no length is within these bounds"},
        {with("match = { args = { a = len{lt=0} } }"), "no length is within these bounds"},
        {with("match = { args = { a = len{eq=1.5} } }"), "no length is within these bounds"},
        {with("match = { args = { a = len{gt=1, lt=2} } }"), "no length is within these bounds"},
        {with("match = { args = { a = num(1, 2) } }"), "num takes one value"},
        {with("match = { args = { a = glob('a', 'b') } }"), "glob takes one value"},
        {with("match = { args = { a = any_of{0/0} } }"), "a number that equals none"},
        {with("match = { args = { a = any_of{} } }"), "at least one value"},
        {with("match = { args = { a = any_of{{}} } }"), "list of strings"},
        {with("match = { args = { a = cidr{'10.0.0.0/8'} } }"), "cidr is not available in this version"},
        {with("match = { args = { a = detector{'email'} } }"), "detector is not available in this version"},
        {"local x = config 'nothing'", "is not in weir.toml"},
        {"local x = require 'os'", "require takes"},
        {"local x = require 'lib.nothing'", "no such file"},
        {"local x = require 'lib.../x'", "require takes"},
        {"local x = sql.inspect", "sql is not available in this version"},
        {"log.info('x')", "is for handlers"},
        {"error('why not')", "why not"},
        {"error({})", "no text"},
        {"local t = {} t.x.y = 1", "attempt to index"},
        {"string.len = 1", "read-only"},
        {with("") + "\n" + with(""), "already in"},
    };
    for (const auto& row : rows) {
        INFO(row.text);
        const Loaded loaded = load("\n\n" + row.text);
        REQUIRE_FALSE(loaded);
        const std::string problems = problems_of(loaded);
        INFO(problems);
        CHECK(problems.find(row.says) != std::string::npos);
        CHECK(problems.starts_with("a.lua:"));
        if (row.says != std::string("no text")) CHECK(loaded.error()[0].line >= 3);
    }
    CHECK(problems_of(load("\x1bLJ\x02\x02")).find("mode") != std::string::npos);
}

TEST_CASE("all problems are told at once, in all files") {
    const Loaded loaded = PolicySet::load_sources(
        {{"a.lua", with("colour = 1, on = 'reply', match = { who = {} }") + "\n" + with("mode = 'x'")},
         {"sub/b.lua", "\npolicy 'q' {"},
         {"c.lua", with("")}},
        surroundings());
    REQUIRE_FALSE(loaded);
    INFO(problems_of(loaded));
    CHECK(loaded.error().size() == 5);
    CHECK(problems_of(loaded).find("sub/b.lua:2: ") != std::string::npos);
}

TEST_CASE("a file that never ends loading is a load error") {
    const Loaded loaded = load("local s = 'x' while true do s = s .. s end");
    REQUIRE_FALSE(loaded);
    CHECK(problems_of(loaded).find("memory") != std::string::npos);
}

TEST_CASE("loading is ended by the watchdog, and the texts of problems are UTF-8") {
    Watchdog watchdog;
    Slot slot;
    slot.cpu_ns_max = 20 * ms_ns;
    slot.wall_ns_max = 20 * s_ns;
    watchdog.add(slot);
    Rules rules;
    std::vector<Problem> problems;
    Box::Purpose purpose;
    purpose.collect = &rules;
    purpose.problems = &problems;
    const auto box = Box::open(purpose, size_t{64} << 20);
    REQUIRE(box);
    std::string error;
    CHECK(box->load({"a.lua", "while true do pcall(function() while true do end end) end"}, false, watchdog, slot,
                    error) == Outcome::timed_out);
    watchdog.remove(slot);
    CHECK(problems_of(load(with("match = { ['\xff\xc3\xa4'] = 1 }"))).find("unknown key '?\xc3\xa4' in match") !=
          std::string::npos);
}

TEST_CASE("files need one another through lib, read-only") {
    Court court(
        {{"a.lua", R"(local words = require "lib.words"
                   local again = require "lib.words"
                   policy "a" { on = "request", match = { args = { sql = words.any } }, decide = block("found " .. words.name .. tostring(words == again)) })"},
         {"lib/words.lua",
          R"(local deeper = require "lib.deep.er" return { any = glob("*" .. deeper() .. "*"), name = config "word" })"},
         {"lib/deep/er.lua", "return function() return config 'word' end"}});
    CHECK(court.on_arguments(R"({"sql":"please drop it"})").text == "found droptrue");
    CHECK(court.on_arguments(R"({"sql":"please keep it"})").decision == Decision::allow);

    CHECK(problems_of(PolicySet::load_sources({{"a.lua", "require 'lib.x'"}, {"lib/x.lua", "return require 'lib.x'"}},
                                              surroundings()))
              .find("needs itself") != std::string::npos);
    CHECK(problems_of(PolicySet::load_sources({{"a.lua", "require('lib.x').y = 1"}, {"lib/x.lua", "return {}"}},
                                              surroundings()))
              .find("read-only") != std::string::npos);
    CHECK(problems_of(
              PolicySet::load_sources({{"a.lua", "require 'lib.x'"}, {"lib/x.lua", "\nerror('here')"}}, surroundings()))
              .find("lib/x.lua:2: here") != std::string::npos);
}

TEST_CASE("a policy that is off is checked and does nothing") {
    Court court(with("mode = 'off', decide = block('no')"));
    CHECK(court.on_tool("query").decision == Decision::allow);
    CHECK_FALSE(load(with("mode = 'off', decide = 5")));
}

TEST_CASE("a handler that can reach its end is warned of, and no other") {
    const struct {
        const char* body;
        bool reaches;
    } rows[] = {
        {"", true},
        {"pass()", true},
        {"if call.tool then return pass() end", true},
        {"if call.tool then return pass() elseif call.args then return pass() end", true},
        {"if call.tool then return pass() else log.info('x') end", true},
        {"for i = 1, 2 do return pass() end", true},
        {"while call.tool do return pass() end", true},
        {"while true do if call.tool then break end end", true},
        {"repeat if call.tool then break end return pass() until false", true},
        {"local f = function() return pass() end", true},
        {"local function f() return pass() end f()", true},
        {"local t = { error = 1 } t.error = 2", true},
        {"local s = [[ return pass() ]] -- return pass()", true},
        {"local s = 'return'", true},
        {"do local x = 1 end", true},
        {"return pass()", false},
        {"return pass();", false},
        {"if call.tool then return pass() end return pass()", false},
        {"if call.tool then return pass() else return pass() end", false},
        {"if call.tool then return pass() elseif call.args then return pass() else error('x') end", false},
        {"do return pass() end", false},
        {"error('no')", false},
        {"local x = 1 error { 'no' }", false},
        {"while true do if call.tool then return pass() end end", false},
        {"while true do while call.tool do break end end", false},
        {"repeat return pass() until false", false},
        {"for i = 1, 2 do local f = function() end end return pass()", false},
        {"if (function() return true end)() then return pass() end return (function() return pass() end)()", false},
        {"goto out ::out:: return pass()", false},
    };
    for (const auto& row : rows) {
        INFO(row.body);
        const Loaded loaded = load("local decide = function(call)\n" + std::string(row.body) + "\nend\n" +
                                   with("decide = decide") + " local function later() end");
        INFO(problems_of(loaded));
        REQUIRE(loaded);
        CHECK((*loaded)->warnings().size() == size_t{row.reaches});
        if (row.reaches)
            CHECK(
                describe((*loaded)->warnings()[0]).starts_with("a.lua:3: policy \"p\": its handler can reach its end"));
    }
    // Two on one line are not told apart.
    const std::string both = "function(call) return pass() end";
    CHECK((*load("local f = function() end " + with("decide = " + both)))->warnings().empty());
    CHECK((*load(with("decide = " + both)))->warnings().empty());
    CHECK((*PolicySet::load_sources({{"a.lua", with("decide = require('lib.x').decide")},
                                     {"lib/x.lua", "return {\n decide = function() end }"}},
                                    surroundings()))
              ->warnings()[0]
              .file == "lib/x.lua");
}

TEST_CASE("what may hold for something is taken") {
    for (const char* match :
         {"methods = { 'acme/run', '*/list', 'tasks/*' }", "methods = 'ping'", "args = { a = '' }",
          "args = { a = len{eq=0} }", "args = { a = len{lt=0.5} }", "args = { a = len{gt=1, lt=3} }",
          "args = { a = num{ge=5, le=5} }", "args = { a = num{gt=5, lt=5.5, ne=5.2} }", "args = { a = num{lt=-1} }",
          "resources = { '*', 'file:///etc/*', 'note://{Name}', 'http://*/*@host/*' }"}) {
        const Loaded loaded = load(with("match = { " + std::string(match) + " }"));
        INFO(problems_of(loaded));
        CHECK(loaded);
    }
}

TEST_CASE("of a mounted ConfigMap each policy is read once, and what is no file is never waited for") {
    namespace fs = std::filesystem;
    const fs::path directory = fs::temp_directory_path() / ("weir_policy_map_" + std::to_string(getpid()));
    fs::create_directories(directory / "..2026_01_01");
    std::ofstream(directory / "..2026_01_01" / "x.lua") << with("");
    std::ofstream(directory / ".hidden.lua") << "this is no policy";
    fs::create_directory_symlink("..2026_01_01", directory / "..data");
    fs::create_symlink("..data/x.lua", directory / "x.lua");
    const Loaded mounted = PolicySet::load(directory, surroundings());
    INFO(problems_of(mounted));
    REQUIRE(mounted);
    CHECK((*mounted)->count() == 1);
    REQUIRE(mkfifo((directory / "pipe.lua").c_str(), 0600) == 0);
    fs::create_symlink("/dev/zero", directory / "zero.lua");
    fs::create_symlink("nowhere", directory / "gone.lua");
    const std::string problems = problems_of(PolicySet::load(directory, surroundings()));
    CHECK(problems.find("pipe.lua: it is no file") != std::string::npos);
    CHECK(problems.find("zero.lua: it is no file") != std::string::npos);
    CHECK(problems.find("gone.lua: it leads to no file") != std::string::npos);
    CHECK(problems_of(PolicySet::load(directory / "x.lua", surroundings())).find("it is no directory") !=
          std::string::npos);
    fs::remove_all(directory);
}

TEST_CASE("links to directories are followed, and no directory is read twice") {
    namespace fs = std::filesystem;
    const fs::path directory = fs::temp_directory_path() / ("weir_policy_links_" + std::to_string(getpid()));
    const auto write = [&](const fs::path& name, const std::string& text) {
        fs::create_directories((directory / name).parent_path());
        std::ofstream(directory / name) << text;
    };
    const auto named = [](const std::string& name, const std::string& text) {
        return "policy '" + name + "' { on = 'request', match = {}, decide = block(" + text + ") }";
    };
    const auto load_it = [&] { return PolicySet::load(directory, surroundings()); };
    using Names = std::vector<std::string_view>;

    // As Kubernetes mounts a ConfigMap whose items have paths with a slash.
    write("..2026_01_01/x.lua", named("x", "require('lib.text').it"));
    write("..2026_01_01/team/y.lua", named("y", "'no'"));
    write("..2026_01_01/team/deeper/z.lua", named("z", "'no'"));
    write("..2026_01_01/team/y_test.lua", "this is no policy");
    write("..2026_01_01/lib/text.lua", "return { it = 'from the library' }");
    fs::create_directory_symlink("..2026_01_01", directory / "..data");
    for (const char* name : {"x.lua", "team", "lib"}) fs::create_symlink(fs::path("..data") / name, directory / name);
    Loaded loaded = load_it();
    INFO(problems_of(loaded));
    REQUIRE(loaded);
    CHECK((*loaded)->names() == Names{"builtin/default", "x", "y", "z"});

    write("..2026_01_01/team/bad.lua", "policy 'bad' {");
    CHECK(problems_of(load_it()).find("team/bad.lua:1: ") != std::string::npos);
    fs::remove(directory / "team/bad.lua");

    SECTION("a circle ends, and so does a link to oneself, which leads nowhere") {
        fs::create_directory_symlink("..", directory / "team/deeper/up");
        fs::create_directory_symlink(".", directory / "team/here");
        fs::create_directory_symlink(directory, directory / "again");
        loaded = load_it();
        INFO(problems_of(loaded));
        REQUIRE(loaded);
        CHECK((*loaded)->names() == Names{"builtin/default", "x", "y", "z"});
        fs::create_symlink("self", directory / "team/self");
        CHECK(problems_of(load_it()).find("team/self: it cannot be read: ") != std::string::npos);
    }
    SECTION("its own name comes before that of a link, and the first of links before the others") {
        write("real/r.lua", "policy 'r' {");
        fs::create_directory_symlink("real", directory / "a_link");
        write("..2026_01_01/team/t.lua", "policy 't' {");
        fs::create_directory_symlink("..data/team", directory / "other");
        const std::string problems = problems_of(load_it());
        CHECK(problems.find("real/r.lua:1: ") != std::string::npos);
        CHECK(problems.find("other/t.lua:1: ") != std::string::npos);
        CHECK(problems.find("a_link") == std::string::npos);
        CHECK(problems.find("team/t.lua") == std::string::npos);
    }
    SECTION("what is also reached as library is still loaded") {
        write("common/s.lua", named("s", "'no'"));
        fs::create_directory_symlink("../../common", directory / "..2026_01_01/lib/common");
        fs::create_directory_symlink("lib", directory / "mine");
        write("..2026_01_01/lib/m.lua", named("m", "'no'"));
        loaded = load_it();
        INFO(problems_of(loaded));
        REQUIRE(loaded);
        CHECK((*loaded)->names() == Names{"builtin/default", "m", "s", "x", "y", "z"});
    }
    SECTION("a file under two names defines its policies twice") {
        fs::create_symlink("x.lua", directory / "x2.lua");
        CHECK(problems_of(load_it()).find("x2.lua:1: ") != std::string::npos);
    }
    SECTION("a link that leads nowhere is a problem, whatever it is called") {
        fs::create_symlink("..data/gone", directory / "team/elsewhere");
        fs::create_symlink("..data/gone", directory / "more");
        const std::string problems = problems_of(load_it());
        CHECK(problems.find("team/elsewhere: it leads to no file") != std::string::npos);
        CHECK(problems.find("more: it leads to no file") != std::string::npos);
    }
    fs::remove_all(directory);
}

TEST_CASE("a directory is read whole, but for tests and the library") {
    const std::string directory =
        std::filesystem::temp_directory_path() / ("weir_policy_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(directory + "/sub/lib");
    std::filesystem::create_directories(directory + "/lib");
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream(directory + "/" + name) << text;
    };
    write("a.lua", "policy 'a' { on = 'request', match = {}, decide = block(require('lib.text').it) }");
    write("sub/b.lua", "policy 'b' { on = 'request', match = {}, decide = pass() }");
    write("sub/lib/c.lua", "policy 'c' { on = 'list', match = {}, decide = hide() }");
    write("a_test.lua", "this is no policy");
    write("lib/text.lua", "return { it = 'from the library' }");
    write("notes.txt", "x");
    const Loaded loaded = PolicySet::load(directory, surroundings());
    INFO(problems_of(loaded));
    REQUIRE(loaded);
    CHECK((*loaded)->names() == std::vector<std::string_view>{"a", "b", "builtin/default", "c"});
    CHECK((*loaded)->count() == 3);
    CHECK((*loaded)->filters_lists());
    CHECK((*loaded)->handlers() == 0);
    std::filesystem::remove_all(directory);
    CHECK_FALSE(PolicySet::load(directory, surroundings()));
    CHECK(PolicySet::load("", surroundings()));
}
