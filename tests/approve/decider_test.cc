// tests/approve/decider_test.cc - who may decide: whom every policy names, never who asks, and nobody on a guess.
#include "approve/decider.h"

#include <catch2/catch_test_macros.hpp>

using namespace weir::approve;

namespace {

using Lists = std::vector<std::vector<std::string>>;

const Asker ann{"https://idp.example", {"ann", "assistant", "claude-code"}, "ann@acme.example"};

Decider person(std::string subject, std::vector<std::string> groups = {}, std::string email = {}) {
    Decider decider;
    decider.issuer = "https://idp.example";
    decider.subject = std::move(subject);
    decider.groups = std::move(groups);
    decider.email = std::move(email);
    return decider;
}

} // namespace

TEST_CASE("who is in a group that a policy names may approve, and who is not may not") {
    const Lists by = {{"sre", "ops"}};
    CHECK(right_to(Turn::approve, person("bo", {"ops"}), ann, by) == Right::granted);
    CHECK(right_to(Turn::deny, person("bo", {"dev", "sre"}), ann, by) == Right::granted);
    for (const Turn turn : {Turn::approve, Turn::deny, Turn::revoke}) {
        CHECK(right_to(turn, person("bo", {"dev"}), ann, by) == Right::not_named);
        CHECK(right_to(turn, person("sre"), ann, by) == Right::not_named);
        CHECK(right_to(turn, person("bo", {"SRE", "sre "}), ann, by) == Right::not_named);
    }
    CHECK(right_to(Turn::approve, person("bo", {"sre"}), ann, {}) == Right::not_named);
    CHECK(right_to(Turn::approve, person("bo", {"sre"}), ann, Lists{{}}) == Right::not_named);
}

TEST_CASE("a person is named by subject or by a verified address, not by a group of that name") {
    const Lists by = {{"person:bo", "person:cy@acme.example", "person:"}};
    CHECK(right_to(Turn::approve, person("bo"), ann, by) == Right::granted);
    CHECK(right_to(Turn::approve, person("u-17", {}, "cy@acme.example"), ann, by) == Right::granted);
    CHECK(right_to(Turn::approve, person("dan", {"bo", "person:bo", "person:"}), ann, by) == Right::not_named);
    CHECK(right_to(Turn::approve, person("dan"), ann, by) == Right::not_named);
}

TEST_CASE("to approve, every policy that asks must name the decider; to refuse, one") {
    const Lists by = {{"sre"}, {"finance", "person:bo"}};
    CHECK(right_to(Turn::approve, person("cy", {"sre"}), ann, by) == Right::not_named);
    CHECK(right_to(Turn::approve, person("bo", {"sre"}), ann, by) == Right::granted);
    CHECK(right_to(Turn::approve, person("cy", {"sre", "finance"}), ann, by) == Right::granted);
    CHECK(right_to(Turn::deny, person("cy", {"finance"}), ann, by) == Right::granted);
    CHECK(right_to(Turn::revoke, person("cy", {"sre"}), ann, by) == Right::granted);
}

TEST_CASE("groups that are not known satisfy no rule, and the refusal says so") {
    Decider bo = person("bo", {"dev"});
    bo.groups_known = false;
    CHECK(right_to(Turn::approve, bo, ann, Lists{{"sre"}}) == Right::groups_unknown);
    CHECK(right_to(Turn::approve, bo, ann, Lists{{"dev"}}) == Right::granted);
    CHECK(right_to(Turn::approve, bo, ann, Lists{{"person:cy"}}) == Right::not_named);
    CHECK(right_to(Turn::approve, bo, ann, Lists{{"dev"}, {"sre"}}) == Right::groups_unknown);
    CHECK_FALSE(may_see(bo, ann, Lists{{"sre"}}));
}

TEST_CASE("who asks does not decide, by whatever way it comes; it may take back") {
    const Lists by = {{"sre", "person:ann"}};
    std::vector<Decider> same = {
        person("ann", {"sre"}),
        person("assistant", {"sre"}),                 // acts for her
        person("claude-code", {"sre"}),               // the client itself
        person("other", {"sre"}, "ANN@acme.example"), // the same mailbox
        person("other", {"sre"}, "ann@acme.example"),
    };
    same.push_back(person("bo", {"sre"}));
    same.back().actors = {"assistant"}; // who made the call acts for the decider, too
    same.push_back(person("ann-elsewhere", {"sre"}, "ann@acme.example"));
    same.back().issuer = "https://other.example";
    for (const Decider& decider : same) {
        INFO(decider.subject);
        CHECK(right_to(Turn::approve, decider, ann, by) == Right::own_call);
        CHECK(right_to(Turn::deny, decider, ann, by) == Right::own_call);
        CHECK(right_to(Turn::withdraw, decider, ann, by) == Right::granted);
        CHECK(right_to(Turn::revoke, decider, ann, by) == Right::granted);
        CHECK(may_see(decider, ann, by));
    }
}

TEST_CASE("another issuer's subject of the same name is another person") {
    Decider ann_elsewhere = person("ann", {"sre"});
    ann_elsewhere.issuer = "https://other.example";
    CHECK(right_to(Turn::approve, ann_elsewhere, ann, Lists{{"sre"}}) == Right::granted);
    CHECK(right_to(Turn::withdraw, ann_elsewhere, ann, Lists{{"sre"}}) == Right::not_the_asker);
}

TEST_CASE("what nobody vouches for is nobody's own") {
    const Asker nobody{{}, {"anonymous"}, {}};
    Decider odd = person("anonymous", {"sre"});
    CHECK(right_to(Turn::approve, odd, nobody, Lists{{"sre"}}) == Right::granted);
    odd.issuer.clear();
    CHECK_FALSE(is_asker(odd, nobody));
}

TEST_CASE("only who asks or is named knows of a ticket") {
    CHECK(may_see(person("bo", {"sre"}), ann, Lists{{"ops"}, {"sre"}}));
    CHECK_FALSE(may_see(person("bo", {"dev"}), ann, Lists{{"sre"}}));
    for (const Right right : {Right::own_call, Right::not_named, Right::groups_unknown, Right::not_the_asker}) {
        CHECK_FALSE(text_of(right).empty());
        CHECK_FALSE(name_of(right).empty());
    }
    CHECK(text_of(Right::granted).empty());
}
