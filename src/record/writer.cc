// record/writer.cc - entries into batches, batches to the kernel, and what is known of them afterwards.
#include "record/writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::record {
namespace {

// The seal's payload at its largest; every batch keeps room for one, so that a stretch can end at any time.
constexpr EntryLimits no_bodies{};
const size_t seal_bytes_bound = frame_bytes(static_cast<uint32_t>(payload_bound(Seal{}, no_bodies)));

// Of the frame that fills a block: its payload is a multiple of eight, of which some are CBOR's.
constexpr size_t fill_bytes_min = frame_bytes(8), fill_bytes_max = ring::direct_block_bytes + fill_bytes_min;
constexpr std::array<char, fill_bytes_max> zeros{};

Fill fill_of(size_t payload_bytes) {
    const size_t key = 2, length = payload_bytes <= 24 ? 1 : payload_bytes <= 256 ? 2 : 3;
    return {.body = {zeros.data(), payload_bytes - key - length}};
}

bool is_whole_blocks(uint64_t value) { return value % ring::direct_block_bytes == 0; }

} // namespace

// Entries.

char* Writer::begin_entry(size_t payload_bound) {
    if (state_ != State::running || failed_ || stretches_.size() >= stretches_max ||
        payload_bound > payload_bytes_max || queue_.bytes() + payload_bound > options_.queue_bytes_max) {
        ++figures_.refused;
        return nullptr;
    }
    return room_for(frame_bytes(static_cast<uint32_t>(payload_bound))) + frame_head_bytes;
}

uint64_t Writer::finish_entry(Kind kind, uint32_t exchange, uint32_t payload_bytes) {
    last_time_ns_ = std::max(last_time_ns_, ring_.wall_ns());
    add_frame(kind, exchange, payload_bytes);
    ++figures_.entries;
    return last_seq_;
}

void Writer::add_frame(Kind kind, uint32_t exchange, uint32_t payload_bytes) {
    FrameHead head;
    head.seq = ++last_seq_;
    head.time_ns = last_time_ns_;
    head.durable_seq = durable_.seq;
    head.kind = kind;
    head.flags = frame_flags_;
    head.exchange = exchange;
    const uint32_t size = finish_frame(queue_.end(), head, payload_bytes, stretch_.salt_crc);
    if (queue_.open_batch().empty()) collected_since_ns_ = ring_.now_ns();
    queue_.added(size, last_seq_);
    if (!queue_.kept()) unkept_seq_ = last_seq_;
    else if (written_.seq >= unkept_seq_) kept_seq_ = std::max(kept_seq_, last_seq_);
    stretch_.position += size;
    ++stretch_.entries;
}

// Where a frame of at most `frame_size` bytes goes. Whatever has to end before it ends here: the stretch when its file
// would be full, the batch when its chunk is. Behind every frame stays room for a seal and a mark.
char* Writer::room_for(size_t frame_size) {
    const size_t tail = seal_bytes_bound + mark_bytes + (directly_ ? fill_bytes_max : 0);
    // A batch more may end in between, with a mark of its own.
    if (stretch_.entries != 0 && stretch_.position + frame_size + tail + mark_bytes > options_.segment_bytes)
        end_stretch();
    if (queue_.room() < frame_size + tail) {
        fill_block();
        close_batch();
        queue_.next_chunk(frame_size + tail);
    }
    return queue_.end();
}

void Writer::end_stretch() {
    if (queue_.open_batch().empty() && queue_.room() < seal_bytes_bound + mark_bytes) queue_.next_chunk(chunk_bytes);
    add_seal();
    close_batch();
}

void Writer::add_seal() {
    Seal seal;
    seal.count = stretch_.entries + 2;
    seal.first_seq = stretch_.first_seq;
    seal.last_seq = last_seq_ + 2;
    const char* end = write_payload(queue_.end() + frame_head_bytes, seal, no_bodies);
    stretch_.sealed = true;
    add_frame(Kind::seal, 0, static_cast<uint32_t>(end - queue_.end()) - frame_head_bytes);
}

