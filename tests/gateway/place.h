// tests/gateway/place.h - one worker on a kernel that is a toy, with a client and a server that the test plays itself.
//
// Time stands still but for what pass() lets go by; no fault happens but what the test does. The record keeps nothing.
#pragma once

#include "gateway/generation_load.h"
#include "gateway/worker.h"
#include "policy/judge.h"
#include "policy/watchdog.h"
#include "sim/sim_ring.h"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir::gateway::test {

inline constexpr uint16_t client_port = 7070, admin_port = 7071, server_port = 9000;
inline constexpr uint32_t loopback = 0x7f000001;

/// A connection of a client, or one that weir made to the server: what came, and what is said.
struct Peer {
    sim::Net& net;
    std::shared_ptr<sim::End> end;
    void say(std::string text) const { net.transmit(end, std::move(text)); }
    /// All that came since the last look.
    std::string hear() const {
        std::string text(end->unread());
        end->read(text.size());
        return text;
    }
    bool closed() const { return end->peer_closed || end->reset; }
    void leave() const { net.shut(end); }
};

class Place {
  public:
    /// `more` goes into weir.toml; `change` has the last word about what it says; `policies` is Lua.
    explicit Place(const std::string& more = {}, const std::function<void(Config&)>& change = {},
                   const std::string& policies = {});
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    /// Time goes by, a millisecond at a time.
    void pass(uint64_t ns = 20 * ms_ns);
    Peer client(uint32_t address = loopback, uint16_t port = client_port) {
        Peer peer{net, net.connect(port, address)};
        REQUIRE(peer.end);
        pass();
        return peer;
    }
    /// Whether anybody accepts at `port` any more.
    bool listens(uint16_t port = client_port) const { return net.listeners.at(port)->open; }
    /// The connection that weir made to the server and that was not taken yet.
    Peer server() {
        REQUIRE_FALSE(listener->waiting.empty());
        Peer peer{net, listener->waiting.front()};
        listener->waiting.pop_front();
        return peer;
    }
    bool called() const { return !listener->waiting.empty(); }
    /// What other threads would tell the worker.
    void tell(WorkerMessage message) {
        mailbox->post(std::move(message));
        pass(0);
    }

    sim::Net net{1};
    std::shared_ptr<sim::Net::Listener> listener; // of the server
    Generation generation;
    std::unique_ptr<Caps> caps;
    Counters counters;
    std::unique_ptr<sim::SimRing> ring;
    std::unique_ptr<Worker> worker;
    std::shared_ptr<WorkerMailbox> mailbox;
    std::vector<post::DeskAsk> desk_asks; // what the worker handed to the clerk
    bool desk_full = false;
    std::vector<uint32_t> keys_wanted;                                // of which issuers the worker asked for keys
    std::vector<post::ApprovalAsk> asked;                             // of the store, which the test plays
    std::vector<std::pair<std::shared_ptr<net::TlsAway>, Ref>> steps; // of handshakes, which the test takes
    std::vector<uint32_t> credentials_wanted;                         // for which servers
    std::vector<uint64_t> credentials_refused;                        // their numbers
    bool drained = false;

  private:
    mcp::KeyRing keys_;
    policy::Watchdog watchdog_;
    std::unique_ptr<policy::Judge> judge_;
    std::unique_ptr<record::Writer> record_;
};

/// A POST of `body` as a client of 2025-11-25 sends it; `announced`: the length that it claims.
std::string post(const std::string& body, size_t announced = SIZE_MAX, const std::string& more = {});
std::string get_stream();
/// A POST of 2026-07-28 whose `_meta` is whole.
std::string modern(const std::string& method, const std::string& params, int id = 1);
/// A whole answer of a server, or the head of an event stream that goes on until it closes.
std::string json_answer(const std::string& body);
inline const std::string stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
std::string chunk(const std::string& text);
int status_of(const std::string& answer);

} // namespace weir::gateway::test
