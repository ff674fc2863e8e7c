// mcp/revision.h - the revisions of MCP that weir speaks, and the two eras they fall into.
//
// Legacy: a conversation opens with `initialize` and may have a session. Modern: every request carries all that is to be
// known in its _meta. Revisions are texts, as on the wire. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir::mcp {

enum class Era : uint8_t { legacy, modern };

/// All that weir speaks, the newest first, which is the order they are offered in.
inline constexpr std::array<std::string_view, 5> revisions = {"2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26",
                                                              "2024-11-05"};
inline constexpr std::span<const std::string_view> modern_revisions{revisions.data(), 1};
inline constexpr std::span<const std::string_view> legacy_revisions{revisions.data() + 1, 4};

/// What a legacy request without a version field and without a session is taken for (2025-06-18, "Protocol Version
/// Header"); the only revision with batches.
inline constexpr std::string_view assumed_revision = "2025-03-26";

/// The constant of the revision with exactly this text; empty when weir does not speak it.
inline std::string_view known_revision(std::string_view text) {
    const auto found = std::find(revisions.begin(), revisions.end(), text);
    return found == revisions.end() ? std::string_view() : *found;
}
inline bool is_known_revision(std::string_view text) { return !known_revision(text).empty(); }

/// Whether `text` names a revision of the modern era, known to weir or not: a date from 2026-07-28 on.
inline bool is_modern_revision(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
    for (const size_t at : {0U, 1U, 2U, 3U, 5U, 6U, 8U, 9U})
        if (text[at] < '0' || text[at] > '9') return false;
    return text >= modern_revisions.back();
}

} // namespace weir::mcp
