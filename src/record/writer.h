// record/writer.h - the one who writes a stream: entries in, group commits out, segments made, sealed and pruned.
//
// append() puts an entry into memory and gives it its seq; flush(), once a turn, hands what was collected to the kernel
// as one batch that ends in a mark. What may be done about an entry when:
//   durability off          at once: nothing is kept, no file is made, and a seq is all that an entry gets
//   durability batch        once kept_seq() covers it: it stands in the tail (record/tail.h), which outlives the process;
//                           where that has no room, its write was handed to the kernel before anything else is
//   durability strict       once durable_seq() covers it: write and fdatasync, linked, have returned
// In `batch` an entry is in its segment within write_ns_max, or once a chunk is full, and synced within sync_ns_max. Large
// batches go past the page cache: they are filled up to whole blocks, and lie in the tail as in the file.
//
// Everything that is not synced yet stays in memory. When a write comes back short or a sync fails, the segment is dead
// and never touched again; what it may have lost is written to the spare segment, which always lies ready, allocated and
// empty. A failed fdatasync is never repeated: the kernel reports the error once and drops the data. With no spare,
// append() refuses until there is one again, and a gap entry then says so.
//
// Not a reader: what a former run left is looked at once, in open(), by record/recovery.h. Lives on its worker's thread;
// all I/O after open() goes through the worker's Ring. Allocates at open and when a segment ends, not on a call's path.
#pragma once

#include "base/bytes.h"
#include "base/limits.h"
#include "base/random.h"
#include "record/entry.h"
#include "record/queue.h"
#include "record/recovery.h"
#include "record/retention.h"
#include "record/segment.h"
#include "record/tail.h"
#include "record/writer_state.h"
#include "ring/ring.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace weir::record {

enum class Durability : uint8_t { off, batch, strict };

struct WriterOptions {
    std::string directory; // of all streams: `<state>/segments`; must exist
    uint32_t worker = 0;
    LogId log{};       // record/recovery.h: log_identity
    uint64_t seed = 0; // of the salts
    Durability durability = Durability::batch;
    uint64_t segment_bytes = uint64_t{64} << 20;
    uint64_t queue_bytes_max = uint64_t{64} << 20; // of entries that are not synced yet; append() refuses beyond
    uint64_t write_ns_max = 2 * ms_ns;             // batch: how long an entry that is kept waits for others
    uint64_t sync_ns_max = 50 * ms_ns;
    size_t tail_bytes = size_t{64} << 20; // batch; 0: no tail, every turn is written at once
    size_t direct_from =
        size_t{64} << 10;           // batches from so many bytes on go past the page cache where that can be done
    Retention* retention = nullptr; // of all streams, must outlive the Writer; nullptr: complete segments are kept
    uint32_t body_bytes_max = 1 << 20;
};

struct WriterFigures {
    uint64_t entries = 0, batches = 0, syncs = 0, bytes = 0, segments = 0, segments_died = 0, pruned = 0, refused = 0;
};

class Writer {
  public:
    /// Looks at what a former run left (blocking), and begins the stream's next segment. `ring` must outlive the Writer.
    /// On failure a text for the operator: the directory cannot be read or made, or the record in it is damaged and
    /// nothing is written until a person has looked.
    static std::expected<std::unique_ptr<Writer>, std::string> open(ring::Ring& ring, const WriterOptions& options);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// `progress(owner)` is called whenever kept_seq(), durable_seq() or failed() changed: it only wakes somebody.
    void on_progress(void (*progress)(void*), void* owner) {
        progress_ = progress;
        progress_owner_ = owner;
    }

    /// Takes an entry into the stream and gives its seq. `exchange` ties entries together; 0: of no exchange.
    ///
    /// Errors:
    ///   record_unavailable  the queue is full, or there is no segment to write to: refuse the call
    template <class E> Result<uint64_t> append(uint32_t exchange, const E& entry) {
        if (keeps_nothing()) return kept_seq_ = ++last_seq_;
        char* payload = begin_entry(payload_bound(entry, entry_limits_));
        if (payload == nullptr) return fail(Error::record_unavailable);
        const char* end = write_payload(payload, entry, entry_limits_);
        return finish_entry(E::kind, exchange, static_cast<uint32_t>(end - payload));
    }

