// control/names.h - the thread that looks names up, so that no worker ever waits for a resolver.
//
// Blocks on getaddrinfo(3) and nothing else. Asked again for a server when it could not be reached; at most one look-up
// a second for each server, however often it is asked.
#pragma once

#include "base/result.h"
#include "ring/ring.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::control {

struct Name {
    std::string host; // a name or an address, IPv6 without brackets
    uint16_t port = 0;
};

/// Looks `name` up now, on the calling thread. not_found: no address; the first of those that there are, otherwise.
Result<ring::Address> resolve(const Name& name);

class Names {
  public:
    /// `found` is called on this thread with the index of a name and its address.
    Names(std::vector<Name> names, std::function<void(uint32_t, const ring::Address&)> found);
    ~Names();
    Names(const Names&) = delete;
    Names& operator=(const Names&) = delete;

    /// Any thread. Returns at once.
    void ask(uint32_t index);

  private:
    struct State {
        bool asked = false;
        uint64_t looked_up_ns = 0;
    };
    void run();
    const std::vector<Name> names_;
    const std::function<void(uint32_t, const ring::Address&)> found_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<State> states_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace weir::control
