// control/clerk.h - the thread that answers, for the workers, what people with tokens ask about calls that wait.
//
// It knows no routes and no rules: what a question means is the answering function's, which may block on the store. One
// question after the other; who asks faster than it answers is refused, and the control socket has a thread of its own, so
// that nobody keeps the operator out. Owns its thread and its queue.
#pragma once

#include "post/desk.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace weir::control {

class Clerk {
  public:
    static constexpr size_t questions_max = 256; // that wait for their turn

    /// `answer` and `tell` are called on the clerk's thread and must not throw; `tell` must not block.
    Clerk(std::function<post::DeskNews(const post::DeskAsk&)> answer,
          std::function<void(uint32_t worker, post::DeskNews&&)> tell);
    /// Ends the thread once the question that it is at is answered; those that wait are dropped.
    ~Clerk();
    Clerk(const Clerk&) = delete;
    Clerk& operator=(const Clerk&) = delete;

    /// Any thread, at once. False: too many wait.
    bool ask(post::DeskAsk&& question);

  private:
    void run();

    const std::function<post::DeskNews(const post::DeskAsk&)> answer_;
    const std::function<void(uint32_t, post::DeskNews&&)> tell_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<post::DeskAsk> questions_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace weir::control
