// record/recovery.cc - the look at what a former run left.
#include "record/recovery.h"

#include "record/segment_file.h"
#include "record/tail.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace weir::record {
namespace {

// What is not known to be synced is written again up to this size; a larger rest is synced where it is, which serves
// unless the kernel has already reported, and forgotten, that it could not write it.
constexpr uint64_t carried_bytes_max = 8 << 20;

constexpr const char* advice =
    "the record is not written to; keep a copy of it, look with `weir sessions`, then "
    "start a new one by naming another state directory or moving this one away";

std::string path_of(const std::string& directory, uint64_t number) { return directory + "/" + segment_name(number); }

// Reads the identity file: 32 hex digits and a line feed.
std::optional<LogId> parse_log_id(std::string_view text) {
    if (text.size() != 33 || text.back() != '\n') return std::nullopt;
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    LogId id{};
    for (size_t i = 0; i < id.size(); ++i) {
        const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        id[i] = static_cast<uint8_t>(high * 16 + low);
    }
    return id;
}

bool sync_directory(const std::string& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool synced = ::fsync(fd) == 0;
    ::close(fd);
    return synced;
}

// One look at a stream; every function that fails has said why.
class Look {
  public:
    Look(const std::string& directory, const LogId& log, uint32_t worker, std::string& why)
        : directory_(directory), log_(log), worker_(worker), why_(why) {
        found_.chain = chain_start(log, worker);
    }
    Result<Recovered> take();

  private:
    struct Place { // the end of a batch
        uint64_t seq, end;
        Digest chain;
    };
    Result<void> read_heads();
    Result<void> check_border(size_t index);
    Result<void> scan_last();
    Result<void> judge_end(SegmentFile& file, uint64_t seq, Error error);
    Result<void> choose_anchor(SegmentFile& file, const std::vector<Place>& places, uint64_t durable, uint64_t stop,
                               bool sealed);
    Result<void> look_at_tails();
    void list_old();
    void give_back_space();
    Error damage(std::string text) {
        why_ = fmt::format("{}: {}; {}", directory_, text, advice);
        return Error::corrupt;
    }
    Error unreadable(std::string text) {
        why_ = fmt::format("{}: {}: {}", directory_, text, std::strerror(errno));
        return Error::io_failed;
    }