void Writer::begin_stretch() {
    stretch_ = Stretch{};
    stretch_.id = ++stretches_begun_;
    stretch_.first_seq = last_seq_ + 1;
    stretch_.began_ns = ring_.wall_ns();
    for (size_t i = 0; i < stretch_.salt.size(); i += 8) {
        const uint64_t word = random_.next();
        std::memcpy(stretch_.salt.data() + i, &word, 8);
    }
    stretch_.salt_crc = salted(stretch_.salt);
    stretch_.chain = chain_;
    stretch_.position = segment_head_bytes;
    stretches_.push_back(stretch_);
    queue_.begin_stretch(stretch_.salt);
}

// Brings the mark of the open batch to a block's end. Then it can go past the page cache, and what follows it can.
void Writer::fill_block() {
    if (!directly_ || !queue_.kept() || queue_.open_batch().empty()) return;
    const uint64_t end = stretch_.position + mark_bytes;
    if (is_whole_blocks(end)) return;
    size_t size = ring::direct_block_bytes - end % ring::direct_block_bytes;
    if (size < fill_bytes_min) size += ring::direct_block_bytes;
    if (queue_.room() < size + mark_bytes || end + size + seal_bytes_bound + mark_bytes > options_.segment_bytes)
        return;
    const size_t payload = size - frame_head_bytes;
    const char* const begin = queue_.end() + frame_head_bytes;
    const char* const written = write_payload(queue_.end() + frame_head_bytes, fill_of(payload), no_bodies);
    WEIR_ASSERT(static_cast<size_t>(written - begin) == payload);
    add_frame(Kind::fill, 0, static_cast<uint32_t>(payload));
}

void Writer::close_batch() {
    const std::string_view frames = queue_.open_batch();
    if (frames.empty()) return;
    BatchHash hash;
    hash.update(frames);
    chain_ = hash.chain(chain_);
    write_mark(queue_.end() + frame_head_bytes, chain_);
    add_frame(Kind::mark, 0, mark_payload_bytes);
    batches_.push_back({queue_.close_batch(), stretch_.id, last_seq_, chain_, queue_.kept()});
    ++figures_.batches;
    if (stretch_.sealed) begin_stretch();
}

// What follows begins a block, too, in the file and in memory, and has room to become as large.
void Writer::close_large_batch() {
    fill_block();
    close_batch();
    const bool goes_on = is_whole_blocks(reinterpret_cast<uintptr_t>(queue_.end()));
    if (!goes_on || queue_.room() < options_.direct_from) queue_.next_chunk(chunk_bytes);
}

// Takes frames that were made before into the stream again, under their own seqs: other salts, other chain. `chunk`
// holds whole frames; a batch that ends in no mark stays open.
void Writer::carry(std::string_view chunk) {
    while (!chunk.empty()) {
        size_t size = 0; // of the batch at the front
        Kind kind{};
        while (size < chunk.size() && kind != Kind::mark) {
            const Frame frame = peek_frame(chunk.substr(size));
            WEIR_ASSERT(frame.bytes != 0);
            kind = frame.kind;
            size += frame.bytes;
        }
        // One that its mark ends needs no more than it had.
        const size_t room = kind == Kind::mark ? size : size + seal_bytes_bound + mark_bytes;
        if (queue_.room() < room || queue_.belongs_elsewhere(room)) {
            WEIR_ASSERT(queue_.open_batch().empty());
            queue_.next_chunk(room);
        }
        carry_batch(chunk.substr(0, size));
        chunk.remove_prefix(size);
    }
}

void Writer::carry_batch(std::string_view batch) {
    while (!batch.empty()) {
        const Frame frame = peek_frame(batch);
        batch.remove_prefix(frame.bytes);
        if (frame.seq <= last_seq_) continue; // Safe on disk already.
        WEIR_ASSERT(frame.seq == last_seq_ + 1);
        last_time_ns_ = frame.time_ns;
        if (frame.kind == Kind::mark) {
            close_batch();
        } else if (frame.kind == Kind::seal) {
            add_seal();
        } else {
            std::memcpy(queue_.end() + frame_head_bytes, frame.payload.data(), frame.payload.size());
            add_frame(frame.kind, frame.exchange, static_cast<uint32_t>(frame.payload.size()));
        }
    }
}

