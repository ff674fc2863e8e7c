// gateway/config_limits.h - the one table of limits: key of [limits], unit, bounds, and what happens when it is reached.
//
// The reader of weir.toml, `weir check --limits` and docs/operating.md (compared by a test) all use it. Pure.
#pragma once

#include "base/limits.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir::gateway {

enum class LimitUnit : uint8_t { duration, bytes, count };

struct LimitRow {
    std::string_view key; // the field of Limits, durations without their `ns`
    LimitUnit unit;
    uint64_t least;
    uint64_t most;
    uint64_t (*get)(const Limits& limits);
    void (*set)(Limits& limits, uint64_t value); // within the bounds
    std::string_view answer;                     // what happens when it is reached
};

/// All limits, in the order of base/limits.h.
std::span<const LimitRow> limit_rows();
/// The row of `key`, or nullptr.
const LimitRow* limit_row(std::string_view key);

/// `value` in the row's unit as weir.toml takes it: "45s", "4MiB", 100.
std::string limit_text(LimitUnit unit, uint64_t value);

} // namespace weir::gateway
