// policy/text.h - texts that policies made, fit for a record and an answer: valid UTF-8 of bounded length.
#pragma once

#include "base/workspace.h"

#include <cstddef>
#include <string_view>

namespace weir::policy {

/// A copy of at most `bytes_max` bytes of `text` in `space`, not cut inside a character; what is no UTF-8, and control
/// characters other than line feed and tab, become `?`.
std::string_view clean_copy(Workspace& space, std::string_view text, size_t bytes_max);

} // namespace weir::policy
