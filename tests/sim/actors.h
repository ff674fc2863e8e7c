// tests/sim/actors.h - the peers of the simulated weir: clients that ask well and badly, and servers that answer so.
//
// A client checks every answer that it gets: one for each request, in their order, to that request, and nothing of what a
// policy keeps from it. A server tells the ledger what arrived. Both are driven by the world's seed and by nothing else,
// and hold nothing of weir but ends of byte pipes.
#pragma once

#include "base/limits.h"
#include "ledger.h"
#include "sim_ring.h"

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace weir::sim {

/// What servers say in structuredContent.token, in the text beside it and in log messages: masked of server beta.
inline constexpr const char* veiled = "veil-7f3a-secret";

/// A call that waits for people, as its clients remember it: any of them may ask again.
struct Errand {
    uint32_t mark = 0;
    std::string path, tool, pad;
    std::string state;      // a requestState that came in place of a result
    bool asked_for = false; // and the server's own questions with it
    uint32_t tries = 0;
    uint64_t again_ns = 0;
    bool over = false;
};

/// What all actors of one world share.
struct Stage {
    Net& net;
    Ledger& ledger;
    uint64_t calls_left = 0;
    uint64_t calls = 0, answers = 0;
    bool quiet = false;           // faults have stopped: servers answer as they should, and no new calls are made
    uint32_t hostile_percent = 0; // of answers that a server spoils
    uint32_t held_percent = 0;    // of calls
    bool keeps_answers = false;   // of whatever size they are here, for all who wait for the same call
    uint64_t held = 0, ran = 0;   // calls that waited, and what clients were told has run
    std::vector<Errand> errands{};
};

/// An HTTP message that has come whole.
struct Received {
    int status = 0;
    std::string method; // of a request
    std::string head, body;
    bool event_stream = false, closes = false;
    size_t size = 0; // in the bytes it was read from

    /// Reads one from the front of `bytes`; false while it is not all there. Framing that no reader could follow is broken().
    bool read(std::string_view bytes);
    std::string field(std::string_view name) const;
};

class Server {
  public:
    Server(Stage& stage, uint16_t port);
    void step();
    /// Streams that would go on for ever end now.
    void end_streams();

  private:
    struct Connection {
        std::shared_ptr<End> end;
        std::string unread;
        bool streaming = false;
        bool spoiled = false; // says and reads nothing any more
    };
    void handle(Connection& connection, const Received& request);
    void answer_json(Connection& connection, int status, const std::string& body, const std::string& more = {});
    void answer_events(Connection& connection, const std::vector<std::string>& events);
    void spoil(Connection& connection, const std::string& body);
    void send_later(const std::shared_ptr<End>& end, uint64_t delay_ns, std::string bytes);
    void finish(Connection& connection);

    Stage& stage_;
    std::shared_ptr<Net::Listener> listener_;
    std::vector<Connection> connections_;
    uint64_t sessions_ = 0;
};

class Client {
  public:
    Client(Stage& stage, uint16_t port, bool modern, uint32_t number);
    void step();
    /// When it wants to do something though nothing arrives.
    uint64_t wake_ns() const { return wake_ns_; }
    /// Nothing that it asked is without an answer.
    bool settled() const { return asked_.empty(); }
    std::string waits_for() const;
    void leave();

  private:
    enum class Kind : uint8_t {
        call,
        stopped,
        held,
        list,
        notification,
        initialize,
        batch,
        end_session,
        stream,
        malformed,
        cut
    };
    struct Asked {
        Kind kind;
        uint32_t id = 0;
        uint32_t mark = 0;
        size_t errand = 0;    // held
        bool refused = false; // held: what it brings is of another call
    };
    void act();
    void ask();
    void ask_held();
    void check_held(const Asked& asked, std::string_view text);
    void ask_malformed();
    void post(Asked asked, const std::string& method, const std::string& name, const std::string& params,
              bool with_id = true);
    void send(Asked asked, std::string bytes);
    std::string head(const std::string& line, const std::string& more, size_t body_bytes) const;
    void receive();
    void check_unanswered(const Received& answer);
    void check(const Asked& asked, const Received& answer);
    void check_response(const Asked& asked, std::string_view text);

    Stage& stage_;
    uint16_t port_;
    bool modern_;
    std::string path_;
    std::shared_ptr<End> end_;
    std::string unread_;
    std::deque<Asked> asked_;
    std::set<uint32_t> answered_; // ids of requests whose response came
    bool closing_ = false;        // asks no more on this connection
    uint64_t wake_ns_ = 0, read_again_ns_ = 0;
    uint32_t id_ = 0;
    std::string session_, revision_;
};

} // namespace weir::sim
