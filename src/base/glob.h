// base/glob.h - shell-like globs over names: `*` any run of octets, `?` one, `[a-z]` and `[!a-z]` one of a set, `\` the
// next octet as it is. Matches whole texts, octet by octet (a letter beyond ASCII is several), case-sensitive. Pure; no recursion; at worst
// O(pattern * text).
#pragma once

#include <string_view>

namespace weir {

/// Whether `pattern` matches the whole of `text`.
bool glob_match(std::string_view pattern, std::string_view text);
/// Whether `pattern` is well formed: every set is closed, nothing ends in a lone `\`.
bool glob_valid(std::string_view pattern);
/// Whether `pattern` has no special octet, so that it matches only itself.
bool glob_literal(std::string_view pattern);

} // namespace weir
