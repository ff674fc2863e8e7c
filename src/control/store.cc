// control/store.cc - the store's thread, which turns the docket, and what other threads ask of it.
#include "control/store.h"

#include "base/thread.h"
#include "control/docket.h"
#include "ring/kernel_ring.h"

#include <malloc.h>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

namespace weir::control {
namespace {

constexpr size_t mail_max = 65'536;
constexpr uint64_t storm_mail = 1000;         // so many messages may have left some MiB behind
constexpr uint64_t start_ns_max = 5 * s_ns;   // what a crash left is in the record by then
constexpr uint64_t answer_ns_max = 10 * s_ns; // a person's tool waits so long for the store

} // namespace

struct Store::Parts {
    StoreOptions options;
    std::shared_ptr<ring::Waker> waker;
    std::unique_ptr<DocketMailbox> mailbox;
    std::atomic<bool> stopping{false};
    std::atomic<uint64_t> waiting{0};
    std::promise<std::string> started;
    std::thread thread;

    void run();
    void turn(Docket& docket);
    void give_back(const Docket& docket, uint64_t now_ns);

    // Since memory was last given back to the kernel.
    uint64_t taken = 0, taken_before = 0, quiet_since_ns = 0;
};

void Store::Parts::turn(Docket& docket) {
    docket.turn();
    waiting.store(docket.pending(), std::memory_order_relaxed);
}

/// A storm of calls that are held passes through several threads, each piece allocated on one and freed on another: what it
/// leaves in their heaps is given back once it is over.
void Store::Parts::give_back(const Docket& docket, uint64_t now_ns) {
    if (docket.mail_taken() != taken) {
        taken = docket.mail_taken();
        quiet_since_ns = now_ns;
    } else if (taken - taken_before >= storm_mail && now_ns >= quiet_since_ns + s_ns) {
        taken_before = taken;
        malloc_trim(0);
    }
}

void Store::Parts::run() {
    name_thread("weir-store");
    auto ring = ring::make_kernel_ring({.submissions = 64, .completions = 256, .slabs = 4}, waker);
    if (!ring)
        return started.set_value(std::string("io_uring is refused: ") + std::strerror(errno) +
                                 " (weir doctor says more)");
    auto docket = Docket::open(options, **ring, *mailbox);
    if (!docket) return started.set_value(docket.error());
    for (const uint64_t end_ns = (*ring)->now_ns() + start_ns_max; !(*docket)->settled() && (*ring)->now_ns() < end_ns;)
        turn(**docket);
    const bool good = (*docket)->settled();
    started.set_value(good ? std::string() : "the record's stream of approvals cannot be synced");
    while (good && !stopping.load()) {
        turn(**docket);
        give_back(**docket, (*ring)->now_ns());
    }
    (*docket)->close();
    while (!(*docket)->closed()) turn(**docket);
}

std::expected<std::unique_ptr<Store>, std::string> Store::open(StoreOptions options) {
    auto parts = std::make_unique<Parts>();
    parts->options = std::move(options);
    auto waker = ring::make_waker();
    if (!waker) return std::unexpected(std::string("no descriptor is left (raise the limit of open files)"));
    parts->waker = *waker;
    parts->mailbox = std::make_unique<DocketMailbox>(mail_max, [waker = parts->waker] { waker->wake(); });
    auto started = parts->started.get_future();
    parts->thread = std::thread([raw = parts.get()] { raw->run(); });
    auto store = std::unique_ptr<Store>(new Store(std::move(parts)));
    if (auto failure = started.get(); !failure.empty()) return std::unexpected(failure);
    return store;
}

Store::Store(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Store::~Store() {
    parts_->stopping.store(true);
    parts_->waker->wake();
    if (parts_->thread.joinable()) parts_->thread.join();
}

bool Store::post(post::ApprovalAsk&& ask) { return post_ask(*parts_->mailbox, std::move(ask)); }

Result<Listed> Store::list(Listing listing) {
    auto promise = std::make_shared<std::promise<Result<Listed>>>();
    auto answer = promise->get_future();
    if (!parts_->mailbox->post(ListQuestion{std::move(listing), promise})) return fail(Error::limit_reached);
    if (answer.wait_for(std::chrono::nanoseconds(answer_ns_max)) != std::future_status::ready)
        return fail(Error::limit_reached);
    return answer.get();
}

Result<TicketView> Store::find(std::string_view id) {
    auto promise = std::make_shared<std::promise<Result<TicketView>>>();
    auto answer = promise->get_future();
    if (!parts_->mailbox->post(FindQuestion{std::string(id), promise})) return fail(Error::limit_reached);
    if (answer.wait_for(std::chrono::nanoseconds(answer_ns_max)) != std::future_status::ready)
        return fail(Error::limit_reached);
    return answer.get();
}

Decided Store::decide(std::string_view id, Verb verb, Actor actor, std::string_view note, Guard guard) {
    auto promise = std::make_shared<std::promise<Decided>>();
    auto answer = promise->get_future(); // The promise outlives the wait: the store may end, and then nobody answers.
    if (!parts_->mailbox->post(
            DecideQuestion{std::string(id), verb, std::move(actor), std::string(note), promise, std::move(guard)}))
        return {};
    if (answer.wait_for(std::chrono::nanoseconds(answer_ns_max)) != std::future_status::ready)
        return {.outcome = Outcome::unknown};
    return answer.get();
}

uint64_t Store::waiting() const { return parts_->waiting.load(std::memory_order_relaxed); }

} // namespace weir::control