// Batches.

void Writer::flush() {
    if (state_ == State::closed || keeps_nothing()) return;
    if (file_.dead && quiet()) leave_dead_file();
    std::erase_if(finishing_, [](const auto& writer) { return writer->closed(); });
    end_unavailability();
    make_spare();
    begin_file();
    prune();
    submit_batches();
    sync_if_due();
    if (state_ == State::closing) finish_closing();
}

void Writer::submit_batches() {
    const unsigned slots = options_.durability == Durability::strict ? 1 : slots_max;
    const bool open_to_all = file_.stage == File::Stage::live;
    while (!file_.dead && slots_busy_ < slots && (open_to_all || file_.stage == File::Stage::body_first)) {
        if (batches_.empty()) {
            if (!open_to_all || stretch_.id != file_.stretch || queue_.open_batch().empty() || may_wait()) return;
            if (directly_ && queue_.open_batch().size() >= options_.direct_from) close_large_batch();
            else close_batch();
        }
        const Batch batch = batches_.front();
        if (batch.stretch != file_.stretch) return; // It waits for the next file.
        if (!open_to_all && batch.last_seq > carried_seq_) return;
        if (!turn_file_to(goes_directly(batch))) return;
        batches_.erase(batches_.begin());
        submit(batch);
    }
}

// Not what is in no tail: a kill takes a write along that has not got to the disk, and leaves one that got to the page cache.
bool Writer::goes_directly(const Batch& batch) const {
    return directly_ && batch.kept && batch.bytes.size() >= options_.direct_from &&
           is_whole_blocks(batch.bytes.size()) && is_whole_blocks(file_.position) &&
           is_whole_blocks(reinterpret_cast<uintptr_t>(batch.bytes.data()));
}

// True once the file is written to in the way that is wanted, or in the only one; not before the writes of the other are over.
bool Writer::turn_file_to(bool direct) {
    if (file_.direct == direct) return true;
    if (slots_busy_ != 0) return false;
    if (ring_.turn_direct(file_.fd, direct)) file_.direct = direct;
    else if (direct) directly_ = false;
    else file_died(EINVAL);
    return !file_.dead;
}

// Whether what was collected may wait for more: it is kept, and has not waited for long.
bool Writer::may_wait() const {
    return tail_ != nullptr && options_.durability == Durability::batch && kept_seq_ >= last_seq_ &&
           ring_.now_ns() < write_due_ns();
}

uint64_t Writer::write_due_ns() const {
    return collected_since_ns_ + std::min(options_.write_ns_max, options_.sync_ns_max / 4);
}

void Writer::submit(const Batch& batch) {
    Slot& slot = slots_[(slots_first_ + slots_busy_) % slots_max];
    ++slots_busy_;
    slot.batch = batch;
    slot.end = file_.position + batch.bytes.size();
    slot.good = false;
    const bool synced = options_.durability == Durability::strict;
    if (synced) ++figures_.syncs;
    if (file_.direct) ring_.write_directly(slot.written, file_.fd, batch.bytes, file_.position);
    else ring_.write(slot.written, file_.fd, batch.bytes, file_.position, synced ? &slot.synced : nullptr);
    file_.position = slot.end;
    figures_.bytes += batch.bytes.size();
    if (batch.last_seq > kept_seq_) {
        kept_seq_ = batch.last_seq;
        notify();
    }
}

void Writer::on_written(ring::Op& op, ring::Completion done) {
    auto& slot = op.owner_as<Slot>();
    slot.good = done.result >= 0 && static_cast<size_t>(done.result) == slot.batch.bytes.size();
    if (!slot.good) {
        if (slot.writer->file_.direct)
            slot.writer->directly_ = false; // The way may be to blame: one segment is enough.
        slot.writer->file_died(done.result < 0 ? -done.result : ENOSPC);
    }
    slot.writer->retire_slots();
    slot.writer->move_on();
}

void Writer::on_synced(ring::Op& op, ring::Completion done) {
    auto& slot = op.owner_as<Slot>();
    if (done.result < 0) slot.writer->file_died(-done.result);
    slot.writer->retire_slots();
    slot.writer->move_on();
}

