// tests/identity/principal_test.cc - what must hold: a principal's key depends on issuer, subject and client, on where
// each of them ends, and on nothing else.
#include "identity/principal.h"

#include <catch2/catch_test_macros.hpp>

using namespace weir::identity;

TEST_CASE("a key stands for issuer, subject and client") {
    const auto alice = make_principal("https://idp", "alice", "ide", "Alice", {"dev"});
    CHECK(alice.key.size() == 32);
    CHECK(alice.key == make_principal("https://idp", "alice", "ide", "A. Liddell", {}).key);
    CHECK(alice.key != make_principal("https://idp", "alice", "cli", "Alice", {"dev"}).key);
    CHECK(alice.key != make_principal("https://idp", "alicei", "de", "Alice", {"dev"}).key);
    CHECK(alice.key != make_principal("https://idpa", "lice", "ide", "Alice", {"dev"}).key);
    CHECK_FALSE(alice.anonymous());
}

TEST_CASE("the anonymous principal is one, with a stable key") {
    CHECK(&anonymous() == &anonymous());
    CHECK(anonymous().anonymous());
    CHECK(anonymous().key == make_principal("", "anonymous", "", "", {}).key);
    CHECK(anonymous().groups.empty());
}
