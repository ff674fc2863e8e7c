// Tests against tables of (path, test, arguments, whether it holds), as policies write them.
#include "policy/predicate.h"
#include "court.h"
#include "policy/rules.h"

using namespace weir;
using namespace weir::policy;

TEST_CASE("predicates hold for what they say") {
    struct Row {
        const char* path;
        const char* test;
        const char* args;
        bool holds;
    };
    const Row rows[] = {
        {"a", "present", R"({"a":null})", true},
        {"a", "present", R"({"b":1})", false},
        {"a", "present", "", false},
        {"a", "absent", R"({"a":null})", false},
        {"a", "absent", R"({"b":{"a":1}})", true},
        {"a", "absent", "", true},
        {"a.b", "present", R"({"a":{"b":0}})", true},
        {"a.b", "present", R"({"a":[{"b":0}]})", false},
        {"a[0]", "any_of{'x'}", R"({"a":["x","y"]})", true},
        {"a[1]", "any_of{'x'}", R"({"a":["x","y"]})", false},
        {"a[2]", "present", R"({"a":["x","y"]})", false},
        {"a[*].b", "any_of{2}", R"({"a":[{"b":1},{"b":2}]})", true},
        {"a[*].b", "any_of{3}", R"({"a":[{"b":1},{"b":2}]})", false},
        {"**.ssn", "present", R"({"x":[{"y":{"ssn":1}}]})", true},
        {"**.ssn", "present", R"({"ssn":1})", true},
        {"**.ssn", "present", R"({"x":["ssn"]})", false},
        {"**", "any_of{'deep'}", R"({"x":[{"y":["deep"]}]})", true},
        {"a", "'drop *'", R"({"a":"drop table"})", true},
        {"a", "'drop *'", R"({"a":"dr\u006fp table"})", true},
        {"a", "{'x', 'y*'}", R"({"a":"yz"})", true},
        {"a", "{'x', 'y*'}", R"({"a":"xz"})", false},
        {"a", "glob'?'", R"({"a":1})", false},
        {"a", "re[[^a+$]]", R"({"a":"aaa"})", true},
        {"a", "re[[a+]]", R"({"a":"xay"})", true},
        {"a", "re[[^a+$]]", R"({"a":"aab"})", false},
        {"a", "re[[1]]", R"({"a":1})", false},
        {"a", "re[[(?i)ÄB]]", R"({"a":"äb"})", true},
        {"a", "re[[^é$]]", R"({"a":"\u00e9"})", true},
        {"a", "any_of{1, 'x', true}", R"({"a":1.0})", true},
        {"a", "any_of{1, 'x', true}", R"({"a":"1"})", false},
        {"a", "any_of{1, 'x', true}", R"({"a":true})", true},
        {"a", "any_of{1, 'x', true}", R"({"a":false})", false},
        {"a", "none_of{1, 'x'}", R"({"a":2})", true},
        {"a", "none_of{1, 'x'}", R"({"a":"x"})", false},
        {"a", "none_of{1, 'x'}", R"({})", true},
        {"a[*]", "none_of{1}", R"({"a":[2,1]})", false},
        {"a", "num{ge=1, lt=2}", R"({"a":1})", true},
        {"a", "num{ge=1, lt=2}", R"({"a":2})", false},
        {"a", "num{ge=1, lt=2}", R"({"a":"1"})", false},
        {"a", "num{gt=1}", R"({"a":1})", false},
        {"a", "num{le=-1e3}", R"({"a":-1000.0})", true},
        {"a", "num{eq=0}", R"({"a":-0})", true},
        {"a", "num{ne=0}", R"({"a":0})", false},
        {"a", "len{lt=4}", R"({"a":"äöü"})", true},
        {"a", "len{ge=4}", R"({"a":"äöü"})", false},
        {"a", "len{eq=2}", R"({"a":[1,2]})", true},
        {"a", "len{eq=1}", R"({"a":{"b":1}})", true},
        {"a", "len{ge=0}", R"({"a":1})", false},
        {"", "len{eq=0}", R"({})", true},
    };
    for (const Row& row : rows) {
        INFO(row.path << " = " << row.test << " on " << row.args);
        Court court(std::string("policy \"p\" { on = \"request\", match = { args = { [\"") + row.path +
                    "\"] = " + row.test + " } }, decide = block(\"yes\") }");
        CHECK((court.on_arguments(row.args).decision == Decision::block) == row.holds);
        // unless: the same, turned round.
        Court other(std::string("policy \"p\" { on = \"request\", match = {}, unless = { args = { [\"") + row.path +
                    "\"] = " + row.test + " } }, decide = block(\"yes\") }");
        CHECK((other.on_arguments(row.args).decision == Decision::block) != row.holds);
    }
}

TEST_CASE("predicates that may search no more bytes block") {
    Surroundings around = surroundings();
    around.limits.policy_scan_bytes_max = 1000;
    Court court(R"(policy "p" { on = "request", match = { args = { ["**"] = re[[x]] } }, decide = block("yes") })",
                around);
    CHECK(court.on_arguments(R"({"a":")" + std::string(900, 'a') + R"("})").decision == Decision::allow);
    const Verdict verdict =
        court.on_arguments(R"({"a":")" + std::string(600, 'a') + R"(","b":")" + std::string(600, 'b') + R"("})");
    CHECK(verdict.decision == Decision::block);
    CHECK(verdict.error);
    CHECK(verdict.code == "policy_error");
}

TEST_CASE("patterns that are asked together find what each finds alone") {
    // Twelve policies with the same match and path share one pass; the thirteenth has another path.
    const std::vector<std::string> patterns = {"a",  "^b",   "c$", "ab+c", "(?i)AB", "[^a-c]",
                                               "^$", "a.*c", "b",  "bb",   "d",      "\\x{e4}"};
    std::string text;
    for (size_t i = 0; i < patterns.size(); ++i)
        text += "policy \"p" + std::to_string(100 + i) + "\" { on = \"request\", match = { args = { a = re[=[" +
                patterns[i] + "]=] } }, decide = block(\"x\") }\n";
    text += "policy \"q\" { on = \"request\", match = { args = { b = re[[a]] } }, decide = block(\"x\") }";
    Court court(text);
    CHECK(court.judge->set().rules().regex_groups() == 1);
    for (const std::string value : {"", "a", "b", "abc", "ABBC", "xyz", "abbbbc", "dd", "bca", "\\u00e4", "ä", "c"}) {
        INFO(value);
        const Verdict verdict = court.on_arguments("{\"a\":\"" + value + "\",\"b\":\"" + value + "\"}");
        const std::string decoded = value == "\\u00e4" ? "ä" : value;
        std::vector<std::string> expected;
        for (size_t i = 0; i < patterns.size(); ++i)
            if (detect::Regex::compile(patterns[i])->found_in(decoded))
                expected.push_back("p" + std::to_string(100 + i));
        if (detect::Regex::compile("a")->found_in(decoded)) expected.push_back("q");
        CHECK(std::vector<std::string>(verdict.policies.begin(), verdict.policies.end()) == expected);
    }
    // Numbers and missing values are searched by nobody.
    CHECK(court.on_arguments(R"({"a":5})").decision == Decision::allow);
}
