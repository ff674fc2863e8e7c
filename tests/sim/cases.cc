// tests/sim/cases.cc - the three promises about calls that wait for people, each held against the record.
#include "cases.h"

#include "base/hash.h"
#include "ledger.h"
#include "record/fields.h"
#include "record/segment.h"

#include <algorithm>
#include <cstdlib>

namespace weir::sim {
namespace {

using record::Field;
using record::Kind;

/// The arguments of a call, which hold no braces of their own.
uint64_t hash_of_arguments(std::string_view text) {
    const size_t at = text.find("\"arguments\":{");
    return at == std::string_view::npos ? 0 : hash64(text.substr(at, text.find('}', at) - at), 0);
}

uint64_t number_behind(std::string_view text, std::string_view name) {
    const size_t at = text.find(name);
    return at == std::string_view::npos
               ? 0
               : std::strtoull(std::string(text.substr(at + name.size(), 20)).c_str(), nullptr, 10);
}

bool by_weir(std::string_view by) { return by == "weir"; }

/// Whether an entry `next` may follow `before` in the life of one ticket.
bool may_follow(Kind before, Kind next, bool weir) {
    if (before == Kind::held) {
        if (next == Kind::approved || next == Kind::denied) return !weir;
        return next == Kind::withdrawn || (next == Kind::expired && weir);
    }
    if (before == Kind::approved) return next == Kind::executing || next == Kind::expired || next == Kind::withdrawn;
    return before == Kind::executing && weir &&
           (next == Kind::approved || next == Kind::answered || next == Kind::ambiguous);
}

} // namespace

void Cases::leaves(uint32_t mark, uint32_t worker, std::string_view bytes, const RecordState& record) {
    const uint64_t id = number_behind(bytes, "\"id\":");
    if (id != 0) of(mark).departures.push_back({worker, record, run_, id}); // else the rest of what was sent in part
}

void Cases::arrives(uint32_t mark, std::string_view body) { of(mark).arrived.push_back(hash_of_arguments(body)); }

uint32_t Cases::runs(uint32_t mark) const {
    const auto found = cases_.find(mark);
    return found == cases_.end() ? 0 : static_cast<uint32_t>(found->second.arrived.size());
}

void Cases::told(uint32_t mark, uint64_t run) const {
    if (run == 0 || run > runs(mark))
        broken("a client was told that a call has run which has not: " + Ledger::mark_text(mark));
}

void Cases::decided(const std::string& ticket, control::Verb verb, const std::string& by, uint64_t control_seq) {
    decisions_.push_back({ticket, verb, by, control_seq});
}

void Cases::read(const record::Entry& entry) {
    const Kind kind = entry.frame.kind;
    const bool control = entry.worker == record::control_stream;
    if (!control && kind != Kind::asked && kind != Kind::allowed) return;
    if (control && (record::serves_format(kind) || kind == Kind::gap)) return;
    const auto fields = record::read_fields(entry.frame.payload);
    if (!fields) broken("an entry of the record cannot be read");
    const std::pair exchange{entry.worker, entry.frame.exchange};
    if (control) {
        Ticket& ticket = tickets_[std::string(fields->text(Field::ticket))];
        if (kind == Kind::held) {
            const auto body = fields->text(Field::body);
            const auto marks = Ledger::marks_in(body);
            if (marks.size() != 1) broken("a ticket is not of one call: " + std::string(body));
            ticket.mark = marks.front();
            ticket.arguments = hash_of_arguments(body);
        }
        notes_.emplace(fields->text(Field::text));
        ticket.versions.push_back(fields->number(Field::count));
        if (kind != Kind::not_entitled)
            ticket.entries.push_back({kind, entry.frame.seq, std::string(fields->text(Field::by))});
    } else if (kind == Kind::asked) {
        const auto marks = Ledger::marks_in(fields->text(Field::body));
        if (marks.size() == 1) mark_of_[exchange] = marks.front();
    } else if (const auto ticket = fields->text(Field::ticket); !ticket.empty()) {
        const auto mark = mark_of_.find(exchange);
        if (mark == mark_of_.end()) broken("what people approved was never asked for");
        allowed_seq_.try_emplace({entry.worker, mark->second, std::string(ticket)}, entry.frame.seq);
    }
}

void Cases::hold(bool keeps, bool strict) const {
    std::map<uint32_t, Tickets> of_mark;
    for (const auto& [id, ticket] : tickets_) {
        hold_ticket(id, ticket);
        of_mark[ticket.mark].emplace_back(id, &ticket);
    }
    hold_decisions();
    for (auto& [mark, tickets] : of_mark)
        std::ranges::sort(tickets, {}, [](const auto& one) { return one.second->entries.front().seq; });
    static const Tickets none;
    for (const auto& [mark, one] : cases_) {
        const auto tickets = of_mark.find(mark);
        hold_case(mark, one, tickets == of_mark.end() ? none : tickets->second, keeps, strict);
    }
}

/// Its entries tell one life: begun once, decided once, over once.
void Cases::hold_ticket(const std::string& id, const Ticket& ticket) const {
    for (size_t i = 0; i < ticket.versions.size(); ++i)
        if (ticket.versions[i] != i + 1)
            broken("ticket " + id + " has version " + std::to_string(ticket.versions[i]) + " as its " +
                   std::to_string(i + 1));
    if (ticket.entries.empty() || ticket.entries.front().kind != Kind::held)
        broken("ticket " + id + " begins in the middle");
    for (size_t i = 1; i < ticket.entries.size(); ++i) {
        const Entry &before = ticket.entries[i - 1], &next = ticket.entries[i];
        if (!may_follow(before.kind, next.kind, by_weir(next.by)))
            broken("ticket " + id + " was decided twice: " + std::to_string(static_cast<int>(before.kind)) +
                   " and then " + std::to_string(static_cast<int>(next.kind)));
    }
}

/// Whose word was taken finds it in the record, and nobody else's word about the same was.
void Cases::hold_decisions() const {
    using control::Verb;
    std::set<std::string> decided;
    for (const Decision& one : decisions_) {
        const Kind kind = one.verb == Verb::approve ? Kind::approved
                          : one.verb == Verb::deny  ? Kind::denied
                                                    : Kind::withdrawn;
        const auto found = tickets_.find(one.ticket);
        const auto said = [&](const Entry& entry) {
            return entry.kind == kind && entry.by == one.by && entry.seq <= one.control_seq;
        };
        if (found == tickets_.end() || std::ranges::none_of(found->second.entries, said))
            broken("a person was told of a decision about " + one.ticket + " that the record does not have");
    }
    for (const Decision& one : decisions_)
        if (one.verb != Verb::revoke && !decided.insert(one.ticket).second)
            broken("ticket " + one.ticket + " was decided twice: two people were told that their word counts");
    for (const std::string& note : not_decided_)
        if (notes_.contains(note))
            broken("a person was told that " + note + " could not be stored, and the record has it");
}

/// Whether its entries may have gone with the power.
bool Cases::lost(const Departure& departure) const {
    return std::ranges::any_of(last_seqs_, [&](const auto& cut) {
        return cut.first >= departure.run && departure.record.submitted_seq > cut.second[departure.worker];
    });
}

void Cases::hold_case(uint32_t mark, const Case& one, const Tickets& tickets, bool keeps, bool strict) const {
    const std::string about = Ledger::mark_text(mark);
    size_t executions = 0, put_back = 0, answered = 0;
    for (const auto& [id, ticket] : tickets)
        for (size_t i = 0; i < ticket->entries.size(); ++i) {
            executions += ticket->entries[i].kind == Kind::executing;
            answered += ticket->entries[i].kind == Kind::answered;
            put_back +=
                i != 0 && ticket->entries[i].kind == Kind::approved && ticket->entries[i - 1].kind == Kind::executing;
        }
    // Nothing forwards without its approved entry.
    for (const Departure& departure : one.departures) {
        const std::string left = about + " left for an upstream ";
        const Ticket* newest = nullptr;
        const std::string* id = nullptr;
        for (const auto& [name, ticket] : tickets)
            if (ticket->entries.front().seq <= departure.record.control_seq) newest = ticket, id = &name;
        if (newest == nullptr) broken(left + "without an approved entry: it has no ticket");
        bool approved = false;
        Kind state = Kind::held;
        for (const Entry& entry : newest->entries) {
            if (entry.seq > departure.record.control_seq) break;
            state = entry.kind;
            approved = approved || (entry.kind == Kind::approved && !by_weir(entry.by));
        }
        if (state == Kind::denied || state == Kind::expired || state == Kind::withdrawn)
            broken(left + "after " + *id + " was over");
        if (state == Kind::answered || state == Kind::ambiguous) broken(left + "twice: " + *id + " had run");
        if (!approved) broken(left + "without an approved entry of " + *id);
        if (state != Kind::executing) broken(left + "before " + *id + " was executing");
        if (!keeps || (!strict && lost(departure))) continue;
        const auto allowed = allowed_seq_.find({departure.worker, mark, *id});
        const uint64_t safe_seq = strict ? departure.record.durable_seq : departure.record.submitted_seq;
        if (allowed == allowed_seq_.end() || allowed->second > safe_seq)
            broken(left + "without an allowed entry that names " + *id);
    }
    // An effect happens once.
    std::set<uint64_t> ids;
    for (const Departure& departure : one.departures) ids.insert(departure.id);
    if (ids.size() > executions)
        broken(about + " left for an upstream twice: " + std::to_string(ids.size()) + " requests on " +
               std::to_string(executions) + " grants");
    const size_t effects = one.arrived.size() - one.questions;
    if (effects > executions - put_back)
        broken(about + " happened twice: " + std::to_string(effects) + " effects on " +
               std::to_string(executions - put_back) + " runs");
    if (answered > effects) broken(about + " is called answered and never arrived");
    // What is approved is what runs.
    for (const uint64_t arguments : one.arrived)
        if (std::ranges::none_of(tickets, [&](const auto& each) { return each.second->arguments == arguments; }))
            broken(about + " arrived with other arguments than were approved");
}

} // namespace weir::sim
