// record/writer_old.cc - what becomes of segments that are complete: the oldest go when the past is longer than it may be.
//
// An entry says that one goes, and when that entry is safe the file does. The segment in use is never removed, nor the
// last one of a stream that nobody writes any more: a later run continues behind it.
#include "base/log.h"
#include "record/writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::record {
namespace {

/// The streams below `directory` whose number is `first` or higher; `control` is not a worker's.
std::vector<uint32_t> streams_from(const std::string& directory, uint32_t first) {
    std::vector<uint32_t> streams;
    DIR* const listing = ::opendir(directory.c_str());
    if (listing == nullptr) return streams;
    while (const dirent* entry = ::readdir(listing)) {
        const auto number = stream_number(entry->d_name);
        if (number && *number >= first && *number != control_stream) streams.push_back(*number);
    }
    ::closedir(listing);
    std::sort(streams.begin(), streams.end());
    return streams;
}

} // namespace

// Streams of a former run with more workers: they are kept for as long as others are, and by the first writer.
void Writer::adopt_orphans() {
    if (options_.retention == nullptr || options_.worker != 0) return;
    for (const uint32_t stream : streams_from(options_.directory, options_.retention->shares())) {
        std::string why;
        const std::string path = options_.directory + "/" + stream_name(stream);
        auto found = recover(path, options_.log, stream, why);
        const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (!found || directory < 0) { // What is damaged is evidence: it stays as it is.
            log::warn("record_stream_left_alone", {{"stream", stream_name(stream)}, {"why", why}});
            if (directory >= 0) ::close(directory);
            continue;
        }
        if (!found->tails.empty()) finish_orphan(stream);
        orphans_.push_back({stream, directory, std::move(found->segments)});
    }
}

/// What only the tail of `stream` has comes into a segment, by a Writer that ends at once.
void Writer::finish_orphan(uint32_t stream) {
    WriterOptions options = options_;
    options.worker = stream;
    options.seed = random_.next();
    options.retention = nullptr; // Its older segments are looked after by this one.
    auto writer = open(ring_, options);
    if (!writer) {
        log::warn("record_stream_left_alone", {{"stream", stream_name(stream)}, {"why", writer.error()}});
        return;
    }
    (*writer)->close();
    finishing_.push_back(std::move(*writer));
}

void Writer::close_orphans() {
    for (const Orphan& orphan : orphans_) ::close(orphan.directory);
}

uint64_t Writer::disk_bytes() const {
    if (keeps_nothing()) return 0;
    uint64_t bytes = 2 * options_.segment_bytes; // the one in use and the spare
    for (const OldSegment& segment : old_) bytes += segment.bytes;
    for (const Orphan& orphan : orphans_)
        for (const OldSegment& segment : orphan.segments) bytes += segment.bytes;
    return bytes;
}

/// The list with the oldest segment that may go, and its index among the orphans; -1: the stream's own.
std::vector<OldSegment>* Writer::oldest_list(int& orphan) {
    std::vector<OldSegment>* oldest = old_.empty() ? nullptr : &old_;
    orphan = -1;
    for (size_t i = 0; i < orphans_.size(); ++i) {
        auto& segments = orphans_[i].segments;
        if (segments.size() < 2 || (oldest != nullptr && oldest->front().last_ns <= segments.front().last_ns)) continue;
        oldest = &segments;
        orphan = static_cast<int>(i);
    }
    return oldest;
}

// A segment that is never full would keep its entries for ever: it ends when its first one is as old as entries may be.
void Writer::end_aged_stretch() {
    const uint64_t age_ns_max = options_.retention->age_ns_max();
    if (age_ns_max == 0 || stretch_.entries == 0 || body_first_ || stretches_.size() >= stretches_max) return;
    const uint64_t now_ns = ring_.wall_ns();
    if (now_ns > stretch_.began_ns && now_ns - stretch_.began_ns > age_ns_max) end_stretch();
}

void Writer::prune() {
    if (options_.retention == nullptr || state_ != State::running || prune_op_.with_kernel) return;
    if (prune_seq_ != 0) return unlink_pruned();
    if (ring_.now_ns() < prune_check_ns_) return;
    prune_check_ns_ = ring_.now_ns() + prune_check_every_ns;
    if (!failed_) end_aged_stretch();
    int orphan = -1;
    const auto* list = oldest_list(orphan);
    options_.retention->tell(options_.worker, disk_bytes(),
                             list == nullptr || failed_ ? Retention::none : list->front().last_ns);
    const Retention::Due due = options_.retention->due(options_.worker, ring_.wall_ns());
    prune_soon_ = due == Retention::Due::soon;
    if (prune_soon_) prune_check_ns_ = ring_.now_ns() + prune_turn_ns;
    if (due != Retention::Due::now) return;
    const OldSegment& oldest = list->front();
    Pruned pruned;
    pruned.segment = oldest.number;
    pruned.first_seq = oldest.first_seq;
    pruned.last_seq = oldest.last_seq;
    pruned.bytes = oldest.bytes;
    pruned.chain = bytes_of(oldest.chain);
    std::string stream;
    if (orphan >= 0) stream = stream_name(orphans_[static_cast<size_t>(orphan)].stream);
    pruned.stream = stream;
    append_own(pruned);
    prune_check_ns_ = 0; // It may not be the only one.
    prune_seq_ = last_seq_;
    prune_orphan_ = orphan;
}

/// The entry about it is safe: the file goes, and then its name.
void Writer::unlink_pruned() {
    if (anchor_.seq < prune_seq_ || failed_) return;
    auto& list = prune_orphan_ < 0 ? old_ : orphans_[static_cast<size_t>(prune_orphan_)].segments;
    write_segment_name(list.front().number, prune_name_);
    list.erase(list.begin());
    prune_seq_ = 0;
    prune_unlinked_ = false;
    ring_.unlink(prune_op_, prune_directory(), prune_name_.c_str());
}

int Writer::prune_directory() const {
    return prune_orphan_ < 0 ? directory_ : orphans_[static_cast<size_t>(prune_orphan_)].directory;
}

void Writer::on_pruned(ring::Op& op, ring::Completion done) {
    auto& writer = op.owner_as<Writer>();
    if (done.result < 0) {
        log::warn("record_prune_failed", {{"segment", writer.prune_name_}, {"error", std::strerror(-done.result)}});
        return writer.move_on();
    }
    if (std::exchange(writer.prune_unlinked_, true)) return writer.move_on();
    ++writer.figures_.pruned;
    writer.ring_.sync(op, writer.prune_directory(), false);
}

} // namespace weir::record
