// base/nearest.h - which word somebody meant who wrote another one; pure.
#pragma once

#include <span>
#include <string_view>

namespace weir {

/// The candidate that is near enough to `word` to have been meant (optimal string alignment distance of at most a third
/// of its length, at most 3), or nothing.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

} // namespace weir
