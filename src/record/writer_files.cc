// record/writer_files.cc - the files behind a stream: the spare, the one in use, the dead, the old.
#include "base/log.h"
#include "record/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace weir::record {

std::expected<std::unique_ptr<Writer>, std::string> Writer::open(ring::Ring& ring, const WriterOptions& options) {
    if (options.durability == Durability::off)
        return std::unique_ptr<Writer>(new Writer(ring, options, -1, nullptr, {}));
    std::string why;
    const std::string path = options.directory + "/" + stream_name(options.worker);
    if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
        why = path + ": cannot make it: " + std::strerror(errno);
        return std::unexpected(why);
    }
    const int parent = ::open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool listed = parent >= 0 && ::fsync(parent) == 0;
    if (parent >= 0) ::close(parent);
    const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!listed || directory < 0) {
        why = path + ": cannot open it: " + std::strerror(errno);
        if (directory >= 0) ::close(directory);
        return std::unexpected(why);
    }
    auto found = recover(path, options.log, options.worker, why);
    if (!found) {
        ::close(directory);
        return std::unexpected(why);
    }
    auto tail = make_tail(options, path, *found);
    if (!tail) {
        ::close(directory);
        return std::unexpected(tail.error());
    }
    // What only a former tail has stands in the new one as well before the former goes.
    const auto former = found->tails;
    const bool saves = found->in_tails;
    auto writer = std::unique_ptr<Writer>(new Writer(ring, options, directory, std::move(*tail), std::move(*found)));
    if (saves && !writer->tail_->sync())
        return std::unexpected(path + ": cannot write its tail: " + std::strerror(errno));
    for (const std::string& name : former) ::unlink(name.c_str());
    if (!former.empty() && ::fsync(directory) != 0)
        return std::unexpected(path + ": cannot sync it: " + std::strerror(errno));
    writer->adopt_orphans();
    writer->make_spare();
    return writer;
}

/// The tail for a new Writer; nullptr where there is none, which is an error if there is something to be saved in it.
std::expected<std::unique_ptr<Tail>, std::string> Writer::make_tail(const WriterOptions& options,
                                                                    const std::string& path, const Recovered& found) {
    const bool wanted = options.durability == Durability::batch && options.tail_bytes != 0;
    if (!wanted && !found.in_tails) return nullptr;
    const size_t chunks =
        std::max<size_t>(options.tail_bytes / chunk_bytes, 8) + found.carried.size() / (chunk_bytes / 2);
    auto tail = Tail::make(path, found.next_tail, {options.log, options.worker, chunk_bytes, chunks});
    if (tail || found.in_tails) return tail;
    log::warn("record_without_tail", {{"stream", stream_name(options.worker)}, {"why", tail.error()}});
    return nullptr;
}

Writer::Writer(ring::Ring& ring, const WriterOptions& options, int directory, std::unique_ptr<Tail> tail,
               Recovered&& found)
    : ring_(ring), options_(options), entry_limits_{options.body_bytes_max}, directory_(directory),
      random_(options.seed), tail_(std::move(tail)), queue_(pool_, tail_.get(), chunk_bytes), last_seq_(found.last_seq),
      last_time_ns_(found.last_time_ns), chain_(found.chain), kept_seq_(found.last_seq),
      directly_(tail_ != nullptr && options.durability == Durability::batch), old_(std::move(found.segments)),
      next_number_(found.next_number) {
    const auto set = [](ring::Op& op, void* owner, void (*done)(ring::Op&, ring::Completion)) {
        op.owner = owner;
        op.done = done;
    };
    for (Slot& slot : slots_) {
        slot.writer = this;
        set(slot.written, &slot, on_written);
        set(slot.synced, &slot, on_synced);
    }
    set(sync_op_, this, on_file_synced);
    set(head_written_op_, this, on_head_written);
    set(head_synced_op_, this, on_head_synced);
    set(spare_op_, this, on_spare);
    set(prune_op_, this, on_pruned);
    if (keeps_nothing()) return;
    batches_.reserve(1024);
    stretches_.reserve(stretches_max + 1);
    old_.reserve(old_.size() + 1024);
    write_segment_name(next_number_, spare_name_); // Room for all later ones.
    write_segment_name(next_number_, prune_name_);

    // What a busy stream holds in a sync's time, so that no call waits for memory.
    std::array<BufferPool::Lent, 32> warm;
    for (auto& lent : warm) lent = pool_.lend(chunk_bytes);
    for (const auto& lent : warm) pool_.give_back(lent);

    anchor_ = durable_ = written_ = {found.last_seq, found.chain, found.segment, found.end};
    begin_stretch();
    frame_flags_ = found.carried.empty() ? 0 : flag_carried;
    queue_.begin_carrying(true);
    carry(found.carried);
    close_batch(); // What stood behind the last mark has one now.
    queue_.go_on();
    frame_flags_ = 0;
    body_first_ = !found.carried.empty();
    carried_seq_ = stretches_.size() > 1 ? stretches_[1].first_seq - 1 : last_seq_; // of the first file
    if (found.torn) {
        log::warn("record_torn_end_cut", {{"stream", stream_name(options_.worker)}});
        Gap gap;
        gap.reason = "torn_end";
        gap.first_seq = found.torn_seq;
        gap.segment = old_.empty() ? 0 : old_.back().number;
        gap.bytes = found.torn_bytes;
        append_own(gap);
    }
}

