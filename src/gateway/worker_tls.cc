// gateway/worker_tls.cc - the handshakes of a worker: how many at once, and how long they may keep the others waiting.
//
// The long steps of handshakes with clients (a signature, a key exchange), and all of those with servers (whose chains of
// certificates are checked), are taken on a thread beside the worker. The others take a millisecond at most and have a share of
// each turn, in the order they came; what is left goes on in the next turn, which does not wait for the kernel. Once its hands
// are shaken a link is like any other.
#include "base/log.h"
#include "gateway/certificates.h"
#include "gateway/worker.h"

#include <utility>

namespace weir::gateway {
namespace {

constexpr uint64_t shaking_ns_max = 1 * ms_ns; // of a turn: no further step is begun after it
constexpr uint64_t tell_every_ns = 10 * s_ns;  // that handshakes with servers fail

} // namespace

/// What the generation's texts make: it was tried at the start, so nothing of it fails.
void Worker::make_tls() {
    const Generation& settled = generation();
    if (settled.tls_server) {
        auto made = net::TlsServer::make(*settled.tls_server);
        WEIR_ASSERT(made.has_value());
        tls_server_ = std::move(*made);
    }
    for (const auto& server : settled.servers) {
        tls_clients_.emplace_back();
        if (!server.tls_client) continue;
        auto made = net::TlsClient::make(*server.tls_client);
        WEIR_ASSERT(made.has_value());
        tls_clients_.back() = std::move(*made);
    }
}

/// A client's link. False: too many handshakes are under way.
bool Worker::cover(net::Link& link) {
    if (!options.caps->tls_handshakes.take(limits.tls_handshakes_max)) return false;
    link.shaking = true;
    auto tls = net::Tls::accept(tls_server_, buffers);
    if (tls == nullptr) return false;
    link.use_tls(std::move(tls));
    link.covered = true;
    ++tls_links_;
    return true;
}

/// A link to a server. False: too many handshakes with servers are under way. Its own is one of them when the connection stands.
bool Worker::cover(net::Link& link, const std::shared_ptr<net::TlsClient>& client) {
    if (options.caps->upstream_handshakes.taken() >= limits.tls_handshakes_max) return false;
    auto tls = net::Tls::connect(client, buffers);
    WEIR_ASSERT(tls != nullptr); // Only without memory, of which the caps take care.
    link.use_tls(std::move(tls));
    link.covered = true;
    ++tls_links_;
    return true;
}

Cap& Worker::handshakes_of(const net::Link& link) const {
    return static_cast<Role>(link.role) == Role::upstream ? options.caps->upstream_handshakes
                                                          : options.caps->tls_handshakes;
}

void Worker::can_shake(net::Link& link) {
    if (link.queued_shake) return;
    link.queued_shake = true;
    shaking_.push_back(&link);
}

/// Whether `link` has its place among the handshakes. A link to a server takes it now that its connection stands, so that a
/// server that cannot be reached keeps no others waiting.
bool Worker::takes_place(net::Link& link) {
    if (link.shaking || link.state() != net::Link::State::connecting) return true;
    link.shaking = handshakes_of(link).take(limits.tls_handshakes_max);
    if (link.shaking) return true;
    if (link.owner == nullptr) {
        link.close();
    } else {
        auto& exchange = *static_cast<Exchange*>(link.owner);
        exchange.no_handshake = true;
        wake(exchange);
    }
    return false;
}

void Worker::shake_hands() {
    shaking_now_.swap(shaking_);
    for (net::Link* link : shaking_now_) {
        if (!takes_place(*link)) {
            link->queued_shake = false;
            continue;
        }
        const bool later = ring.elapsed_ns() >= shaking_ns_max;
        const bool may_leave = static_cast<bool>(options.calls.take_step);
        const bool more = later || link->shake_hands(shaking_ns_max, may_leave);
        link->queued_shake = false;
        if (!more && may_leave && link->should_leave()) {
            link->shaking_away = true;
            auto away = link->leave();
            away->until_ns = link->deadline_ns();
            options.calls.take_step(std::move(away), links_.ref(*link));
            continue;
        }
        if (more) can_shake(*link);
        else hands_shaken(*link);
    }
    shaking_now_.clear();
}

/// The step that a handshake left for was taken. The link may be gone: then its place among the handshakes is free now, and
/// not before, so that who opens connections and leaves them piles up no steps.
void Worker::come_back(Ref ref, net::TlsAway& away) {
    net::Link* const link = links_.find(ref);
    if (link == nullptr)
        return (away.connects() ? options.caps->upstream_handshakes : options.caps->tls_handshakes).give_back();
    link->shaking_away = false;
    link->come_back(away);
}

/// The handshake waits for the peer, is through, or has failed.
void Worker::hands_shaken(net::Link& link) {
    const net::Tls* const tls = link.tls();
    if (tls == nullptr || tls->handshaking()) return;
    if (!std::exchange(link.shaking, false)) return;
    handshakes_of(link).give_back();
    const bool failed = tls->state() == net::Tls::State::failed;
    if (static_cast<Role>(link.role) == Role::upstream) {
        const uint64_t now = ring.now_ns();
        if (!failed || now < tls_told_ns_) return;
        tls_told_ns_ = now + tell_every_ns;
        return log::warn("upstream_tls_failed",
                         {{"server", generation().config.servers[link.server].name}, {"error", tls->why()}});
    }
    if (failed) return counters.tls_failures.add();
    counters.tls_handshakes.add();
    if (tls->resumed()) counters.tls_resumed.add();
    if (takes_certificates_)
        if (const auto peer = tls->peer()) link.vouched = certified(*peer);
    if (link.owner == nullptr && link.usable()) link.set_deadline(ring.now_ns() + limits.first_octet_ns_max);
}

/// The link goes.
void Worker::forget_tls(net::Link& link) {
    if (std::exchange(link.queued_shake, false)) std::erase(shaking_, &link);
    if (std::exchange(link.shaking, false)) {
        if (!link.shaking_away) handshakes_of(link).give_back();
        if (static_cast<Role>(link.role) != Role::upstream) counters.tls_failures.add();
    }
    if (std::exchange(link.covered, false)) --tls_links_;
}

} // namespace weir::gateway
