// base/nearest.cc - the distance of words, with neighbours swapped as one step.
#include "base/nearest.h"

#include <algorithm>
#include <array>

namespace weir {

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    constexpr size_t length_max = 48;
    if (word.size() > length_max) return {};
    std::string_view best;
    size_t best_distance = std::min<size_t>(3, std::max<size_t>(1, word.size() / 3)) + 1;
    for (const std::string_view candidate : candidates) {
        if (candidate.size() > length_max) continue;
        // Three rows of the table of distances: of this character of `word`, of the one before, and before that.
        std::array<std::array<size_t, length_max + 1>, 3> rows{};
        for (size_t column = 0; column <= candidate.size(); ++column) rows[0][column] = column;
        for (size_t row = 1; row <= word.size(); ++row) {
            auto& here = rows[row % 3];
            const auto& above = rows[(row + 2) % 3];
            const auto& higher = rows[(row + 1) % 3];
            here[0] = row;
            for (size_t column = 1; column <= candidate.size(); ++column) {
                const bool same = word[row - 1] == candidate[column - 1];
                here[column] = std::min({above[column] + 1, here[column - 1] + 1, above[column - 1] + (same ? 0 : 1)});
                if (row > 1 && column > 1 && word[row - 1] == candidate[column - 2] &&
                    word[row - 2] == candidate[column - 1]) {
                    here[column] = std::min(here[column], higher[column - 2] + 1);
                }
            }
        }
        const size_t distance = rows[word.size() % 3][candidate.size()];
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

} // namespace weir
