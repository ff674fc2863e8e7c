// net/tls_hands.cc - a queue and who empties it.
#include "net/tls_hands.h"

#include "base/clock.h"
#include "base/thread.h"

#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace weir::net {
namespace {

constexpr int gives_way = 5; // nice(2), of this thread alone

} // namespace

TlsHands::TlsHands() : thread_([this] { run(); }) {}

TlsHands::~TlsHands() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    came_.notify_all();
    thread_.join();
}

void TlsHands::take(std::shared_ptr<TlsAway> away, std::function<void(std::shared_ptr<TlsAway>)> done) {
    {
        const std::lock_guard lock(mutex_);
        auto& jobs = away->connects() ? to_servers_ : with_clients_;
        jobs.push_back({std::move(away), std::move(done)});
    }
    came_.notify_one();
}

void TlsHands::run() {
    name_thread("weir-tls");
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), gives_way); // As good as nothing if it may not.
    for (;;) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            came_.wait(lock, [this] { return stopping_ || !to_servers_.empty() || !with_clients_.empty(); });
            if (stopping_) return;
            auto& jobs = to_servers_.empty() ? with_clients_ : to_servers_;
            job = std::move(jobs.front());
            jobs.pop_front();
        }
        if (monotonic_ns() < job.away->until_ns) job.away->step();
        job.done(std::move(job.away));
    }
}

} // namespace weir::net
