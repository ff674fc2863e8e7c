// The search for removed values against a search that tries every value at every place.
#include "mask/removed.h"

#include <catch2/catch_test_macros.hpp>

#include <random>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::mask;

namespace {

/// What without() has to give for fields that drop: all places that a value covers go, those that touch stay apart.
std::string slow_without(const std::string& text, const std::vector<std::string>& values) {
    std::string made;
    for (size_t at = 0; at < text.size();) {
        size_t end = 0;
        for (const auto& value : values)
            if (value.size() >= 4 && text.compare(at, value.size(), value) == 0) end = std::max(end, at + value.size());
        if (end == 0) {
            made += text[at++];
            continue;
        }
        for (size_t inside = at + 1; inside < end; ++inside)
            for (const auto& value : values)
                if (value.size() >= 4 && text.compare(inside, value.size(), value) == 0)
                    end = std::max(end, inside + value.size());
        made += "[removed]";
        at = end;
    }
    return made;
}

} // namespace

TEST_CASE("every occurrence of every value goes, as a plain search says") {
    std::mt19937 random(7);
    const auto text_of = [&](size_t most, int letters) {
        std::string text;
        for (size_t left = random() % (most + 1); left != 0; --left)
            text += static_cast<char>('a' + random() % static_cast<unsigned>(letters));
        return text;
    };
    size_t changed = 0;
    for (int round = 0; round < 4000; ++round) {
        BufferPool pool;
        Workspace space(pool);
        Steps steps{1'000'000'000};
        const Field field{};
        Tally tally;
        Removed removed({&field, 1}, space, steps);
        std::vector<std::string> values;
        const int letters = 1 + round % 4;
        for (size_t count = random() % 12; count != 0; --count) values.push_back(text_of(12, letters));
        for (const auto& value : values) removed.add(value, 0);
        removed.settle();
        const std::string text = text_of(80, letters);
        const auto made = removed.without(text, {&tally, 1});
        const std::string expected = slow_without(text, values);
        INFO(text);
        CHECK(std::string(made.value_or(text)) == expected);
        changed += made.has_value();
        for (const auto& value : values) CHECK(removed.is_value(value, {&tally, 1}) == (value.size() >= 4));
        CHECK(removed.is_value(text, {&tally, 1}) ==
              (std::find(values.begin(), values.end(), text) != values.end() && text.size() >= 4));
    }
    CHECK(changed > 500);
}

TEST_CASE("last4 shows four characters of eight or more") {
    BufferPool pool;
    Workspace space(pool);
    CHECK(last4_of("", space) == "****");
    CHECK(last4_of("1234567", space) == "****");
    CHECK(last4_of("12345678", space) == "****5678");
    CHECK(last4_of("äöüäöüä", space) == "****");
    CHECK(last4_of("äöüäöü€𝄞", space) == "****öü€𝄞");
}
