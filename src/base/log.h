// base/log.h - what weir says while it runs: one JSON object a line on standard error.
//
// For events of the service (start, stop, a refused configuration), never for a call: calls are in the record. Holds
// no secret and no body by contract of the caller. Safe from any thread; one write(2) a line.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace weir::log {

enum class Level : uint8_t { debug, info, warn, error };

struct Pair {
    std::string_view name;
    std::string_view text;
};

/// Lines below `level` are left out. Default: info.
void set_level(Level level);
/// {"ts":"…Z","level":"…","event":"…", pairs…}. `event` is a stable name in snake_case.
void write(Level level, std::string_view event, std::initializer_list<Pair> pairs = {});

inline void info(std::string_view event, std::initializer_list<Pair> pairs = {}) { write(Level::info, event, pairs); }
inline void warn(std::string_view event, std::initializer_list<Pair> pairs = {}) { write(Level::warn, event, pairs); }
inline void error(std::string_view event, std::initializer_list<Pair> pairs = {}) { write(Level::error, event, pairs); }

} // namespace weir::log
