// Regular expressions find what they say, are refused with a sentence, and a set agrees with its members.
#include "detect/regex.h"

#include "base/random.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::detect;

TEST_CASE("a pattern is found anywhere in the text") {
    const auto regex = Regex::compile("b+");
    REQUIRE(regex);
    CHECK(regex->pattern() == "b+");
    CHECK(regex->found_in("abba"));
    CHECK_FALSE(regex->found_in("aca"));
    CHECK_FALSE(regex->found_in(""));
    size_t begin = 0, end = 0;
    REQUIRE(regex->find("abba", begin, end));
    CHECK(begin == 1);
    CHECK(end == 3);
    CHECK_FALSE(regex->find("aca", begin, end));
    const auto empty = Regex::compile("^$");
    REQUIRE(empty);
    CHECK(empty->found_in({}));
    CHECK(empty->found_in(std::string_view("")));
    const auto nul = Regex::compile("a\\x00b");
    REQUIRE(nul);
    CHECK(nul->found_in(std::string_view("xa\0b", 4)));
}

TEST_CASE("what RE2 refuses is refused with a sentence") {
    for (const std::string& pattern :
         {std::string("("), std::string("[a"), std::string("\\1"), std::string("(?=x)"), std::string("a{1001}"),
          std::string("\xff"), std::string(5000, 'a'), std::string("((((a{100}){100}){100}){100})")}) {
        const auto regex = Regex::compile(pattern);
        REQUIRE_FALSE(regex);
        CHECK_FALSE(regex.error().empty());
    }
}

TEST_CASE("a set finds what its members find one by one") {
    const std::vector<std::string_view> patterns = {"a", "^b", "c$", "ab+c", "(?i)AB", "[^a-c]", "^$", "a.*c"};
    const auto set = RegexSet::compile(patterns);
    REQUIRE(set);
    Random random(7);
    std::vector<int> found;
    for (int i = 0; i < 2000; ++i) {
        std::string text;
        for (uint64_t left = random.below(8); left > 0; --left) text += "abcdB"[random.below(5)];
        std::vector<int> expected;
        for (size_t p = 0; p < patterns.size(); ++p)
            if (Regex::compile(patterns[p])->found_in(text)) expected.push_back(static_cast<int>(p));
        REQUIRE(set->find(text, found));
        std::sort(found.begin(), found.end());
        INFO(text);
        REQUIRE(found == expected);
    }
}

TEST_CASE("a budget that is exceeded stays so") {
    ScanBudget budget{10, false};
    CHECK(budget.take(4));
    CHECK(budget.take(6));
    CHECK(budget.take(0));
    CHECK_FALSE(budget.take(1));
    CHECK(budget.exceeded);
    CHECK_FALSE(budget.take(0));
}
