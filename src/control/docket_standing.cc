// control/docket_standing.cc - what is kept in memory of the tickets that stand, and how it is found, counted and undone.
//
// Each change of what a ticket is found or counted by stands between leave_order() and enter_order().
#include "base/assert.h"
#include "control/docket.h"

#include <algorithm>

namespace weir::control {

using approve::State;

namespace {

/// What changes in a ticket's life, from its row or from what stood before.
void take_over(auto& entry, const auto& from) {
    entry.state = from.state;
    entry.told = from.told;
    entry.version = from.version;
    entry.expires_ns = from.expires_ns;
    entry.stands_ns = from.stands_ns;
}

} // namespace

Docket::Live* Docket::find_live(std::string_view id) {
    const auto found = live_.find(id);
    return found == live_.end() ? nullptr : found->second;
}

void Docket::leave_order(Live& entry) {
    due_.erase(&entry);
    if (entry.state == State::pending) {
        --pending_;
        --entry.principal->second.pending;
    }
    if (entry.state == State::executing) --executing_;
}

void Docket::enter_order(Live& entry) {
    due_.insert(&entry);
    if (entry.state == State::pending) {
        ++pending_;
        ++entry.principal->second.pending;
    }
    if (entry.state == State::executing) ++executing_;
}

/// Takes `ticket` among those that stand. Its digest leads to it from now on.
Docket::Live& Docket::stand(const Standing& ticket) {
    WEIR_ASSERT(ticket.id.size() == approve::id_bytes);
    Live* const made = lives_.make(memory_);
    WEIR_ASSERT(made != nullptr);
    Live& entry = *made;
    std::ranges::copy(ticket.id, entry.id_octets.begin());
    entry.digest = ticket.digest;
    entry.definition = ticket.definition;
    take_over(entry, ticket);
    entry.principal = &*principals_.try_emplace(ticket.principal).first;
    ++entry.principal->second.standing;
    live_.emplace(entry.id(), made);
    by_digest_[entry.digest] = &entry;
    enter_order(entry);
    return entry;
}

void Docket::forget(Live& entry) {
    if (const auto known = by_digest_.find(entry.digest); known != by_digest_.end() && known->second == &entry)
        by_digest_.erase(known);
    leave_order(entry);
    if (--entry.principal->second.standing == 0) principals_.erase(principals_.find(entry.principal->first));
    live_.erase(entry.id());
    lives_.free(entry);
}

/// It no longer stands. Its row stays, without the answer: nobody gets that any more.
OrText<void> Docket::end_standing(Live& entry) {
    if (entry.state == State::answered)
        if (const auto dropped = table_->drop_answer(entry.id()); !dropped) return dropped;
    remember_before(entry);
    forget(entry);
    return {};
}

/// Of the ticket that `ask` names, or of the one of its call.
void Docket::drop_waiter(const post::ApprovalAsk& ask) {
    Live* entry = find_live(ask.ticket);
    if (entry == nullptr && ask.call != nullptr)
        if (const auto known = by_digest_.find(ask.call->digest); known != by_digest_.end()) entry = known->second;
    if (entry != nullptr)
        std::erase_if(entry->waiters,
                      [&](const Waiter& waiter) { return waiter.worker == ask.worker && waiter.ref == ask.waiter; });
}

size_t Docket::waiters() const {
    size_t count = 0;
    for (const auto& [id, entry] : live_) count += entry->waiters.size();
    return count;
}

Standing Docket::standing_of(const Live& entry) const {
    return {.id = std::string(entry.id()),
            .version = entry.version,
            .state = entry.state,
            .digest = entry.digest,
            .definition = entry.definition,
            .principal = entry.principal->first,
            .expires_ns = entry.expires_ns,
            .stands_ns = entry.stands_ns,
            .told = entry.told};
}

void Docket::remember_before(const Live& entry) {
    const auto known = by_digest_.find(entry.digest);
    undo_.push_back({standing_of(entry), true, known != by_digest_.end() && known->second == &entry});
}

void Docket::remember_new(std::string_view id) {
    Standing none;
    none.id = id;
    undo_.push_back({std::move(none), false, false});
}

/// What stands is again as it was before the group; who waited for a ticket that is there still waits for it.
void Docket::undo() {
    for (auto change = undo_.rbegin(); change != undo_.rend(); ++change) {
        const Standing& before = change->before;
        Live* const entry = find_live(before.id);
        if (!change->existed) {
            if (entry != nullptr) forget(*entry);
        } else if (entry == nullptr) {
            const auto other = by_digest_.find(before.digest);
            Live* const named = other == by_digest_.end() ? nullptr : other->second;
            stand(before);
            if (!change->by_digest && named != nullptr) by_digest_[before.digest] = named;
            else if (!change->by_digest) by_digest_.erase(before.digest);
        } else {
            leave_order(*entry);
            take_over(*entry, before);
            enter_order(*entry);
            if (change->by_digest) by_digest_[before.digest] = entry;
        }
    }
    undo_.clear();
    rows_.clear();
}

/// The row of what stands, as this group has it; without its body unless the group made it.
OrText<Ticket*> Docket::row_of(const Live& entry) {
    if (const auto known = rows_.find(std::string(entry.id())); known != rows_.end()) return &known->second;
    auto row = table_->find(entry.id(), false);
    if (!row) return std::unexpected(row.error());
    if (!*row) return std::unexpected("ticket " + std::string(entry.id()) + " was taken out by somebody else");
    return &rows_.insert_or_assign(std::string(entry.id()), std::move(**row)).first->second;
}

/// Writes `row`, which had `version`, and takes over what is kept of it.
OrText<void> Docket::save(Live& entry, const Ticket& row, uint64_t version) {
    remember_before(entry);
    const auto saved = table_->update(row, version);
    if (!saved) return std::unexpected(saved.error());
    if (!*saved) return std::unexpected("ticket " + row.id + " was changed by somebody else");
    leave_order(entry);
    take_over(entry, row);
    enter_order(entry);
    return {};
}

} // namespace weir::control
