// net/tls_hands.h - a thread beside a worker, for the steps of handshakes that would keep its calls waiting.
//
// A step is independent of all else (TlsAway) but for the keys of its TlsServer or TlsClient, which no other thread uses as
// long as each worker has hands of its own. Not for records: those are encrypted where they are sent. As many steps wait here
// as there are handshakes (Limits::tls_handshakes_max, of either side); one that comes too late is not taken. The thread gives
// way to workers: a handshake has seconds, a call has not.
#pragma once

#include "net/tls.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace weir::net {

class TlsHands {
  public:
    TlsHands();
    /// Steps that were not begun are not taken, and nobody is told of them.
    ~TlsHands();
    TlsHands(const TlsHands&) = delete;
    TlsHands& operator=(const TlsHands&) = delete;

    /// Any thread, at once. `done` is called on the thread here, once the step was taken, or its time (until_ns) is over.
    void take(std::shared_ptr<TlsAway> away, std::function<void(std::shared_ptr<TlsAway>)> done);

  private:
    struct Job {
        std::shared_ptr<TlsAway> away;
        std::function<void(std::shared_ptr<TlsAway>)> done;
    };
    void run();

    std::mutex mutex_;
    std::condition_variable came_;
    // Those with servers go first: a call waits for each, and anybody may begin the others.
    std::deque<Job> to_servers_, with_clients_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace weir::net