    const std::string& directory_;
    const LogId& log_;
    const uint32_t worker_;
    std::string& why_;
    std::vector<SegmentHead> heads_;  // of the segments in use
    std::vector<uint64_t> border_ns_; // of each: the time of the mark before it, where that was looked at
    std::vector<uint64_t> unused_;
    uint64_t next_seq_ = 1; // behind the last whole frame
    Recovered found_;
};

Result<Recovered> Look::take() {
    if (const auto read = read_heads(); !read) return fail(read.error());
    border_ns_.resize(heads_.size());
    for (size_t i = 0; i < heads_.size(); ++i) {
        if (const auto checked = check_border(i); !checked) return fail(checked.error());
    }
    if (!heads_.empty()) {
        if (const auto scanned = scan_last(); !scanned) return fail(scanned.error());
        list_old();
    }
    if (const auto looked = look_at_tails(); !looked) return fail(looked.error());
    give_back_space();
    return std::move(found_);
}

Result<void> Look::read_heads() {
    const auto numbers = list_segments(directory_);
    if (!numbers) return fail(unreadable("cannot list it"));
    for (const uint64_t number : *numbers) {
        found_.next_number = number + 1;
        const auto file = SegmentFile::open(path_of(directory_, number));
        if (!file && file.error() == Error::io_failed) return fail(unreadable("cannot read " + segment_name(number)));
        if (!file) {
            const auto holds = SegmentFile::holds_entries(path_of(directory_, number));
            if (!holds) return fail(unreadable("cannot read " + segment_name(number)));
            if (*holds) return fail(damage(segment_name(number) + " has a damaged head"));
            unused_.push_back(number);
            continue;
        }
        const SegmentHead& head = file->head();
        if (head.number != number || head.worker != worker_ || head.log != log_) {
            return fail(damage(segment_name(number) + " belongs to another stream or log"));
        }
        if (!heads_.empty() && head.first_seq < heads_.back().first_seq) {
            return fail(damage(segment_name(number) + " begins before the one in front of it"));
        }
        heads_.push_back(head);
    }
    return {};
}

// The mark before a segment must stand where its head says, with the chain that its head continues.
Result<void> Look::check_border(size_t index) {
    const SegmentHead& head = heads_[index];
    if (std::ranges::find(unused_, head.previous) != unused_.end()) // What is pruned has no file.
        return fail(damage(segment_name(head.previous) + " is empty, and another segment continues it"));
    if (head.previous < heads_.front().number && head.previous != 0) return {}; // Pruned since.
    if (head.previous == 0) {                                                   // Nothing was ever synced before it.
        if (head.first_seq == 1 && head.chain == chain_start(log_, worker_)) return {};
        return fail(damage(segment_name(head.number) + " begins nowhere"));
    }
    const std::string name = segment_name(head.previous);
    const auto file = SegmentFile::open(path_of(directory_, head.previous));
    if (!file) return fail(damage(name + " is missing or damaged"));
    if (head.previous_end < segment_head_bytes + mark_bytes) return fail(damage(segment_name(head.number) + " is odd"));
    const auto bytes = file->bytes(head.previous_end - mark_bytes, head.previous_end);
    if (!bytes && bytes.error() == Error::io_failed) return fail(unreadable("cannot read " + name));
    if (!bytes) return fail(damage(fmt::format("{} is cut off before seq {}", name, head.first_seq)));
    const auto mark = read_frame(*bytes, file->salt_crc());
    const auto chain = mark ? read_mark(mark->payload) : fail(Error::corrupt);
    if (!mark || !chain || mark->kind != Kind::mark || mark->seq + 1 != head.first_seq || *chain != head.chain) {
        return fail(damage(fmt::format("{} is damaged before seq {} (byte {})", name, head.first_seq,
                                       head.previous_end - mark_bytes)));
    }
    border_ns_[index] = mark->time_ns;
    return {};
}

Result<void> Look::scan_last() {
    const SegmentHead& head = heads_.back();
    auto file = SegmentFile::open(path_of(directory_, head.number));
    if (!file) return fail(unreadable("cannot read " + segment_name(head.number)));
    found_.last_seq = head.first_seq - 1;
    found_.chain = head.chain;
    found_.segment = head.previous;
    found_.end = head.previous_end;
    found_.last_time_ns = head.created_ns;

    uint64_t seq = head.first_seq, durable = head.first_seq - 1;
    bool seal_seen = false, sealed = false;
    Digest chain = head.chain;
    std::vector<Place> places;
    BatchHash batch;
    for (;; ++seq) {
        const uint64_t offset = file->offset();
        const auto frame = file->next();
        const auto damaged = [&](const char* what) {
            return damage(fmt::format("{}, seq {} (byte {}): {}", segment_name(head.number), seq, offset, what));
        };
        if (!frame && frame.error() == Error::io_failed)
            return fail(unreadable("cannot read " + segment_name(head.number)));
        if (!frame) {
            if (const auto judged = judge_end(*file, seq, frame.error()); !judged) return fail(judged.error());
            break;
        }
        if (frame->seq != seq) return fail(damaged("an entry is missing before it"));
        if (sealed) return fail(damaged("entries follow the seal"));
        durable = std::max(durable, frame->durable_seq);
        found_.last_time_ns = std::max(found_.last_time_ns, frame->time_ns);
        if (frame->kind != Kind::mark) {
            seal_seen = frame->kind == Kind::seal;
            batch.update(file->raw());
            continue;
        }
        chain = batch.chain(chain);
        const auto stated = read_mark(frame->payload);
        if (!stated || *stated != chain) return fail(damaged("the chain is broken"));
        places.push_back({seq, file->offset(), chain});
        sealed = seal_seen;
    }
    next_seq_ = seq;
    return choose_anchor(*file, places, durable, file->offset(), sealed);
}

// The frames ended at `seq` with something that is no frame: nothing, a torn end, or damage.
Result<void> Look::judge_end(SegmentFile& file, uint64_t seq, Error error) {
    const auto written = file.written_behind(file.offset());
    if (!written) return fail(unreadable("cannot read " + segment_name(file.head().number)));
    if (*written == 0 && error != Error::corrupt) return {};
    const auto acknowledged = file.acknowledged_behind(file.offset(), seq);
    if (!acknowledged) return fail(unreadable("cannot read " + segment_name(file.head().number)));
    if (*acknowledged) {
        return fail(damage(fmt::format("{}, seq {} (byte {}) is damaged, and a later entry says that it was written",
                                       segment_name(file.head().number), seq, file.offset())));
    }
    found_.torn = true;
    found_.torn_seq = seq;
    found_.torn_bytes = *written;
    return {};
}

// Where the next segment continues: behind the last batch that is known to be synced.
Result<void> Look::choose_anchor(SegmentFile& file, const std::vector<Place>& places, uint64_t durable, uint64_t stop,
                                 bool sealed) {
    const uint64_t number = file.head().number;
    const Place* anchor = nullptr;
    for (const Place& place : places) {
        if (place.seq <= durable) anchor = &place;
    }
    if (durable >= file.head().first_seq && (anchor == nullptr || anchor->seq != durable)) {
        return fail(
            damage(fmt::format("{}: seq {} is said to be synced and ends no batch", segment_name(number), durable)));
    }
    const uint64_t anchored = anchor != nullptr ? anchor->end : segment_head_bytes;
    if (!places.empty() && (sealed || stop - anchored > carried_bytes_max)) {
        if (!file.sync()) return fail(unreadable("cannot sync " + segment_name(number)));
        anchor = &places.back();
    }
    if (anchor != nullptr) {
        found_.last_seq = anchor->seq;
        found_.chain = anchor->chain;
        found_.segment = number;
        found_.end = anchor->end;
    }
    auto carried = file.bytes(anchor != nullptr ? anchor->end : uint64_t{segment_head_bytes}, stop);
    if (!carried) return fail(unreadable("cannot read " + segment_name(number)));
    found_.carried = std::move(*carried);
    return {};
}

Result<void> Look::look_at_tails() {
    auto tails = read_tails(directory_, log_, worker_, next_seq_);
    if (!tails) return fail(unreadable("cannot read its tail"));
    found_.tails = std::move(tails->paths);
    found_.next_tail = tails->next_number;
    if (tails->frames.empty()) return {};
    found_.carried += tails->frames;
    found_.in_tails = true;
    found_.torn = false; // What is whole here is what was half there.
    return {};
}

void Look::list_old() {
    for (size_t i = 0; i < heads_.size(); ++i) {
        const bool last = i + 1 == heads_.size();
        OldSegment old;
        old.number = heads_[i].number;
        old.first_seq = heads_[i].first_seq;
        old.last_seq = last ? found_.last_seq : heads_[i + 1].first_seq - 1;
        old.chain = last ? found_.chain : heads_[i + 1].chain;
        if (last) old.last_ns = found_.last_time_ns;
        else old.last_ns = border_ns_[i + 1] != 0 ? border_ns_[i + 1] : heads_[i + 1].created_ns;
        if (const auto file = SegmentFile::open(path_of(directory_, old.number))) old.bytes = file->size();
        found_.segments.push_back(old);
    }
}

// Spares go, and so does the space behind the last mark that a later head continues. That is a courtesy to the disk:
// what is left reads the same before and after, so a failure here is of no account. The one in front of the last is
// left as it is: what was carried over stands there too, should the last one lose its head.
void Look::give_back_space() {
    for (const uint64_t number : unused_) ::unlink(path_of(directory_, number).c_str());
    std::unordered_map<uint64_t, uint64_t> ends; // by number
    for (const SegmentHead& head : heads_) ends[head.previous] = std::max(ends[head.previous], head.previous_end);
    for (size_t i = 0; i + 2 < heads_.size(); ++i) {
        OldSegment& old = found_.segments[i];
        uint64_t end = old.bytes;
        if (const auto known = ends.find(old.number); known != ends.end()) end = known->second;
        else if (heads_[i + 1].first_seq == old.first_seq)
            end = segment_head_bytes; // It died before anything was synced.
        if (old.bytes <= end) continue;
        const std::string path = path_of(directory_, old.number);
        if (::chmod(path.c_str(), 0600) != 0) continue;
        if (::truncate(path.c_str(), static_cast<off_t>(end)) == 0) old.bytes = end;
        ::chmod(path.c_str(), 0440);
    }
}

} // namespace

