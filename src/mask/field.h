// mask/field.h - what a mask is to do: paths, and what becomes of the values they lead to.
//
// Plain data. The texts and steps are borrowed.
#pragma once

#include "json/path.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::mask {

/// What becomes of a value, the strictest first: of several acts for one value the first here counts.
///
///   drop     the member or element goes
///   null     null stands in its place
///   replace  a text stands in its place, whatever it was
///   last4    of strings and numbers of eight characters or more `****` and the last four; of anything else `****`
enum class Act : uint8_t { drop, null, replace, last4 };

struct Field {
    json::PathView path;
    Act act = Act::drop;
    std::string_view text; // of replace; UTF-8
};

/// What one field did to a message.
struct Tally {
    uint32_t values = 0; // that its path led to
    uint32_t copies = 0; // of what it removed, found elsewhere in the message
};

/// What stands in a text where a removed value stood that has nothing else to stand for it.
inline constexpr std::string_view removed_text = "[removed]";
inline constexpr std::string_view masked_text = "****";

} // namespace weir::mask
