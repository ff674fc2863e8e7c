// control/store.cc - the store's thread: its mail in groups, each group one transaction, its evidence, then the telling.
#include "control/store.h"

#include "base/log.h"
#include "control/store_parts.h"

#include <algorithm>

namespace weir::control {
namespace {

using approve::State;
using approve::Turn;

constexpr size_t mail_max = 65'536;
constexpr uint64_t answer_ns_max = 10 * s_ns; // a person's tool waits so long for the store
constexpr uint64_t over_kept_ns =
    uint64_t{30} * 86'400 * s_ns;       // rows of what is over: afterwards the record alone tells
constexpr uint64_t retry_ns = 1 * s_ns; // after a failure of the disk

} // namespace

// The thread.

std::string Store::Parts::start() {
    auto made = Evidence::open(options.segments, options.log, options.body_bytes_max, waker);
    if (!made) return "the record's stream of approvals: " + made.error();
    evidence = std::move(*made);
    auto standing = table->standing(now());
    if (!standing) return options.database + ": " + standing.error();
    for (Ticket& ticket : *standing) {
        const std::string id = ticket.id;
        by_digest[ticket.digest] = id; // of several with one digest the newest counts: they come in that order
        live.emplace(id, Live{std::move(ticket), {}});
    }
    // What a crash left committed and perhaps not recorded: what the record has already is not written twice.
    auto lines = table->outbox();
    if (!lines) return options.database + ": " + lines.error();
    if (!lines->empty()) {
        const auto written = Evidence::written(options.segments);
        for (const OutboxLine& line : *lines) {
            if (written.contains({line.ticket, line.version})) continue;
            const auto found = table->find(line.ticket);
            if (!found) return options.database + ": " + found.error();
            if (*found && !evidence->append(**found, line)) return "the record takes no entry about approvals";
        }
        if (!evidence->sync()) return "the record's stream of approvals cannot be synced";
        if (const auto gone = table->forget(lines->back().number); !gone) return options.database + ": " + gone.error();
    }
    // Nobody runs them any more, and whether they ran is not known.
    std::vector<std::string> lost;
    for (const auto& [id, entry] : live)
        if (entry.ticket.state == State::executing) lost.push_back(id);
    if (auto begun = table->begin(); !begun) return options.database + ": " + begun.error();
    for (const auto& id : lost)
        if (const auto turned = turn(live.at(id), Turn::lose, "weir", "weir ended while it ran"); !turned)
            return options.database + ": " + turned.error();
    if (!commit()) return options.database + ": cannot be written";
    publish();
    return {};
}

void Store::Parts::run() {
    const std::string failure = start();
    started.set_value(failure);
    if (!failure.empty()) {
        evidence.reset();
        return;
    }
    while (!stopping.load()) {
        // Deadlines are wall time (they outlive this run); the ring waits in monotonic time.
        const uint64_t wall = now(), due = next_due_wall_ns();
        uint64_t wait_ns = due <= wall ? 0 : std::min(due - wall, s_ns);
        if (outbox_waits || !unwritten.empty())
            wait_ns = std::min(wait_ns, retry_at_ns > evidence->now_ns() ? retry_at_ns - evidence->now_ns() : 0);
        evidence->wait(evidence->now_ns() + wait_ns);
        group(mailbox->take());
    }
    if (const auto gone = table->forget(recorded); !gone) log::warn("approvals_outbox", {{"error", gone.error()}});
    evidence.reset();
}

uint64_t Store::Parts::next_due_wall_ns() const {
    uint64_t due = UINT64_MAX;
    for (const auto& [id, entry] : live)
        due = std::min(due, approve::is_over(entry.ticket.state) ? entry.ticket.stands_ns : entry.ticket.expires_ns);
    return due;
}

void Store::Parts::group(std::vector<Mail>&& mail) {
    if (outbox_waits && evidence->now_ns() >= retry_at_ns) write_outbox();
    const uint64_t wall = now();
    bool due = next_due_wall_ns() <= wall;
    if (!unwritten.empty() && evidence->now_ns() >= retry_at_ns) {
        mail.insert(mail.begin(), std::make_move_iterator(unwritten.begin()), std::make_move_iterator(unwritten.end()));
        unwritten.clear();
    }
    if (mail.empty() && !due) return;
    if (const auto begun = table->begin(); !begun) {
        log::error("approvals_unavailable", {{"error", begun.error()}});
        nothing_written(mail);
        answer_lookups(mail);
        publish();
        return;
    }
    // One that fails takes the whole group back: each of it is then told so. What one asks does not depend on another.
    std::string failure;
    const auto note = [&failure](const OrText<void>& done) {
        if (!done && failure.empty()) failure = done.error();
    };
    note(table->forget(recorded));
    note(expire_due());
    for (Mail& one : mail) {
        if (!failure.empty()) break;
        if (auto* ask = std::get_if<post::ApprovalAsk>(&one)) note(this->ask(std::move(*ask)));
        else if (auto* question = std::get_if<DecideQuestion>(&one)) note(decide(*question));
    }
    if (!failure.empty() || !commit()) {
        if (failure.empty()) failure = "the transaction failed";
        log::error("approvals_unavailable", {{"error", failure}});
        table->rollback();
        for (auto change = undo.rbegin(); change != undo.rend(); ++change) {
            if (change->existed) {
                live[change->id].ticket = change->before;
                by_digest[change->before.digest] = change->id;
            } else {
                forget(change->id);
            }
        }
        tellings.clear();
        answers.clear();
        nothing_written(mail);
    }
    undo.clear();
    publish();
    answer_lookups(mail);
    if (wall > pruned_ns + 3600 * s_ns) {
        pruned_ns = wall;
        if (const auto pruned = table->prune(wall - over_kept_ns); !pruned)
            log::warn("approvals_prune", {{"error", pruned.error()}});
    }
}

/// Who asked for something is told that it cannot be; how a run ended is kept until it can be written.
void Store::Parts::nothing_written(std::vector<Mail>& mail) {
    for (Mail& one : mail) {
        if (auto* question = std::get_if<DecideQuestion>(&one)) question->answer->set_value({});
        auto* ask = std::get_if<post::ApprovalAsk>(&one);
        if (ask == nullptr) continue;
        if (ends_run(*ask)) unwritten.push_back(std::move(*ask));
        else unavailable(*ask, "approvals cannot be stored now");
    }
    retry_at_ns = evidence->now_ns() + retry_ns;
}

/// What only looks; also while nothing can be written.
void Store::Parts::answer_lookups(std::vector<Mail>& mail) {
    for (Mail& one : mail) {
        if (auto* question = std::get_if<ListQuestion>(&one))
            question->answer->set_value(list(question->all, question->count_max));
        else if (auto* sought = std::get_if<FindQuestion>(&one)) sought->answer->set_value(find(sought->id));
    }
}

/// Commits, and has the record say what was committed. False: nothing was committed.
bool Store::Parts::commit() {
    if (const auto committed = table->commit(); !committed) return false;
    outbox_waits = true;
    write_outbox();
    return true;
}

/// Writes what the outbox holds into the record. What cannot be written now is tried again; until then nobody is told.
bool Store::Parts::write_outbox() {
    const auto lines = table->outbox(recorded);
    bool good = lines.has_value();
    if (good && !lines->empty()) {
        for (const OutboxLine& line : *lines) {
            const auto found = live.find(line.ticket);
            if (found != live.end()) {
                good = good && evidence->append(found->second.ticket, line);
                continue;
            }
            const auto row = table->find(line.ticket);
            good = good && row.has_value() && (!*row || evidence->append(**row, line));
        }
        good = good && evidence->sync();
        if (good) recorded = lines->back().number;
    }
    if (!good) {
        log::error("approvals_evidence", {{"error", "the record's stream of approvals takes nothing now"}});
        retry_at_ns = evidence->now_ns() + retry_ns;
        return false;
    }
    outbox_waits = false;
    return true;
}

/// Tells what may be told.
void Store::Parts::publish() {
    for (auto& telling : tellings) held_tellings.push_back(std::move(telling));
    for (auto& answer : answers) held_answers.push_back(std::move(answer));
    tellings.clear();
    answers.clear();
    uint64_t pending = 0;
    for (const auto& [id, entry] : live) pending += entry.ticket.state == State::pending;
    waiting.store(pending, std::memory_order_relaxed);
    if (outbox_waits) return;
    for (auto& telling : held_tellings) options.tell(telling.worker, std::move(telling.news));
    for (auto& answer : held_answers) answer();
    held_tellings.clear();
    held_answers.clear();
}

// The face.

std::expected<std::unique_ptr<Store>, std::string> Store::open(StoreOptions options) {
    auto parts = std::make_unique<Parts>();
    parts->options = std::move(options);
    auto table = Tickets::open(parts->options.database);
    if (!table) return std::unexpected(table.error());
    parts->table = std::move(*table);
    auto waker = ring::make_waker();
    if (!waker) return std::unexpected(std::string("no descriptor is left (raise the limit of open files)"));
    parts->waker = *waker;
    parts->mailbox = std::make_unique<post::Mailbox<Mail>>(mail_max, [waker = parts->waker] { waker->wake(); });
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

bool Store::post(post::ApprovalAsk&& ask) {
    if (!ends_run(ask)) return parts_->mailbox->post(std::move(ask));
    parts_->mailbox->post_always(std::move(ask)); // There are no more of these than calls that run.
    return true;
}

Result<std::vector<TicketView>> Store::list(bool all, size_t count_max) {
    auto promise = std::make_shared<std::promise<std::vector<TicketView>>>();
    auto answer = promise->get_future();
    if (!parts_->mailbox->post(ListQuestion{all, count_max, promise})) return fail(Error::limit_reached);
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

Decided Store::decide(std::string_view id, Verb verb, std::string_view by, std::string_view note) {
    auto promise = std::make_shared<std::promise<Decided>>();
    auto answer = promise->get_future(); // The promise outlives the wait: the store may end, and then nobody answers.
    if (!parts_->mailbox->post(DecideQuestion{std::string(id), verb, std::string(by), std::string(note), promise}))
        return {};
    if (answer.wait_for(std::chrono::nanoseconds(answer_ns_max)) != std::future_status::ready) return {};
    return answer.get();
}

uint64_t Store::waiting() const { return parts_->waiting.load(std::memory_order_relaxed); }

} // namespace weir::control