Writer::~Writer() {
    WEIR_ASSERT(quiet() && !spare_op_.with_kernel && !prune_op_.with_kernel);
    if (file_.fd >= 0) ring_.close(file_.fd);
    if (spare_fd_ >= 0) ring_.close(spare_fd_);
    if (directory_ >= 0) ::close(directory_);
    close_orphans();
}

// True when no operation on the current file is with the kernel.
bool Writer::quiet() const {
    return slots_busy_ == 0 && !sync_op_.with_kernel && !head_written_op_.with_kernel && !head_synced_op_.with_kernel;
}

// True when the next batch has no file to go to.
bool Writer::needs_file() const {
    return file_.stage == File::Stage::none || file_.dead || stretch_.id != file_.stretch;
}

// The spare: opened, allocated, its name synced; one operation, submitted again at each step.

void Writer::make_spare() {
    if (keeps_nothing() || spare_ != Spare::none || state_ == State::closed || ring_.now_ns() < spare_retry_ns_) return;
    if (state_ == State::closing && !(needs_file() && has_batches())) return;
    spare_number_ = next_number_++;
    write_segment_name(spare_number_, spare_name_);
    spare_ = Spare::opening;
    ring_.open_file(spare_op_, directory_, spare_name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0440);
}

void Writer::on_spare(ring::Op& op, ring::Completion done) {
    auto& writer = op.owner_as<Writer>();
    if (writer.spare_ == Spare::discarding) {
        writer.spare_ = Spare::none;
        return writer.move_on();
    }
    const bool cannot_allocate = writer.spare_ == Spare::allocating && done.result == -EOPNOTSUPP; // Then it grows.
    if (done.result < 0 && !cannot_allocate) {
        log::error("record_no_spare_segment",
                   {{"stream", stream_name(writer.options_.worker)}, {"error", std::strerror(-done.result)}});
        writer.spare_error_ = -done.result;
        writer.spare_retry_ns_ = writer.ring_.now_ns() + spare_retry_ns;
        if (writer.spare_ == Spare::opening) {
            writer.spare_ = Spare::none;
            return writer.move_on();
        }
        writer.ring_.close(std::exchange(writer.spare_fd_, -1));
        writer.spare_ = Spare::discarding;
        return writer.ring_.unlink(op, writer.directory_, writer.spare_name_.c_str());
    }
    switch (writer.spare_) {
        case Spare::opening:
            writer.spare_fd_ = done.result;
            writer.spare_ = Spare::allocating;
            return writer.ring_.allocate(op, writer.spare_fd_, 0, writer.options_.segment_bytes);
        case Spare::allocating: writer.spare_ = Spare::listing; return writer.ring_.sync(op, writer.directory_, false);
        case Spare::listing:
            writer.spare_ = Spare::ready;
            writer.spare_error_ = 0;
            return writer.move_on();
        case Spare::none:
        case Spare::ready:
        case Spare::discarding: break;
    }
    WEIR_ASSERT(false);
}

// The current file.

// Puts the spare into use for the stretch that is next, once everything before it is safe.
void Writer::begin_file() {
    if (file_.dead) return;
    if (file_.stage == File::Stage::body_first && file_.synced_seq == carried_seq_ && quiet()) write_head();
    if (spare_ != Spare::ready || stretches_.empty()) return;
    const Stretch& next = stretches_.front();
    if (state_ == State::closing && !has_batches()) return;
    if (file_.stage != File::Stage::none) {
        if (!quiet() || file_.stage != File::Stage::live || durable_.seq + 1 != next.first_seq) return;
        const uint64_t first_seq = file_.first_seq;
        ring_.close(file_.fd);
        old_.push_back({file_.number, first_seq, durable_.seq, std::max(file_.position, options_.segment_bytes),
                        last_time_ns_, durable_.chain});
        prune_check_ns_ = 0;
    }
    WEIR_ASSERT(anchor_.seq + 1 == next.first_seq);
    file_ = File{};
    file_.fd = std::exchange(spare_fd_, -1);
    directly_ = directly_ && ring_.takes_blocks(file_.fd);
    file_.number = spare_number_;
    file_.first_seq = next.first_seq;
    file_.stretch = next.id;
    file_.synced_seq = anchor_.seq;
    file_.position = segment_head_bytes;
    file_.stage = body_first_ ? File::Stage::body_first : File::Stage::head;
    spare_ = Spare::none;
    spare_retry_ns_ = 0;
    ++figures_.segments;

    SegmentHead head;
    head.log = options_.log;
    head.worker = options_.worker;
    head.number = file_.number;
    head.first_seq = next.first_seq;
    head.created_ns = ring_.wall_ns();
    head.salt = next.salt;
    head.chain = next.chain;
    head.previous = anchor_.segment;
    head.previous_end = anchor_.end;
    write_segment_head(head_bytes_.data(), head);
    stretches_.erase(stretches_.begin());
    if (file_.stage == File::Stage::head) write_head();
    make_spare();
}

