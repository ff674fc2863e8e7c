// tests/net/bench.h - links over loopback connections on the running kernel, and a host that notes what they tell it.
//
// Every wait is a turn() that a completion ends; what never comes fails after `turns_max` turns.
#pragma once

#include "net/link.h"
#include "net/tls.h"
#include "ring/kernel_ring.h"

#include <catch2/catch_test_macros.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <memory>
#include <string>

namespace weir::net::test {

struct Host final : LinkHost {
    void moved(Link&) override { ++moves; }
    void expired(Link& link) override {
        ++expiries;
        link.close();
    }
    void can_shake(Link& link) override { to_shake = &link; }
    void starved(Link& link) override { hungry = &link; }
    void closed(Link&) override { ++closes; }
    bool presented(Link&) override { return lets_in; }
    bool lets_in = true;
    int moves = 0, expiries = 0, closes = 0;
    Link* hungry = nullptr;
    Link* to_shake = nullptr;
};

struct Bench {
    explicit Bench(ring::KernelRingOptions options = {}) {
        auto waker = ring::make_waker();
        REQUIRE(waker);
        auto made = ring::make_kernel_ring(options, *waker);
        REQUIRE(made);
        ring = std::move(*made);
        timers = std::make_unique<Timers>(ring->now_ns());
    }
    /// One turn as a worker takes it: completions, then what was hungry, then the timers.
    void turn() {
        ring->turn(ring->now_ns() + 50'000'000);
        if (Link* link = std::exchange(host.to_shake, nullptr))
            while (link->shake_hands(0)) {}
        if (Link* link = std::exchange(host.hungry, nullptr)) link->receive_bulk();
        timers->advance(ring->now_ns());
    }
    template <class Condition> void turn_until(Condition condition) {
        constexpr int turns_max = 2000;
        for (int i = 0; i < turns_max && !condition(); ++i) turn();
        REQUIRE(condition());
    }
    std::unique_ptr<ring::Ring> ring;
    std::unique_ptr<Timers> timers;
    BufferPool buffers;
    Limits limits;
    Host host;
};

/// A link and the peer's descriptor. On destruction the link closes and is waited for.
struct Connection {
    explicit Connection(Bench& on, std::unique_ptr<Tls> tls = nullptr, bool proxied = false)
        : bench(on), link(on.host, *on.ring, *on.timers, on.buffers, on.limits) {
        const int accepted = make_pair();
        if (tls != nullptr) link.use_tls(std::move(tls));
        if (proxied) link.expect_proxy_header();
        link.open(accepted);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() {
        hang_up();
        link.close();
        for (int i = 0; i < 1000 && link.state() != Link::State::closed; ++i) bench.turn();
    }
    void say(std::string_view bytes) const {
        REQUIRE(::send(peer, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    /// What the peer can read at once; "" when there is nothing.
    std::string hear() const {
        std::string whole;
        char room[65536];
        for (ssize_t got; (got = ::recv(peer, room, sizeof room, MSG_DONTWAIT)) > 0;)
            whole.append(room, static_cast<size_t>(got));
        return whole;
    }
    /// The link has said that it will send no more.
    bool heard_end() const {
        char one;
        return ::recv(peer, &one, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    }
    void hang_up() {
        if (peer >= 0) ::close(peer);
        peer = -1;
    }
    std::string_view input() const { return {link.input().data, link.input().size}; }

    Bench& bench;
    Link link;
    int peer = -1;

  private:
    /// Connects `peer` to a fresh listener on loopback; returns the accepted descriptor. TCP and not a socket pair: a
    /// multishot receive on AF_UNIX may miss an end that comes together with the last bytes.
    int make_pair() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::bind(listener, any, size) == 0);
        REQUIRE(::listen(listener, 1) == 0);
        REQUIRE(::getsockname(listener, any, &size) == 0);
        peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::connect(peer, any, size) == 0);
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        REQUIRE(accepted >= 0);
        ::close(listener);
        return accepted;
    }
};

} // namespace weir::net::test
