// tests/policy/who_test.cc - what must hold: policies tell principals apart by id, group, client and claim; nobody is
// nobody; and where a token does not tell all groups, what hangs on groups is refused, whichever way it is asked.
#include "court.h"
#include "identity/principal.h"

using namespace weir;
using namespace weir::policy;

namespace {

identity::Principal person(const std::string& subject, std::vector<std::string> groups = {}) {
    auto principal = identity::make_principal("https://idp.test", subject, "ide", subject, std::move(groups));
    principal.email = subject + "@acme.test";
    BufferPool pool;
    PaddedBytes text(pool);
    text.append(R"({"sub":")" + subject + R"(","amr":["pwd","mfa"],"org":{"unit":"data"}})");
    json::Scanner scanner{json::ScanLimits{}};
    principal.claims = identity::Claims(scanner.scan(text.padded()).value());
    return principal;
}

bool blocks(const std::string& policy, const identity::Principal* principal, std::string* detail = nullptr) {
    Court court("policy 'who/one' { on = 'request', " + policy + " }");
    Case wanted;
    wanted.principal = principal;
    const Verdict verdict = court.judge_case(wanted);
    if (detail != nullptr) *detail = verdict.error ? std::string(verdict.detail) : std::string();
    return !verdict.goes_on();
}

} // namespace

TEST_CASE("match keys tell principals apart") {
    const auto ann = person("ann", {"dba", "team/data"}), bob = person("bob");
    struct Row {
        const char* match;
        bool of_ann, of_bob;
    };
    for (const Row& row :
         {Row{"who = 'ann'", true, false}, Row{"who = { 'b*', 'carl' }", false, true},
          Row{"who = '*@acme.test'", true, true}, Row{"who = 'ann@acme.tes'", false, false},
          Row{"groups = 'dba'", true, false}, Row{"groups = { 'team/*' }", true, false},
          Row{"groups = 'sre'", false, false}, Row{"agents = { 'ide' }", true, true},
          Row{"agents = 'cli'", false, false}, Row{"claims = { ['amr[*]'] = any_of { 'mfa' } }", true, true},
          Row{"claims = { ['org.unit'] = 'data', sub = 'ann' }", true, false},
          Row{"claims = { ['org.unit'] = absent }", false, false},
          Row{"who = 'ann', groups = 'dba', tools = 'query'", true, false},
          Row{"groups = 'dba', tools = 'other'", false, false}}) {
        INFO(row.match);
        const std::string match = "match = { " + std::string(row.match) + " }, decide = block 'no'";
        CHECK(blocks(match, &ann) == row.of_ann);
        CHECK(blocks(match, &bob) == row.of_bob);
        CHECK_FALSE(blocks(match, nullptr)); // Nobody has no id, no group, no client and no claims.
        const std::string unless = "match = {}, unless = { " + std::string(row.match) + " }, decide = block 'no'";
        CHECK(blocks(unless, &ann) != row.of_ann);
        CHECK(blocks(unless, nullptr));
    }
}

TEST_CASE("the same tool is judged anew for each principal") {
    Court court("policy 'who/one' { on = 'request', match = {}, unless = { groups = 'dba' }, decide = block 'no' }");
    const auto ann = person("ann", {"dba"}), bob = person("bob");
    for (int i = 0; i < 3; ++i) {
        Case wanted;
        wanted.principal = &ann;
        CHECK(court.judge_case(wanted).goes_on());
        wanted.principal = &bob;
        CHECK_FALSE(court.judge_case(wanted).goes_on());
    }
}

TEST_CASE("unknown groups satisfy no rule about groups, neither for nor against") {
    auto ann = person("ann", {"dba"});
    ann.groups_known = false;
    std::string why;
    CHECK_FALSE(blocks("match = { groups = 'dba' }, decide = allow()", &ann)); // this one is known
    CHECK(blocks("match = { groups = 'contractors' }, decide = block 'no'", &ann, &why));
    CHECK(why.find("does not tell all groups") != std::string::npos);
    CHECK(blocks("match = { groups = 'contractors' }, decide = allow()", &ann, &why));
    CHECK_FALSE(why.empty());
    CHECK(blocks("match = {}, unless = { groups = 'contractors' }, decide = allow()", &ann, &why));
    CHECK_FALSE(why.empty());
    // What does not hang on groups alone is not refused.
    CHECK_FALSE(blocks("match = { who = 'bob', groups = 'contractors' }, decide = block 'no'", &ann));
    CHECK(
        blocks("match = {}, decide = function(call) if call.who:in_group('x') then return pass() end return pass() end",
               &ann));
    CHECK_FALSE(
        blocks("match = {}, decide = function(call) if call.who:in_group('dba') then return pass() end return "
               "block('no') end",
               &ann));
    CHECK(blocks("match = {}, decide = function(call) if #call.who.groups > 0 then return pass() end return pass() end",
                 &ann));
}

