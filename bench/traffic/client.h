// bench/traffic/client.h - the load: many connections that ask, closed loop or open loop, and what they measured.
//
// Closed loop: each connection asks again when it was answered (throughput). Open loop: requests fall due at a rate
// whatever the proxy does, and each is timed from when it fell due, so that a stall counts for all whom it delays.
#pragma once

#include "loop.h"
#include "messages.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace weir::bench {

struct Load {
    uint16_t port = 0;
    std::string path = "/mcp", era = "legacy", tool = "search_docs";
    uint32_t connections = 64;
    uint32_t rate = 0;     // requests a second; 0: closed loop
    uint64_t requests = 0; // ends after so many; 0: by time alone
    uint64_t ms = 10'000;  // ends after so long at the latest
    bool fresh = false;    // a connection for each request
    std::string token{};   // in the Authorization field; eight `#` in it are another number in each request
    int status = 200;      // of the answers that are right
    bool hold = false;     // each connection asks once, few at a time, and stays
};

struct Figures {
    uint64_t requests = 0, errors = 0, bytes = 0;
    double us = 0, p50 = 0, p90 = 0, p99 = 0, most = 0, first_p50 = 0; // microseconds; first: octet of the body
};

class Client {
  public:
    Client(Loop& loop, Load load);
    ~Client();
    /// When the next request falls due or the run ends.
    uint64_t due_ns() const;
    /// Asks what is due. False once the run is over and every connection is gone (or is held).
    bool step();
    Figures figures();
    /// Lets go of the connections that are held.
    void release();
    bool released() const { return open_ == 0; }

  private:
    class Connection;
    void answered(Connection& connection);
    void ask(Connection& connection, uint64_t due_ns);
    void stop();

    Loop& loop_;
    const Load load_;
    const Request request_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::deque<Connection*> idle_;
    std::vector<uint32_t> took_, first_; // in tenths of a microsecond
    uint64_t began_ns_, ends_ns_, ended_ns_ = 0;
    uint64_t asked_ = 0, answers_ = 0, errors_ = 0, bytes_ = 0;
    uint32_t next_id_ = id_first;
    uint32_t open_ = 0;
    bool over_ = false;
};

} // namespace weir::bench
