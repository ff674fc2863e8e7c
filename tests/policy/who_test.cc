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
