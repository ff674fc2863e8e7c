// gateway/worker_limits.cc - what a worker lets in, and what it gives up when memory is short.
//
// The steps of memory_bytes_max, over what all workers have lent to requests and answers: from 70 % on bodies that are on
// their way wait unread, from 85 % on new requests are refused, from 95 % on idle connections are closed, and at 100 % an
// answer that still grows is given up. A worker knows its own memory to the octet and that of the others as of a moment ago.
#include "gateway/worker.h"

#include "base/hash.h"
#include "base/log.h"

#include <string>

namespace weir::gateway {
namespace {

constexpr uint64_t look_every_ns = ms_ns;          // at the memory of the others
constexpr uint64_t shed_every_ns = 100 * ms_ns;    // idle connections
constexpr uint64_t held_back_look_ns = 10 * ms_ns; // whether bodies may be read on

} // namespace

MemorySteps::MemorySteps(uint64_t most)
    : bodies_wait(most / 100 * 70), refuse(most / 100 * 85), close_idle(most / 100 * 95), full(most) {}

// Connections.

/// Whether the caps let a client's connection in; its link then holds what it has taken of them.
bool Worker::let_in(net::Link& link) {
    if (!options.caps->connections.take(limits.connections_max)) return false;
    link.counted = true;
    return link.from_proxy || count_address(link); // Of a proxy, many clients come.
}

bool Worker::count_address(net::Link& link) {
    if (!counts_addresses_ || (anonymous_only_ && link.from.is_loopback())) return true;
    const auto key = address_key(link.from);
    if (!key) return true;
    const auto row = options.caps->addresses.take(*key, limits.connections_per_address_max);
    if (!row) {
        counters.connections_refused_by_address.add();
        return false;
    }
    link.address_row = *row;
    return true;
}

/// A trusted proxy's header is read. One that speaks for itself is not counted.
bool Worker::presented(net::Link& link) { return link.from_proxy || count_address(link); }

void Worker::accepted(int fd, Role role) {
    net::Link* link = draining_ && role == Role::client ? nullptr : links_.make(*this, ring, timers, buffers, limits);
    // The admin listener is let be while only this machine reaches it.
    const Config& config = generation().config;
    const bool counted = role == Role::client || (role == Role::admin && config.admin && !config.admin->loopback);
    const bool covered = role == Role::client || (role == Role::admin && config.admin_tls);
    if (link != nullptr) link->from = IpAddress::of(ring.peer(fd).get());
    if (link != nullptr && role == Role::client && any_holds(config.trusted_proxies, link->from)) [[unlikely]] {
        link->from_proxy = true;
        if (config.client_address == ClientAddress::proxy_protocol) link->expect_proxy_header();
    }
    if (link != nullptr && counted && !let_in(*link)) {
        leave_caps(*link);
        links_.free(*link);
        link = nullptr;
    }
    if (link != nullptr && covered && tls_server_ != nullptr && !cover(*link)) {
        forget_tls(*link);
        leave_caps(*link);
        links_.free(*link);
        link = nullptr;
    }
    if (link == nullptr) {
        counters.connections_refused.add();
        return ring.close(fd);
    }
    counters.connections_accepted.add();
    counters.connections_open.add();
    link->role = static_cast<uint8_t>(role);
    link->open(fd);
    link->set_deadline(now_ns() + (link->covered ? limits.tls_handshake_ns_max : limits.first_octet_ns_max));
}

void Worker::leave_caps(net::Link& link) {
    Caps& caps = *options.caps;
    if (link.counted)
        (static_cast<Role>(link.role) == Role::upstream ? caps.upstream_links : caps.connections).give_back();
    link.counted = false;
    caps.addresses.give_back(link.address_row);
    link.address_row = KeyCounts::uncounted;
}

// Event streams.

Result<void> Worker::enter_stream(Exchange& exchange) {
    const auto row =
        options.caps->principals.take(hash64(exchange.principal->key, 0), limits.streams_per_principal_max);
    if (!row) return fail(Error::streams_exceeded);
    exchange.stream_row = *row;
    return {};
}

void Worker::leave_stream(Exchange& exchange) { options.caps->principals.give_back(exchange.stream_row); }

// Memory.

bool Worker::hold_back(Exchange& exchange) {
    if (memory_bytes() <= steps_.bodies_wait) {
        let_on(exchange);
        return false;
    }
    if (exchange.held_back_ns != 0) return true;
    exchange.held_back_ns = now_ns();
    exchange.client_link->hold_reading();
    counters.bodies_held_back.add();
    ++held_back_;
    return true;
}

void Worker::let_on(Exchange& exchange) {
    if (exchange.held_back_ns == 0) return;
    exchange.body_since_ns += now_ns() - exchange.held_back_ns; // That time was ours.
    exchange.held_back_ns = 0;
    --held_back_;
    if (exchange.client_link != nullptr) exchange.client_link->let_read_on();
}

uint64_t Worker::memory_look_due_ns() const { return held_back_ == 0 ? UINT64_MAX : ring.now_ns() + held_back_look_ns; }

void Worker::look_at_memory() {
    Caps& caps = *options.caps;
    const uint64_t now = ring.now_ns();
    if (own_memory_bytes() != memory_told_) caps.tell_memory(options.index, memory_told_ = own_memory_bytes());
    if (now >= memory_look_ns_) {
        memory_of_others_ = caps.memory_of_others(options.index);
        memory_look_ns_ = now + look_every_ns;
    }
    if (held_back_ != 0 && memory_bytes() <= steps_.bodies_wait)
        exchanges_.each([this](Exchange& exchange) {
            if (exchange.held_back_ns != 0) wake(exchange);
        });
    if (memory_bytes() > steps_.close_idle && now >= shed_ns_) {
        shed_ns_ = now + shed_every_ns;
        close_idle();
    }
}

void Worker::close_idle() {
    const uint64_t before = counters.idle_closed.read();
    counters.idle_closed.add(upstreams_.idle_count());
    upstreams_.close_all();
    links_.each([this](net::Link& link) {
        if (static_cast<Role>(link.role) != Role::client || link.owner != nullptr ||
            link.state() != net::Link::State::open)
            return;
        counters.idle_closed.add();
        link.close();
    });
    if (counters.idle_closed.read() != before)
        log::warn("memory_short", {{"closed_idle", std::to_string(counters.idle_closed.read() - before)}});
}

} // namespace weir::gateway
