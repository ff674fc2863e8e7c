// post/mailbox.h - messages from any thread to one thread: a bounded queue under a lock, emptied in one swap.
//
// For what happens at human pace (a deleted session, a resolved name, a drain), never for calls. The reader is woken by
// what the writer of post() is told to call. Plain data only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace weir::post {

template <class Message> class Mailbox {
  public:
    /// `wake` is called after each post, from the posting thread; it must be thread-safe.
    Mailbox(size_t count_max, std::function<void()> wake) : count_max_(count_max), wake_(std::move(wake)) {}

    /// False when the box is full: the sender keeps what it has and decides.
    bool post(Message message) { return put(std::move(message), count_max_); }
    /// The same for what is bounded elsewhere and must not be refused here.
    void post_always(Message message) { put(std::move(message), SIZE_MAX); }
    /// Everything that was posted, in order. For the owner's thread.
    std::vector<Message> take() {
        std::vector<Message> taken;
        const std::lock_guard lock(mutex_);
        taken.swap(messages_);
        return taken;
    }

  private:
    bool put(Message&& message, size_t count_max) {
        {
            const std::lock_guard lock(mutex_);
            if (messages_.size() >= count_max) return false;
            messages_.push_back(std::move(message));
        }
        wake_();
        return true;
    }

    const size_t count_max_;
    const std::function<void()> wake_;
    std::mutex mutex_;
    std::vector<Message> messages_;
};

} // namespace weir::post
