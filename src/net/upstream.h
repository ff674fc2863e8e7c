// net/upstream.h - one worker's idle connections to the servers behind it.
//
// Not a dialler and not a protocol: the exchange connects links itself and gives back only those that may carry another
// request (wholly sent, wholly read, nothing left over). An idle link that says anything, or ends, is discarded: the
// worker calls forget() from its moved(). The most recently used link is lent first, so that surplus ones age out.
#pragma once

#include "net/link.h"

#include <vector>

namespace weir::net {

class Upstreams {
  public:
    explicit Upstreams(size_t servers) : idle_(servers) {}

    /// An idle link to `server` that is still open, taken off the list; nullptr when there is none.
    Link* take(uint32_t server);
    /// Keeps `link` for the next request until `deadline_ns`.
    void keep(Link& link, uint64_t deadline_ns);
    /// Takes an idle link off its list (it ended, spoke out of turn, or grew too old). The caller closes it.
    void forget(Link& link);
    /// Closes every idle link (drain, or a server that moved).
    void close_all();
    void close_all(uint32_t server);
    uint32_t idle_count() const { return count_; }

  private:
    std::vector<Link*> idle_; // heads of doubly linked lists through the links
    uint32_t count_ = 0;
};

} // namespace weir::net