    /// Once a turn, after the turn's entries and before its sends: moves everything on.
    void flush();
    /// When flush() wants to be called again though nothing happens (monotonic); UINT64_MAX: it does not.
    uint64_t next_due_ns() const;

    /// True once what entry `seq` tells may be done (see the head of this file).
    bool may_act_on(uint64_t seq) const {
        return seq <= (options_.durability == Durability::strict ? durable_.seq : kept_seq_);
    }
    uint64_t last_seq() const { return last_seq_; }
    /// The first entry that was not removed with its segment; 0: there is no segment.
    uint64_t first_seq() const { return old_.empty() ? file_.first_seq : old_.front().first_seq; }
    /// Up to here everything outlives the process, or is being written.
    uint64_t kept_seq() const { return kept_seq_; }
    uint64_t written_seq() const { return written_.seq; }
    uint64_t durable_seq() const { return durable_.seq; }
    /// True while entries are refused, or can not be brought to a disk.
    bool failed() const { return failed_; }
    uint64_t queued_bytes() const { return queue_.bytes(); }
    /// What the stream takes on disk, with streams that nobody writes any more if it looks after them.
    uint64_t disk_bytes() const;
    const WriterFigures& figures() const { return figures_; }

    /// No entry is taken from now on; what was is written, sealed and synced. Go on turning the ring until closed(); no
    /// flush() and no progress any more.
    void close();
    /// True once nothing of this Writer is with the kernel and all is on disk, or cannot be brought there.
    bool closed() const { return state_ == State::closed; }

  private:
    using Stretch = WriterStretch;
    using Batch = WriterBatch;
    using Slot = WriterSlot;
    using Point = WriterPoint;
    using File = WriterFile;
    enum class Spare : uint8_t { none, opening, allocating, listing, ready, discarding };
    enum class State : uint8_t { running, closing, closed };
    static constexpr unsigned slots_max = 8;     // writes with the kernel at a time; one when each is synced
    static constexpr unsigned stretches_max = 8; // without a file yet; append() refuses beyond
    static constexpr uint32_t chunk_bytes = 256 << 10;
    static constexpr uint64_t spare_retry_ns = s_ns;
    static constexpr uint64_t prune_check_every_ns = s_ns;
    static constexpr uint64_t prune_turn_ns = 10 * ms_ns; // while streams take turns, the oldest segment of all first

    Writer(ring::Ring& ring, const WriterOptions& options, int directory, std::unique_ptr<Tail> tail,
           Recovered&& found);
    static std::expected<std::unique_ptr<Tail>, std::string> make_tail(const WriterOptions& options,
                                                                       const std::string& path, const Recovered& found);
    bool keeps_nothing() const { return options_.durability == Durability::off; }
    void notify() {
        if (progress_ != nullptr) progress_(progress_owner_);
    }
    // At the end of every completion: wakes the worker, or, after close(), does its part of the turn.
    void move_on() {
        if (state_ == State::closing) flush();
        else notify();
    }
    bool has_batches() const { return slots_busy_ != 0 || !batches_.empty() || !queue_.open_batch().empty(); }

    // Entries and batches: writer.cc.
    char* begin_entry(size_t payload_bound);
    uint64_t finish_entry(Kind kind, uint32_t exchange, uint32_t payload_bytes);
    template <class E> void append_own(const E& entry) { // The writer's own entries are never refused.
        char* payload =
            room_for(frame_bytes(static_cast<uint32_t>(payload_bound(entry, entry_limits_)))) + frame_head_bytes;
        const char* end = write_payload(payload, entry, entry_limits_);
        finish_entry(E::kind, 0, static_cast<uint32_t>(end - payload));
    }
    char* room_for(size_t frame_size);
    void add_frame(Kind kind, uint32_t exchange, uint32_t payload_bytes);
    void add_seal();
    void fill_block();
    void close_batch();
    void close_large_batch();
    bool goes_directly(const Batch& batch) const;
    bool turn_file_to(bool direct);
    void begin_stretch();
    void end_stretch();
    void carry(std::string_view chunk);
    void carry_batch(std::string_view batch);
    void submit_batches();
    void submit(const Batch& batch);
    void retire_slots();
    bool may_sync() const;
    bool may_wait() const;
    uint64_t write_due_ns() const;
    void sync_if_due();
    void publish_durable(const Point& point);
    void release_to(const Point& point);
    static void on_written(ring::Op& op, ring::Completion done);
    static void on_synced(ring::Op& op, ring::Completion done);
    static void on_file_synced(ring::Op& op, ring::Completion done);