Result<LogId> log_identity(const std::string& directory, std::string& why) {
    const std::string path = directory + "/log-id";
    const auto io_failed = [&](const char* what) {
        why = fmt::format("{}: {}: {}", path, what, std::strerror(errno));
        return fail(Error::io_failed);
    };
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        char text[64];
        const ssize_t size = ::read(fd, text, sizeof text);
        ::close(fd);
        if (size < 0) return io_failed("cannot read it");
        if (const auto id = parse_log_id({text, static_cast<size_t>(size)})) return *id;
        why = path + ": this is not the identity of a log";
        return fail(Error::corrupt);
    }
    if (errno != ENOENT) return io_failed("cannot read it");
    LogId id;
    if (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) return io_failed("no random bytes");
    std::string text;
    for (const uint8_t byte : id) text += fmt::format("{:02x}", byte);
    text += '\n';
    const std::string fresh = path + ".new"; // Whole or not there: a crash must not leave half an identity.
    fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return io_failed("cannot make it");
    const bool good = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
    ::close(fd);
    if (!good || ::rename(fresh.c_str(), path.c_str()) != 0 || !sync_directory(directory))
        return io_failed("cannot make it");
    return id;
}

Result<Recovered> recover(const std::string& directory, const LogId& log, uint32_t worker, std::string& why) {
    return Look(directory, log, worker, why).take();
}

} // namespace weir::record
