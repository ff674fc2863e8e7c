// post/desk.h - what a worker hands to the thread that answers people with tokens, and what comes back.
//
// Plain data. Each question is answered exactly once, unless weir ends before. Not for the control socket, whose thread asks
// for itself.
#pragma once

#include "approve/decider.h"
#include "base/pool.h"

#include <cstdint>
#include <string>

namespace weir::post {

struct DeskAsk {
    uint32_t worker = 0;
    Ref waiter{};
    bool posted = false; // POST; else GET
    std::string path{}, query{}, body{};
    approve::Decider who{};
};

struct DeskNews {
    Ref waiter{};
    uint16_t status = 503;
    std::string body{}; // JSON
};

} // namespace weir::post
