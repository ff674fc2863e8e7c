// post/desk.h - what a worker hands to the thread that answers people with tokens, and what comes back.
//
// Plain data. Each question is answered exactly once, unless weir ends before. Not for the control socket, whose thread asks
// for itself.
#pragma once

#include "approve/decider.h"
#include "base/pool.h"

#include <cstdint>
#include <optional>
#include <string>

namespace weir::post {

struct DeskAsk {
    uint32_t worker = 0;
    Ref waiter{};
    bool posted = false; // POST; else GET
    std::string path{}, query{}, body{};
    approve::Decider who{};
    std::optional<std::string> if_match{}, idempotency_key{}; // fields of these names
};

struct DeskNews {
    Ref waiter{};
    uint16_t status = 503;
    std::string body{}; // JSON
    std::string etag{}; // of what it shows; empty: it has none
};

} // namespace weir::post
