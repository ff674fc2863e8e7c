// tests/approve/digest_test.cc - what must hold: whatever is changed of what is approved, the digest is another one; no part
// can pose as the end of the one before it.
#include "approve/digest.h"

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace weir::approve;

TEST_CASE("each part of a call makes another digest") {
    const DigestFacts facts{.principal = "p",
                            .server = "acme",
                            .method = "tools/call",
                            .name = "pay",
                            .arguments = R"({"amount":9007199254740993})"};
    std::set<Digest> seen{digest_of(facts)};
    const auto changed = [&](auto change) {
        DigestFacts other = facts;
        change(other);
        CHECK(seen.insert(digest_of(other)).second);
    };
    changed([](DigestFacts& f) { f.principal = "q"; });
    changed([](DigestFacts& f) { f.server = "acme2"; });
    changed([](DigestFacts& f) { f.method = "prompts/get"; });
    changed([](DigestFacts& f) { f.name = "pay2"; });
    // The next integer is the same double: the text of numbers counts.
    changed([](DigestFacts& f) { f.arguments = R"({"amount":9007199254740992})"; });
    changed([](DigestFacts& f) { f.arguments = "{}"; });
    CHECK(seen.contains(digest_of(facts)));
}

TEST_CASE("what moves over the border of two parts makes another digest") {
    const auto digest = [](std::string_view server, std::string_view method) {
        return digest_of({.principal = "p", .server = server, .method = method, .name = "n", .arguments = "{}"});
    };
    CHECK(digest("ab", "c") != digest("a", "bc"));
    CHECK(digest("abc", "") != digest("", "abc"));
}