// Takes finished slots off the front, in the order of the stream.
void Writer::retire_slots() {
    while (slots_busy_ != 0) {
        const Slot& slot = slots_[slots_first_];
        if (slot.written.with_kernel || slot.synced.with_kernel) return;
        slots_first_ = (slots_first_ + 1) % slots_max;
        --slots_busy_;
        if (file_.dead) continue;
        WEIR_ASSERT(slot.good);
        written_ = {slot.batch.last_seq, slot.batch.chain, file_.number, slot.end};
        if (options_.durability == Durability::strict) publish_durable(written_);
        if (unsynced_since_ns_ == UINT64_MAX) unsynced_since_ns_ = ring_.now_ns();
    }
    // What was not in the tail is the kernel's now: all that came after it and is in the tail is kept, too.
    if (written_.seq >= unkept_seq_ && kept_seq_ < last_seq_ && tail_ != nullptr) kept_seq_ = last_seq_;
}

// Whether the file has something that a sync would make durable, and none is under way.
bool Writer::may_sync() const {
    return !file_.dead && !sync_op_.with_kernel && written_.segment == file_.number &&
           file_.stage != File::Stage::none && written_.seq > file_.synced_seq;
}

// A sync that is not linked to one write: every so often, and before the file or the stream ends.
void Writer::sync_if_due() {
    if (!may_sync()) return;
    const bool idle = slots_busy_ == 0 && (batches_.empty() || batches_.front().stretch != file_.stretch);
    const bool ends = idle && (stretch_.id != file_.stretch || state_ == State::closing);
    const bool due = options_.durability == Durability::batch && unsynced_since_ns_ != UINT64_MAX &&
                     ring_.now_ns() >= unsynced_since_ns_ + options_.sync_ns_max / 2;
    const bool body = file_.stage == File::Stage::body_first && written_.seq == carried_seq_;
    if (!ends && !due && !body) return;
    sync_target_ = written_;
    unsynced_since_ns_ = UINT64_MAX;
    ++figures_.syncs;
    ring_.sync(sync_op_, file_.fd, true);
}

void Writer::on_file_synced(ring::Op& op, ring::Completion done) {
    auto& writer = op.owner_as<Writer>();
    if (done.result < 0) writer.file_died(-done.result);
    if (!writer.file_.dead) writer.publish_durable(writer.sync_target_);
    writer.move_on();
}

void Writer::publish_durable(const Point& point) {
    file_.synced_seq = point.seq;
    // Without its head the file is not part of the stream yet: what was carried counts once the head is synced.
    if (file_.stage == File::Stage::body_first) return;
    durable_ = point;
    release_to(point);
    notify();
}

void Writer::release_to(const Point& point) {
    if (point.seq <= anchor_.seq) return;
    anchor_ = point;
    queue_.release(point.seq);
}

uint64_t Writer::next_due_ns() const {
    if (state_ == State::closed || keeps_nothing()) return UINT64_MAX;
    uint64_t due = UINT64_MAX;
    // Nothing falls due while nothing may be synced: what has to come first, a completion, moves it on.
    if (options_.durability == Durability::batch && unsynced_since_ns_ != UINT64_MAX && may_sync()) {
        due = unsynced_since_ns_ + options_.sync_ns_max / 2;
    }
    const bool open_to_all =
        file_.stage == File::Stage::live && !file_.dead && slots_busy_ < slots_max && batches_.empty();
    if (tail_ != nullptr && options_.durability == Durability::batch && open_to_all && stretch_.id == file_.stretch &&
        !queue_.open_batch().empty())
        due = std::min(due, write_due_ns());
    if (spare_ == Spare::none) due = std::min(due, spare_retry_ns_);
    if (prune_soon_) due = std::min(due, prune_check_ns_);
    return due;
}

void Writer::close() {
    if (state_ != State::running) return;
    progress_ = nullptr;
    prune_soon_ = false;
    if (keeps_nothing()) {
        state_ = State::closed;
        return;
    }
    if (stretch_.entries != 0) end_stretch();
    state_ = State::closing;
    flush();
}

} // namespace weir::record
