// gateway/worker_end.cc - how a worker ends: nothing new, time for what runs, a last word for who still waits, the end.
//
// The drain: clients' listeners and idle connections close at once, open event streams get their last event, held calls
// their answer. What else runs has drain_ns_max, but for its last moment: whoever still waits then is told so, and what is
// left after it is cut. The admin listener answers until all of that is over, so that /readyz can say what is going on.
#include "gateway/worker.h"

#include <algorithm>
#include <utility>

namespace weir::gateway {
namespace {

/// For last words to be sent and read; a quarter of the whole drain at most.
constexpr uint64_t last_words_ns_max = 1 * s_ns;

bool is_admin(const net::Link& link) { return static_cast<Role>(link.role) == Role::admin; }

} // namespace

void Worker::drain() {
    if (draining_) return;
    draining_ = true;
    cut_ns_ = ring.now_ns() + limits.drain_ns_max;
    last_words_ns_ = cut_ns_ - std::min(last_words_ns_max, limits.drain_ns_max / 4);
    for (auto& listener : listeners_)
        if (listener->role == Role::client) close(*listener);
    upstreams_.close_all();
    links_.each([](net::Link& link) {
        const bool shaking = link.state() == net::Link::State::connecting; // Its handshake; nobody waits for it.
        if (link.owner == nullptr && (shaking || link.state() == net::Link::State::open) && !is_admin(link))
            link.close();
    });
    exchanges_.each([this](Exchange& exchange) { wake(exchange); }); // Streams end by themselves when they see it.
    housekeeping_ns_ = 0;
}

void Worker::close(Listener& listener) {
    if (std::exchange(listener.closing, true)) return;
    if (listener.op.with_kernel) {
        ring.cancel(listener.op);
    } else if (listener.fd >= 0) {
        ring.close(listener.fd);
        listener.fd = -1;
    }
}

/// Once a turn while it drains.
void Worker::go_on_draining() {
    if (ring.now_ns() >= last_words_ns_) {
        last_words_ns_ = UINT64_MAX;
        last_words_ = true;
        exchanges_.each([this](Exchange& exchange) { wake(exchange); });
    }
    if (ring.now_ns() >= cut_ns_) cut_everything();
    // Nothing but questions how it is going: those end with what they asked about.
    uint32_t admins = 0, asking = 0;
    links_.each([&](net::Link& link) {
        if (!is_admin(link)) return;
        ++admins;
        if (link.owner != nullptr) ++asking;
    });
    if (links_.used() != admins || exchanges_.used() != asking) return;
    for (auto& listener : listeners_) close(*listener);
    links_.each([](net::Link& link) {
        if (link.owner == nullptr && link.state() == net::Link::State::open) link.close();
    });
}

bool Worker::drained() const {
    if (!draining_ || links_.used() != 0 || exchanges_.used() != 0) return false;
    return std::ranges::none_of(listeners_, [](const auto& listener) { return listener->fd >= 0; });
}

void Worker::end() {
    drain();
    while (!drained()) {
        cut_everything();
        turn(ring.now_ns() + 10 * ms_ns);
    }
    sessions.close_all("drain");
    ring.on_wake(nullptr); // Workers that end later still write to the mailbox.
}

void Worker::cut_everything() {
    cut_ns_ = UINT64_MAX;
    links_.each([](net::Link& link) { link.close(); });
}

} // namespace weir::gateway
