// Random programs: every function of the environment with every kind of argument, thousands of times. Whatever they do,
// each call gives a verdict, nothing is broken (the sanitizers watch), and what runs afterwards runs as always.
#include "base/random.h"
#include "court.h"

using namespace weir;
using namespace weir::policy;

namespace {

/// A random expression of Lua, valid in its form and senseless in what it does.
class Author {
  public:
    explicit Author(uint64_t seed) : random_(seed) {}

    std::string statement() {
        switch (random_.below(8)) {
            case 0: return "v = " + expression(3);
            case 1: return "t[" + expression(1) + "] = " + expression(2);
            case 2: return "for k, x in pairs(" + expression(2) + ") do v = x end";
            case 3: return "for i, x in ipairs(" + expression(2) + ") do t[i] = x end";
            case 4: return "if " + expression(2) + " then v = " + expression(1) + " else w = " + expression(1) + " end";
            case 5: return "g" + std::to_string(random_.below(5)) + " = " + expression(2);
            case 6: return "local n = " + expression(1) + " v = n";
            default: return "v = #(" + expression(2) + ")";
        }
    }

  private:
    std::string pick(std::initializer_list<const char*> words) { return words.begin()[random_.below(words.size())]; }

    std::string expression(int depth) {
        if (depth == 0) return atom();
        switch (random_.below(6)) {
            case 0: return atom();
            case 1:
                return "(" + expression(depth - 1) +
                       pick({" .. ", " + ", " - ", " * ", " / ", " % ", " == ", " < ", " and ", " or "}) +
                       expression(depth - 1) + ")";
            case 2: return "(" + expression(depth - 1) + ")[" + expression(depth - 1) + "]";
            case 3:
                return "(" + expression(depth - 1) +
                       "):" + pick({"rep", "sub", "find", "match", "byte", "format", "path", "lower"}) + "(" +
                       list(depth - 1) + ")";
            default: return function() + "(" + list(depth - 1) + ")";
        }
    }

    std::string list(int depth) {
        std::string text;
        for (uint64_t left = random_.below(4); left > 0; --left) text += (text.empty() ? "" : ", ") + expression(depth);
        return text;
    }

    std::string function() {
        return pick({"tostring",     "tonumber",      "type",         "next",         "pairs",        "ipairs",
                     "select",       "unpack",        "pcall",        "error",        "assert",       "string.rep",
                     "string.find",  "string.format", "string.sub",   "string.byte",  "string.char",  "string.reverse",
                     "string.upper", "string.len",    "table.insert", "table.remove", "table.concat", "table.sort",
                     "math.floor",   "math.max",      "math.fmod",    "math.ldexp",   "json.canon",   "json.path",
                     "hash.sha256",  "log.info",      "block",        "hide",         "pass",         "allow",
                     "re",           "glob",          "any_of",       "num",          "len",          "pattern.match",
                     "pattern.find", "stars.match"});
    }

    std::string atom() {
        return pick({"nil",
                     "true",
                     "false",
                     "0",
                     "1",
                     "-1",
                     "2^31",
                     "2^53",
                     "1e300",
                     "-1e300",
                     "0/0",
                     "1/0",
                     "0.5",
                     "255",
                     "''",
                     "'a'",
                     "'%s%d'",
                     "'**.a'",
                     "'[*]'",
                     "'\\0\\255'",
                     "('x'):rep(70000)",
                     "{}",
                     "{1, 2, 3}",
                     "{ code = 'a', hint = 'b' }",
                     "t",
                     "v",
                     "w",
                     "call",
                     "call.args",
                     "call.args.list",
                     "call.args.o",
                     "call.server",
                     "call.server.labels",
                     "call.session",
                     "call.client",
                     "call.time",
                     "call.tool",
                     "pattern",
                     "stars",
                     "string",
                     "table",
                     "math",
                     "json",
                     "print",
                     "tostring",
                     "pass()",
                     "block('x')",
                     "function() return 1 end",
                     "g1"});
    }

    Random random_;
};

} // namespace

TEST_CASE("random programs break nothing") {
    for (uint64_t seed = 1; seed <= 25; ++seed) {
        INFO("seed " << seed);
        Author author(seed);
        std::string text =
            "local pattern, stars = re[[a+]], glob'*x*'\npolicy \"random\" { on = \"request\", match = { tools = "
            "\"query\" }, "
            "decide = function(call)\nlocal t, v, w = {}, nil, nil\n";
        for (int i = 0; i < 120; ++i) text += "pcall(function() " + author.statement() + " end)\n";
        text +=
            "return allow() end }\npolicy \"calm\" { on = \"request\", match = { tools = \"calm\" }, decide = "
            "function(call)\n"
            "if g1 ~= nil or string.len('ab') ~= 2 or call.tool ~= 'calm' then return block('changed') end return "
            "allow() end }\n";
        Court court(text);
        for (int i = 0; i < 5; ++i) {
            // A program may run out of memory, never out of what a verdict is.
            const Verdict verdict =
                court.on_arguments(R"({"a":1,"list":["x",2,null,{"a":3}],"o":{"a":{"a":"\u0061"},"b":[]}})");
            CHECK((verdict.decision == Decision::allow) != verdict.error);
            CHECK(court.on_tool("calm").decision == Decision::allow);
        }
    }
}
