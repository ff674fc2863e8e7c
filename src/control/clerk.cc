// control/clerk.cc - a queue and the thread behind it.
#include "control/clerk.h"

#include "base/thread.h"

#include <utility>

namespace weir::control {

Clerk::Clerk(std::function<post::DeskNews(const post::DeskAsk&)> answer,
             std::function<void(uint32_t worker, post::DeskNews&&)> tell)
    : answer_(std::move(answer)), tell_(std::move(tell)), thread_([this] { run(); }) {}

Clerk::~Clerk() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

bool Clerk::ask(post::DeskAsk&& question) {
    {
        const std::lock_guard lock(mutex_);
        if (questions_.size() >= questions_max) return false;
        questions_.push_back(std::move(question));
    }
    changed_.notify_one();
    return true;
}

void Clerk::run() {
    name_thread("weir-clerk");
    for (;;) {
        post::DeskAsk question;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
            if (stopping_) return;
            question = std::move(questions_.front());
            questions_.pop_front();
        }
        post::DeskNews news = answer_(question);
        news.waiter = question.waiter;
        tell_(question.worker, std::move(news));
    }
}

} // namespace weir::control
