// bench/traffic/server.h - the upstream of the benches: answers by the path it is asked at.
//
//   /sse    50 events, one each millisecond        /large  256 KiB of JSON
//   /burst  50 events, a send each, at once        /mask   800 octets with things to hide
//   else    800 octets of JSON
#pragma once

#include "loop.h"
#include "messages.h"

#include <memory>
#include <string>
#include <vector>

namespace weir::bench {

class Server {
  public:
    /// Answers what comes in on `listener`.
    Server(Loop& loop, int listener);
    ~Server();
    /// When events are due; 0: none are.
    uint64_t due_ns() const { return streams_.empty() ? 0 : due_ns_; }
    /// Sends the events that are due.
    void tick();
    /// How many requests have arrived.
    uint64_t arrived() const { return arrived_; }

  private:
    class Connection;
    void begin_stream(Connection& connection);
    void forget(Connection& connection);

    Loop& loop_;
    const Answers answers_;
    std::vector<Connection*> streams_; // with a paced stream under way
    uint64_t due_ns_ = 0, arrived_ = 0;
};

} // namespace weir::bench
