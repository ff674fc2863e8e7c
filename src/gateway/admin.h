// gateway/admin.h - the pages of the admin listener: health, metrics in Prometheus' text format, status in JSON.
//
// Adds up what the workers count. Holds no label with a name that a peer chose: servers come from the configuration.
#pragma once

#include "base/bytes.h"
#include "gateway/counters.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir::gateway {

/// What the pages are made of besides the counters.
struct AdminFacts {
    std::span<const Counters* const> workers;
    uint64_t generation = 1;
    uint64_t started_unix_ns = 0;
    uint64_t now_unix_ns = 0;
    size_t servers = 0;
    size_t policies = 0;
    uint64_t files_unused = 0;      // watched files that cannot be read or are refused
    uint64_t approvals_waiting = 0; // tickets that nobody has decided
    std::string_view durability;
    bool draining = false;
};

struct Page {
    uint16_t status = 404;
    std::string_view type = "application/json";
};

/// Writes the page at `path` to `out`: /livez, /readyz (503 while draining or when the record cannot be written),
/// /metrics, /status. Any other path: 404 and a JSON error.
Page write_page(std::string_view path, const AdminFacts& facts, PaddedBytes& out);

} // namespace weir::gateway