void Writer::write_head() {
    if (!turn_file_to(false)) return;
    ++figures_.syncs;
    ring_.write(head_written_op_, file_.fd, {head_bytes_.data(), head_bytes_.size()}, 0, &head_synced_op_);
}

void Writer::on_head_written(ring::Op& op, ring::Completion done) {
    auto& writer = op.owner_as<Writer>();
    if (done.result != static_cast<int32_t>(segment_head_bytes))
        writer.file_died(done.result < 0 ? -done.result : ENOSPC);
    writer.move_on();
}

void Writer::on_head_synced(ring::Op& op, ring::Completion done) {
    auto& writer = op.owner_as<Writer>();
    if (done.result < 0) writer.file_died(-done.result);
    if (writer.file_.dead) return writer.move_on();
    const bool carried = writer.file_.stage == File::Stage::body_first;
    writer.file_.stage = File::Stage::live;
    writer.body_first_ = false;
    if (carried) writer.publish_durable(writer.written_);
    writer.move_on();
}

void Writer::file_died(int error) {
    if (std::exchange(file_.dead, true)) return;
    ++figures_.segments_died;
    file_error_ = error;
    log::error("record_segment_died", {{"stream", stream_name(options_.worker)},
                                       {"segment", segment_name(file_.number)},
                                       {"error", std::strerror(error)}});
    notify();
}

// What a dead file may have lost is made anew, for the spare: from the anchor on, under the same seqs.
void Writer::leave_dead_file() {
    ring_.close(file_.fd);
    Gap gap;
    gap.reason = "segment_died";
    gap.segment = file_.number;
    gap.os_error = static_cast<uint64_t>(file_error_);
    gap.first_seq = anchor_.seq + 1;
    if (anchor_.segment == file_.number) {
        old_.push_back(
            {file_.number, file_.first_seq, anchor_.seq, options_.segment_bytes, last_time_ns_, anchor_.chain});
    }
    const bool carries = body_first_;
    file_ = File{};

    const uint64_t last_seq = std::exchange(last_seq_, anchor_.seq);
    const uint64_t last_time_ns = last_time_ns_;
    chain_ = anchor_.chain;
    written_ = anchor_;
    unsynced_since_ns_ = UINT64_MAX;
    batches_.clear();
    stretches_.clear();
    FrameQueue before = std::exchange(queue_, FrameQueue(pool_, tail_.get(), chunk_bytes));
    unkept_seq_ = 0;
    begin_stretch();
    before.drain([&](std::string_view chunk, bool kept) {
        frame_flags_ = carries && last_seq_ < carried_seq_ ? flag_carried : 0;
        queue_.begin_carrying(kept);
        carry(chunk);
    });
    queue_.go_on();
    frame_flags_ = 0;
    WEIR_ASSERT(last_seq_ == last_seq);
    last_time_ns_ = last_time_ns;
    append_own(gap);
}

// The time in which nothing can be written, and its end.
void Writer::end_unavailability() {
    const bool unavailable = needs_file() && spare_error_ != 0 && state_ == State::running;
    if (unavailable == failed_) return;
    failed_ = unavailable;
    if (unavailable) {
        failed_since_ns_ = ring_.wall_ns();
        failed_refused_ = figures_.refused;
        failed_error_ = spare_error_;
    } else {
        Gap gap;
        gap.reason = "unavailable";
        gap.count = figures_.refused - failed_refused_;
        gap.os_error = static_cast<uint64_t>(failed_error_);
        gap.since_ns = failed_since_ns_;
        append_own(gap);
    }
    notify();
}

// The end: all batches safe, then the spare goes.
void Writer::finish_closing() {
    if (spare_op_.with_kernel || prune_op_.with_kernel || !quiet()) return;
    const bool lost =
        has_batches() && (file_.dead || file_.stage == File::Stage::none || needs_file()) && spare_error_ != 0;
    if (has_batches() && !lost) return;
    if (!lost && file_.stage != File::Stage::none && file_.synced_seq < written_.seq) return;
    const bool kept = lost && tail_ != nullptr && kept_seq_ >= last_seq_;
    if (kept) log::error("record_entries_wait_for_next_start", {{"stream", stream_name(options_.worker)}});
    else if (lost) log::error("record_entries_lost_at_stop", {{"stream", stream_name(options_.worker)}});
    if (spare_ == Spare::ready) {
        ring_.close(std::exchange(spare_fd_, -1));
        spare_ = Spare::discarding;
        return ring_.unlink(spare_op_, directory_, spare_name_.c_str());
    }
    if (!finishing_.empty()) return;
    if (file_.fd >= 0) ring_.close(std::exchange(file_.fd, -1));
    if (tail_ && !lost) tail_->remove(); // else it is for the next start, whatever it holds
    state_ = State::closed;
}

} // namespace weir::record
