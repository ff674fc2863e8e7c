// control/names.cc - look-ups one after the other, none more often than once a second for a name.
#include "control/names.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/thread.h"

#include <netdb.h>
#include <chrono>
#include <cstring>

namespace weir::control {

Result<ring::Address> resolve(const Name& name) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (getaddrinfo(name.host.c_str(), std::to_string(name.port).c_str(), &hints, &found) != 0 || found == nullptr)
        return fail(Error::not_found);
    ring::Address address;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.size = found->ai_addrlen;
    freeaddrinfo(found);
    return address;
}

Names::Names(std::vector<Name> names, std::function<void(uint32_t, const ring::Address&)> found)
    : names_(std::move(names)), found_(std::move(found)), states_(names_.size()), thread_([this] { run(); }) {}

Names::~Names() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void Names::ask(uint32_t index) {
    {
        const std::lock_guard lock(mutex_);
        if (states_[index].asked) return;
        states_[index].asked = true;
    }
    changed_.notify_one();
}

void Names::run() {
    name_thread("weir-names");
    std::unique_lock lock(mutex_);
    for (;;) {
        uint64_t soonest = UINT64_MAX;
        uint32_t next = UINT32_MAX;
        for (uint32_t i = 0; i < states_.size(); ++i) {
            const uint64_t due = states_[i].looked_up_ns == 0 ? 0 : states_[i].looked_up_ns + s_ns;
            if (states_[i].asked && due < soonest) {
                soonest = due;
                next = i;
            }
        }
        if (stopping_) return;
        if (next == UINT32_MAX) {
            changed_.wait(lock);
            continue;
        }
        if (const uint64_t now = monotonic_ns(); soonest > now) {
            changed_.wait_for(lock, std::chrono::nanoseconds(soonest - now));
            continue;
        }
        states_[next].asked = false;
        lock.unlock();
        const auto address = resolve(names_[next]);
        if (address) found_(next, *address);
        else log::warn("name_not_found", {{"host", names_[next].host}});
        lock.lock();
        states_[next].looked_up_ns = monotonic_ns();
    }
}

} // namespace weir::control
