// policy/later.h - what the policy language names and this version does not have: found in a file's text at load, so
// that no handler waits for its first call to say so.
//
// A look at tokens, not a parser: a name that the file declares itself is left alone. What this look misses, the box
// raises at run time. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::policy {

struct LaterUse {
    uint32_t line;
    std::string name; // as it is written: `limit`, `call.session:mark`
};

/// Globals of the language that are not there yet.
std::span<const std::string_view> later_globals();

/// Every use, in order of the text.
std::vector<LaterUse> later_uses(std::string_view text);

} // namespace weir::policy
