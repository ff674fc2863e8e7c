// The index finds exactly the globs that match, each once: tried against glob_match on random globs and names of a
// small alphabet, where everything collides.
#include "policy/glob_index.h"

#include "base/glob.h"
#include "base/random.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::policy;

namespace {

std::string pick(Random& random, std::initializer_list<const char*> pieces, size_t count_max) {
    std::string text;
    for (uint64_t left = random.below(count_max + 1); left > 0; --left)
        text += pieces.begin()[random.below(pieces.size())];
    return text;
}

std::vector<uint32_t> found_in(const GlobIndex& index, std::string_view name) {
    std::vector<uint32_t> found;
    index.match(name, [&](uint32_t number) { found.push_back(number); });
    std::sort(found.begin(), found.end());
    return found;
}

} // namespace

TEST_CASE("the index finds the globs that glob_match finds, each once") {
    Random random(20261121);
    for (int round = 0; round < 60; ++round) {
        GlobIndex index;
        std::vector<std::string> globs;
        for (int i = 0; i < 150; ++i) {
            const std::string glob =
                pick(random, {"a", "b", "ab", "_", "*", "*", "?", "[ab]", "[!a]", "\\*", "[]a]", "c-"}, 6);
            if (!glob_valid(glob)) continue;
            const uint32_t number = index.add(glob);
            if (number == globs.size()) globs.push_back(glob);
            REQUIRE(globs[number] == glob);
        }
        for (int i = 0; i < 200; ++i) {
            const std::string name = pick(random, {"a", "b", "ab", "_", "*", "c-", "]"}, 7);
            std::vector<uint32_t> expected;
            for (uint32_t number = 0; number < globs.size(); ++number)
                if (glob_match(globs[number], name)) expected.push_back(number);
            INFO(name);
            REQUIRE(found_in(index, name) == expected);
        }
    }
}

TEST_CASE("the same glob has one number") {
    GlobIndex index;
    CHECK(index.add("x*") == 0);
    CHECK(index.add("y") == 1);
    CHECK(index.add("x*") == 0);
    CHECK(index.size() == 2);
    CHECK(found_in(index, "xy") == std::vector<uint32_t>{0});
    CHECK(found_in(index, "").empty());
}