    // Files: writer_files.cc.
    bool quiet() const;
    bool needs_file() const;
    void make_spare();
    void begin_file();
    void write_head();
    void file_died(int error);
    void leave_dead_file();
    void end_unavailability();
    void finish_closing();
    static void on_spare(ring::Op& op, ring::Completion done);
    static void on_head_written(ring::Op& op, ring::Completion done);
    static void on_head_synced(ring::Op& op, ring::Completion done);

    // Old segments: writer_old.cc.
    struct Orphan { // a stream of a former run that had more workers
        uint32_t stream;
        int directory;
        std::vector<OldSegment> segments;
    };
    void adopt_orphans();
    void finish_orphan(uint32_t stream);
    void close_orphans();
    std::vector<OldSegment>* oldest_list(int& orphan);
    void end_aged_stretch();
    void prune();
    void unlink_pruned();
    int prune_directory() const;
    static void on_pruned(ring::Op& op, ring::Completion done);

    ring::Ring& ring_;
    const WriterOptions options_;
    const EntryLimits entry_limits_;
    const int directory_;
    Random random_;
    BufferPool pool_;
    std::unique_ptr<Tail> tail_; // nullptr: none
    FrameQueue queue_;
    void (*progress_)(void*) = nullptr;
    void* progress_owner_ = nullptr;
    WriterFigures figures_;
    State state_ = State::running;

    // The stream's end, in memory.
    uint64_t last_seq_;
    uint64_t last_time_ns_;
    Digest chain_; // after the last closed batch
    uint16_t frame_flags_ = 0;
    uint64_t stretches_begun_ = 0;
    Stretch stretch_;                // the one that append() adds to
    std::vector<Stretch> stretches_; // begun and without a file, as they began
    std::vector<Batch> batches_;     // closed and not submitted

    // The stream's end, on its way to disk.
    uint64_t kept_seq_;
    uint64_t unkept_seq_ = 0;                  // the last entry that is not in the tail
    uint64_t collected_since_ns_ = UINT64_MAX; // when the open batch began
    bool directly_;                            // large batches go past the page cache
    Point written_, durable_;
    Point anchor_; // memory holds everything behind it, and a new file continues there
    uint64_t unsynced_since_ns_ = UINT64_MAX;
    std::array<Slot, slots_max> slots_; // a ring: slots_busy_ from slots_first_ on, in the order of the stream
    unsigned slots_first_ = 0, slots_busy_ = 0;
    ring::Op sync_op_{};
    Point sync_target_;

    // Files.
    File file_;
    int file_error_ = 0;
    bool body_first_ = false;  // what a recovery carries over has no head yet
    uint64_t carried_seq_ = 0; // its last
    alignas(8) std::array<char, segment_head_bytes> head_bytes_{};
    ring::Op head_written_op_{}, head_synced_op_{};
    std::vector<OldSegment> old_;
    uint64_t next_number_;
    Spare spare_ = Spare::none;
    int spare_fd_ = -1;
    uint64_t spare_number_ = 0;
    std::string spare_name_;
    int spare_error_ = 0; // of the last attempt to make one
    uint64_t spare_retry_ns_ = 0;
    ring::Op spare_op_{};
    std::vector<Orphan> orphans_;
    std::vector<std::unique_ptr<Writer>> finishing_; // of orphans, for what their tails held
    std::string prune_name_;
    int prune_orphan_ = -1;  // the index of its stream; -1: this one
    uint64_t prune_seq_ = 0; // of the entry that says so; 0: none is going
    bool prune_unlinked_ = false;
    uint64_t prune_check_ns_ = 0; // when to look next
    bool prune_soon_ = false;     // it is another stream's turn
    ring::Op prune_op_{};

    // The time in which nothing can be written.
    bool failed_ = false;
    int failed_error_ = 0;
    uint64_t failed_since_ns_ = 0, failed_refused_ = 0;
};

} // namespace weir::record