TEST_CASE("handlers see who calls") {
    const auto ann = person("ann", {"dba", "dev"});
    const auto sees = [&](const std::string& condition, const identity::Principal* principal) {
        INFO(condition);
        return !blocks(
            "match = {}, decide = function(call) if " + condition + " then return pass() end return block('no') end",
            principal);
    };
    CHECK(sees("call.who.id == 'ann' and call.who.email == 'ann@acme.test'", &ann));
    CHECK(sees("call.who.agent == 'ide' and call.who.issuer == 'https://idp.test' and not call.who.anonymous", &ann));
    CHECK(sees("#call.who.groups == 2 and call.who.groups[2] == 'dev'", &ann));
    CHECK(sees("call.who:in_group('dba') and not call.who:in_group('sre')", &ann));
    CHECK(sees("call.who.claims.org.unit == 'data' and call.who.claims.amr[2] == 'mfa'", &ann));
    CHECK(sees("call.who.anonymous and call.who.email == nil and call.who.claims == nil and #call.who.groups == 0",
               nullptr));
    CHECK_FALSE(sees("call.who.token == nil", &ann)); // There is no such field, and a handler that asks for it fails.
}

TEST_CASE("match.ip holds for addresses in its ranges, and never for one that is not known") {
    struct Row {
        const char *ranges, *address;
        bool holds;
    };
    for (const Row& row :
         {Row{"'10.0.0.0/8'", "10.1.2.3", true}, Row{"'10.0.0.0/8'", "11.1.2.3", false},
          Row{"'10.0.0.0/8'", "::ffff:10.1.2.3", true}, Row{"'10.0.0.0/8'", "2001:db8::1", false},
          Row{"{ '192.0.2.7', '2001:db8::/32' }", "192.0.2.7", true},
          Row{"{ '192.0.2.7', '2001:db8::/32' }", "2001:db8:9::1", true},
          Row{"{ '192.0.2.7', '2001:db8::/32' }", "192.0.2.8", false}, Row{"'0.0.0.0/0'", "10.1.2.3", true},
          Row{"'0.0.0.0/0'", "2001:db8::1", false}, Row{"'::/0'", "10.1.2.3", false},
          Row{"'::/0'", "2001:db8::1", true}, Row{"{ '0.0.0.0/0', '::/0' }", "", false}}) {
        INFO(row.ranges << " " << row.address);
        Case wanted;
        wanted.ip = row.address;
        const std::string key = "ip = " + std::string(row.ranges);
        Court match("policy 'a' { on = 'request', match = { " + key + " }, decide = block 'no' }");
        CHECK(match.judge_case(wanted).goes_on() != row.holds);
        Court unless("policy 'a' { on = 'request', match = {}, unless = { " + key + " }, decide = block 'no' }");
        CHECK(unless.judge_case(wanted).goes_on() == row.holds);
    }
    for (const char* wrong : {"'10.0.0.1/8'", "'10.0.0.0/33'", "'localhost'", "'10.*'", "{}", "'::1%lo'", "7"}) {
        INFO(wrong);
        CHECK_FALSE(
            load("policy 'a' { on = 'request', match = { ip = " + std::string(wrong) + " }, decide = block 'no' }"));
    }
}

TEST_CASE("handlers read the client's address, or nil") {
    Court court(
        "policy 'a' { on = 'request', match = {}, decide = function(call) return block(call.who.ip or 'nil') end }");
    Case wanted;
    CHECK(court.judge_case(wanted).text == "nil");
    wanted.ip = "2001:DB8:0::7";
    CHECK(court.judge_case(wanted).text == "2001:db8::7");
    wanted.ip = "::ffff:10.1.2.3";
    CHECK(court.judge_case(wanted).text == "10.1.2.3");
}
