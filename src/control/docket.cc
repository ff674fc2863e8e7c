// control/docket.cc - a turn of the docket: the record looked at, mail in a group, the group in a transaction.
#include "control/docket.h"

#include "base/assert.h"
#include "base/log.h"

#include <algorithm>
#include <array>
#include <bit>

namespace weir::control {
namespace {

using approve::State;
using approve::Turn;

constexpr uint64_t over_kept_ns =
    uint64_t{30} * 86'400 * s_ns;          // rows of what is over: afterwards the record alone tells
constexpr uint64_t retry_ns = 1 * s_ns;    // after a failure of the disk
constexpr uint64_t sync_ns_max = 5 * s_ns; // the record has so long before it is not waited for

using Kind = post::ApprovalAsk::Kind;

/// Whether `ask` says what became of a call that ran: nothing else will.
bool ends_run(const post::ApprovalAsk& ask) {
    return ask.kind == Kind::finish || ask.kind == Kind::put_back || ask.kind == Kind::delivered;
}

/// Empties `list` and gives its memory back: a group may have been large, and the next one is not.
template <class T> void drop(std::vector<T>& list) { std::vector<T>().swap(list); }

} // namespace

bool post_ask(DocketMailbox& mailbox, post::ApprovalAsk&& ask) {
    if (ask.kind == Kind::submit || ask.kind == Kind::claim) return mailbox.post(std::move(ask));
    mailbox.post_always(std::move(ask));
    return true;
}

Docket::Docket(StoreOptions options, ring::Ring& ring, DocketMailbox& mailbox)
    : options_(std::move(options)), ring_(ring), mailbox_(mailbox) {
    // Mail only ends the ring's wait: each turn looks into the box anyway.
    wake_op_.owner = this;
    wake_op_.done = [](ring::Op&, ring::Completion) {};
}

OrText<std::unique_ptr<Docket>> Docket::open(StoreOptions options, ring::Ring& ring, DocketMailbox& mailbox) {
    const std::string database = options.database;
    auto docket = std::unique_ptr<Docket>(new Docket(std::move(options), ring, mailbox));
    auto table = Tickets::open(database);
    if (!table) return std::unexpected(table.error());
    docket->table_ = std::move(*table);
    if (const auto read = docket->read(); !read) return std::unexpected(database + ": " + read.error());
    const StoreOptions& own = docket->options_;
    std::array<unsigned char, sizeof(uint64_t)> seed{};
    if (!own.random(seed)) return std::unexpected(std::string("the kernel gives no random octets"));
    auto evidence = Evidence::open(ring, own.segments, own.log, own.body_bytes_max, std::bit_cast<uint64_t>(seed));
    if (!evidence) return std::unexpected("the record's stream of approvals: " + evidence.error());
    docket->evidence_ = std::move(*evidence);
    docket->written_ = Evidence::written(own.segments);
    docket->write_outbox();
    docket->rows_.clear();
    ring.on_wake(&docket->wake_op_);
    return docket;
}

Docket::~Docket() {
    WEIR_ASSERT(closed());
    ring_.on_wake(nullptr); // Who posts may outlive the Docket.
    if (evidence_ == nullptr) return;
    if (const auto gone = table_->forget(recorded_); !gone) log::warn("approvals_outbox", {{"error", gone.error()}});
}

/// What stands in the database; what was being executed when weir ended nobody runs any more, and whether it ran is not known.
OrText<void> Docket::read() {
    auto standing = table_->standing(now());
    if (!standing) return std::unexpected(standing.error());
    std::vector<Live*> running;
    for (const Standing& ticket : *standing) {
        if (ticket.id.size() != approve::id_bytes)
            return std::unexpected("ticket " + ticket.id + " has no id of weir's");
        Live& entry = stand(ticket); // Of several with one digest the newest counts: they come in that order.
        if (entry.state == State::executing) running.push_back(&entry);
    }
    if (const auto begun = table_->begin(); !begun) return begun;
    for (Live* const entry : running)
        if (const auto taken = take(*entry, Turn::lose, "weir", "weir ended while it ran"); !taken)
            return std::unexpected(taken.error());
    undo_.clear();
    if (const auto dropped = table_->drop_answers(now()); !dropped) return dropped;
    return table_->commit();
}

void Docket::turn() {
    ring_.turn(next_due_ns());
    evidence_->flush();
    look_at_record();
    if (takes_mail() && !evidence_->closing()) {
        group(mailbox_.take());
        if (closing_ && takes_mail()) evidence_->close();
    }
    evidence_->flush();
}

bool Docket::takes_mail() const { return late_ || (!lagging_ && recorded_ == appended_); }

uint64_t Docket::next_due_ns() const {
    const uint64_t now_ns = ring_.now_ns(), record_due_ns = evidence_->next_due_ns();
    if (evidence_->closing()) return std::min(record_due_ns, now_ns + s_ns);
    if (!takes_mail()) return std::min(record_due_ns, late_ns_);
    if (closing_) return now_ns;
    // Deadlines are wall time (they outlive this run); the ring waits in monotonic time.
    const uint64_t wall = now(), due = next_due_wall_ns();
    uint64_t next = std::max(now_ns + (due <= wall ? 0 : std::min(due - wall, s_ns)), retry_at_ns_);
    if (lagging_ || !unwritten_.empty()) next = std::min(next, retry_at_ns_);
    return std::min(next, record_due_ns);
}

uint64_t Docket::next_due_wall_ns() const { return due_.empty() ? UINT64_MAX : (*due_.begin())->due_ns(); }

void Docket::group(std::vector<Mail>&& mail) {
    mail_taken_ += mail.size();
    const uint64_t wall = now();
    const bool retry = ring_.now_ns() >= retry_at_ns_, due = retry && next_due_wall_ns() <= wall;
    if (!unwritten_.empty() && retry) {
        mail.insert(mail.begin(), std::make_move_iterator(unwritten_.begin()),
                    std::make_move_iterator(unwritten_.end()));
        unwritten_.clear();
    } else if (!unwritten_.empty()) { // What came of an answer follows the answer.
        const auto later = std::ranges::stable_partition(mail, [](const Mail& one) {
            const auto* ask = std::get_if<post::ApprovalAsk>(&one);
            return ask == nullptr || !ends_run(*ask);
        });
        for (Mail& one : later) unwritten_.push_back(std::move(std::get<post::ApprovalAsk>(one)));
        mail.erase(later.begin(), later.end());
    }
    if (mail.empty() && !due) return;
    if (const auto begun = table_->begin(); !begun) {
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
    note(table_->forget(recorded_));
    note(expire_due());
    for (Mail& one : mail) {
        if (!failure.empty()) break;
        if (auto* ask = std::get_if<post::ApprovalAsk>(&one)) note(this->ask(std::move(*ask)));
        else if (auto* question = std::get_if<DecideQuestion>(&one)) note(decide(*question));
    }
    if (!failure.empty() || !commit()) {
        if (failure.empty()) failure = "the transaction failed";
        log::error("approvals_unavailable", {{"error", failure}});
        table_->rollback();
        undo();
        tellings_.clear();
        answers_.clear();
        nothing_written(mail);
    }
    drop(undo_);
    rows_.clear();
    publish();
    answer_lookups(mail);
    if (wall > pruned_ns_ + 3600 * s_ns) {
        pruned_ns_ = wall;
        if (const auto pruned = table_->prune(wall - over_kept_ns); !pruned)
            log::warn("approvals_prune", {{"error", pruned.error()}});
        if (const auto forgotten = table_->forget_said(wall - said_kept_ns); !forgotten)
            log::warn("approvals_prune", {{"error", forgotten.error()}});
    }
}

/// Who asked for something is told that it cannot be; how a run ended is kept until it can be written.
void Docket::nothing_written(std::vector<Mail>& mail) {
    for (Mail& one : mail) {
        if (auto* question = std::get_if<DecideQuestion>(&one)) question->answer->set_value({});
        auto* ask = std::get_if<post::ApprovalAsk>(&one);
        if (ask == nullptr) continue;
        if (ask->kind == Kind::leave) drop_waiter(*ask);
        else if (ends_run(*ask)) unwritten_.push_back(std::move(*ask));
        else unavailable(*ask, "approvals cannot be stored now");
        if (ask->kind == Kind::submit) drop_waiter(*ask); // It may have joined a ticket before the group failed.
    }
    retry_at_ns_ = ring_.now_ns() + retry_ns;
}

/// What only looks; also while nothing can be written.
void Docket::answer_lookups(std::vector<Mail>& mail) {
    for (Mail& one : mail) {
        if (auto* question = std::get_if<ListQuestion>(&one)) question->answer->set_value(list(question->listing));
        else if (auto* sought = std::get_if<FindQuestion>(&one)) sought->answer->set_value(find(sought->id));
    }
}

/// Commits, and gives the record what was committed. False: nothing was committed.
bool Docket::commit() {
    if (const auto committed = table_->commit(); !committed) return false;
    write_outbox();
    return true;
}

/// Gives the record the lines that it has not been given, each once. What it does not take now is tried again.
void Docket::write_outbox() {
    const bool waited = !takes_mail();
    const auto lines = table_->outbox(appended_);
    lagging_ = !lines.has_value();
    for (size_t i = 0; !lagging_ && i < lines->size(); ++i) {
        const OutboxLine& line = (*lines)[i];
        if (!written_.contains({line.ticket, line.version})) {
            const bool with_body = line.kind == static_cast<uint16_t>(record::Kind::held);
            const auto known = rows_.find(line.ticket);
            if (known != rows_.end() && (!with_body || !known->second.body.empty())) {
                lagging_ = !evidence_->append(known->second, line);
            } else {
                const auto row = table_->find(line.ticket, with_body);
                lagging_ = !row.has_value() || (*row && !evidence_->append(**row, line));
            }
        }
        if (!lagging_) appended_ = line.number;
    }
    awaited_seq_ = evidence_->last_seq();
    if (lagging_) {
        log::error("approvals_evidence", {{"error", "the record's stream of approvals takes nothing now"}});
        late_ = true;
        retry_at_ns_ = ring_.now_ns() + retry_ns;
        return;
    }
    written_.clear();
    if (!waited) late_ns_ = ring_.now_ns() + sync_ns_max;
}

/// What the record has by now may be told.
void Docket::look_at_record() {
    if (lagging_ && ring_.now_ns() >= retry_at_ns_) write_outbox();
    if (lagging_ || recorded_ == appended_) return;
    if (evidence_->durable_seq() >= awaited_seq_) {
        recorded_ = appended_;
        late_ = false;
        publish();
    } else if (!late_ && ring_.now_ns() >= late_ns_) {
        late_ = true;
        log::error("approvals_evidence", {{"error", "the record's stream of approvals is not synced"}});
    }
}

/// Tells what may be told.
void Docket::publish() {
    for (auto& telling : tellings_) held_tellings_.push_back(std::move(telling));
    for (auto& answer : answers_) held_answers_.push_back(std::move(answer));
    drop(tellings_);
    drop(answers_);
    if (lagging_ || recorded_ != appended_) return;
    for (auto& telling : held_tellings_) options_.tell(telling.worker, std::move(telling.news));
    for (auto& answer : held_answers_) answer();
    drop(held_tellings_);
    drop(held_answers_);
}

} // namespace weir::control
