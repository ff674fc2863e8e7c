// tests/sim/ledger.cc - joining wire and record by the marks.
#include "ledger.h"

#include "base/hash.h"
#include "record/fields.h"
#include "record/reader.h"
#include "record/segment.h"

#include <unistd.h>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

namespace weir::sim {
namespace {

constexpr std::string_view prefix = "mark-";
constexpr size_t digits = 8;

uint64_t running_seed = 0;
std::string_view mutant_found_by;
std::string again; // how to run this world once more

[[noreturn]] void leave(std::string_view what) {
    std::fprintf(stderr, "  seed %" PRIu64 ", again: %s\n", running_seed, again.c_str());
    std::fflush(stderr);
    std::fflush(stdout);
    const bool mutant = !mutant_found_by.empty(),
               found = mutant && what.find(mutant_found_by) != std::string_view::npos;
    if (mutant && !found) std::fprintf(stderr, "  the mutant was found by another check than its own\n");
    std::_Exit(found ? 0 : 1);
}

void on_abort(int) { leave({}); } // the assertion has said what it is about

} // namespace

void running(uint64_t seed, const std::string& command, std::string_view found_by) {
    mutant_found_by = found_by;
    running_seed = seed;
    again = command;
    std::signal(SIGABRT, on_abort);
}

void broken(const std::string& what) {
    std::fprintf(stderr, "broken: %s\n", what.c_str());
    leave(what);
}

uint32_t Ledger::issue(Fate fate) {
    lines_.push_back({.fate = fate});
    return static_cast<uint32_t>(lines_.size() - 1);
}

std::string Ledger::mark_text(uint32_t mark) {
    char text[32];
    std::snprintf(text, sizeof text, "mark-%08" PRIu32, mark);
    return text;
}

std::vector<uint32_t> Ledger::marks_in(std::string_view text) {
    std::vector<uint32_t> marks;
    for (size_t at = text.find(prefix); at != std::string_view::npos; at = text.find(prefix, at + 1)) {
        if (text.size() - at < prefix.size() + digits) break; // cut off
        marks.push_back(static_cast<uint32_t>(
            std::strtoul(std::string(text.substr(at + prefix.size(), digits)).c_str(), nullptr, 10)));
    }
    return marks;
}

void Ledger::leaves(uint32_t worker, std::string_view bytes, const RecordState& record) {
    for (const uint32_t mark : marks_in(bytes)) {
        Line& line = lines_.at(mark);
        if (line.fate == Fate::stopped) broken("a message that must not pass left for an upstream: " + mark_text(mark));
        if (line.fate == Fate::held) {
            cases.leaves(mark, worker, bytes, record);
            continue;
        }
        if (line.left) continue; // once more on a new connection: the first time was the earlier one
        line.left = true;
        line.worker = worker;
        line.submitted_seq = record.submitted_seq;
        line.durable_seq = record.durable_seq;
        line.left_ns = record.now_ns;
        line.run = runs_.size();
    }
}

void Ledger::arrives(std::string_view body) {
    const auto marks = marks_in(body);
    for (const uint32_t mark : marks) {
        Line& line = lines_.at(mark);
        if (line.fate == Fate::held) {
            cases.arrives(mark, body);
            ++arrived_;
            continue;
        }
        if (!line.left) broken("an upstream got what never left weir: " + mark_text(mark));
        if (line.arrived) broken("an upstream got one message twice: " + mark_text(mark));
        line.arrived = true;
        line.single = !body.starts_with('[');
        line.body_hash = hash64(body, 0);
        ++arrived_;
    }
}

void Ledger::power_goes(const std::vector<uint64_t>& last_seqs, uint64_t now_ns, uint64_t lag_ns) {
    cases.power_goes(last_seqs);
    for (uint32_t mark = 0; mark < lines_.size(); ++mark) {
        Line& line = lines_[mark];
        if (!line.left || line.lost) continue;
        if (line.submitted_seq <= last_seqs.at(line.worker)) continue;
        line.lost = true;
        // What a run before left to this one, killed, may not have been brought to the disk yet.
        if (lag_ns != 0 && line.run == runs_.size() && line.left_ns + lag_ns < now_ns)
            broken("the power was cut, and " + mark_text(mark) + " is not in the record though it left " +
                   std::to_string((now_ns - line.left_ns) / 1'000'000) + " ms before");
    }
}

namespace {

/// One exchange of the record.
struct Recorded {
    std::vector<uint32_t> marks;
    uint64_t body_hash = 0;
    std::vector<std::pair<bool, uint64_t>> verdicts; // allowed, seq; in the order of the marks
};

} // namespace

uint32_t Ledger::run_of(uint32_t worker, uint64_t seq) const {
    uint32_t run = 0;
    for (const auto& last_seqs : runs_) run += worker < last_seqs.size() && seq > last_seqs[worker];
    return run;
}

void Ledger::hold_against_record(const std::string& directory, bool keeps, bool strict, bool died,
                                 const std::vector<uint64_t>& durable_seqs, uint64_t control_seq) {
    const auto verified = record::verify_log(directory);
    if (!verified) broken("the record cannot be read");
    if (!verified->damages.empty()) broken("the record is damaged: " + verified->damages.front());
    if (!died && !verified->torn.empty()) broken("the record's end is torn: " + verified->torn.front());

    std::map<std::tuple<uint32_t, uint32_t, uint32_t>, Recorded> exchanges; // by worker, run and number
    std::vector<uint64_t> last_seq(durable_seqs.size());
    uint64_t control_last_seq = 0;
    auto reader = record::Reader::open(directory, {.verify = false});
    if (!reader) broken("the record cannot be opened");
    for (auto entry = reader->next(); entry || entry.error() == Error::incomplete; entry = reader->next()) {
        if (!entry) continue;
        if (entry->worker < last_seq.size()) last_seq[entry->worker] = entry->frame.seq;
        if (entry->worker == record::control_stream) control_last_seq = entry->frame.seq;
        cases.read(*entry);
        if (entry->frame.exchange == 0) continue;
        Recorded& recorded = exchanges[{entry->worker, run_of(entry->worker, entry->frame.seq), entry->frame.exchange}];
        if (entry->frame.kind == record::Kind::asked) {
            const auto fields = record::read_fields(entry->frame.payload);
            if (!fields) broken("an entry of the record cannot be read");
            const auto body = fields->text(record::Field::body);
            recorded.marks = marks_in(body);
            recorded.body_hash = hash64(body, 0);
        } else if (entry->frame.kind == record::Kind::allowed || entry->frame.kind == record::Kind::blocked) {
            recorded.verdicts.emplace_back(entry->frame.kind == record::Kind::allowed, entry->frame.seq);
        }
    }
    if (control_last_seq < control_seq) broken("the record of approvals ends before what was durable");
    cases.hold(keeps, strict);
    if (!keeps) return; // There is nothing to hold anything else against.
    for (size_t i = 0; i < durable_seqs.size(); ++i)
        if (last_seq[i] < durable_seqs[i])
            broken("the record of worker " + std::to_string(i) + " ends at " + std::to_string(last_seq[i]) + ", and " +
                   std::to_string(durable_seqs[i]) + " was durable");

    std::vector<bool> found(lines_.size());
    for (const auto& [key, recorded] : exchanges) {
        for (size_t i = 0; i < recorded.marks.size() && i < recorded.verdicts.size(); ++i) {
            const uint32_t mark = recorded.marks[i];
            const Line& line = lines_.at(mark);
            const auto [allowed, seq] = recorded.verdicts[i];
            if (!line.left || line.worker != std::get<0>(key)) continue;
            found[mark] = true;
            if (!allowed) broken("what the record calls blocked left for an upstream: " + mark_text(mark));
            const uint64_t safe_seq = strict ? line.durable_seq : line.submitted_seq;
            if (seq > safe_seq)
                broken(mark_text(mark) + " left for an upstream when its entry " + std::to_string(seq) + " was not " +
                       (strict ? "durable" : "submitted") + ": the record was at " + std::to_string(safe_seq));
            if (line.arrived && line.single && line.body_hash != recorded.body_hash)
                broken("an upstream got other bytes than were judged: " + mark_text(mark));
        }
    }
    for (uint32_t mark = 0; mark < lines_.size(); ++mark) {
        const Line& line = lines_[mark];
        if (!line.left || found[mark] || (line.lost && !strict)) continue;
        // What was handed to the kernel is there when only the process died: all files are the kernel's.
        broken(mark_text(mark) + " left for an upstream and the record does not know it");
    }
}

} // namespace weir::sim
