// record/writer.h - the one who writes a stream: entries in, group commits out, segments made, sealed and pruned.
//
// append() puts an entry into memory and gives it its seq; flush(), once a turn, hands what was collected to the kernel
// as one batch that ends in a mark. What may be done about an entry when:
//   durability off, batch   once submitted_seq() covers it: its write was handed to the kernel before anything else is
//   durability strict       once durable_seq() covers it: write and fdatasync, linked, have returned
// In `batch` a written batch is synced within sync_ns_max.
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
#include "record/segment.h"
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
    LogId log{};           // record/recovery.h: log_identity
    uint64_t seed = 0;     // of the salts
    Durability durability = Durability::batch;
    uint64_t segment_bytes = uint64_t{64} << 20;
    uint64_t queue_bytes_max = uint64_t{64} << 20; // of entries that are not synced yet; append() refuses beyond
    uint64_t sync_ns_max = 50 * ms_ns;
    uint64_t retain_bytes = 0;                     // of this stream; 0: sealed segments are kept
    uint32_t body_bytes_max = 1 << 20;
};

struct WriterFigures {
    uint64_t entries = 0, batches = 0, syncs = 0, bytes = 0, segments = 0, segments_died = 0, pruned = 0, refused = 0;
};

class Writer {
  public:
    /// Looks at what a former run left (blocking), and begins the stream's next segment. `ring` must outlive the Writer.
    ///
    /// Errors, with a text for the operator in `why`:
    ///   corrupt    the record is damaged: nothing is written until a person has looked
    ///   io_failed  the directory cannot be read or made
    static Result<std::unique_ptr<Writer>> open(ring::Ring& ring, const WriterOptions& options, std::string& why);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// `progress(owner)` is called whenever submitted_seq(), durable_seq() or failed() changed: it only wakes somebody.
    void on_progress(void (*progress)(void*), void* owner) {
        progress_ = progress;
        progress_owner_ = owner;
    }

    /// Takes an entry into the stream and gives its seq. `exchange` ties entries together; 0: of no exchange.
    ///
    /// Errors:
    ///   record_unavailable  the queue is full, or there is no segment to write to: refuse the call
    template <class E> Result<uint64_t> append(uint32_t exchange, const E& entry) {
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
        return seq <= (options_.durability == Durability::strict ? durable_.seq : submitted_seq_);
    }
    uint64_t last_seq() const { return last_seq_; }
    uint64_t submitted_seq() const { return submitted_seq_; }
    uint64_t written_seq() const { return written_.seq; }
    uint64_t durable_seq() const { return durable_.seq; }
    /// True while entries are refused, or can not be brought to a disk.
    bool failed() const { return failed_; }
    uint64_t queued_bytes() const { return queue_.bytes(); }
    const WriterFigures& figures() const { return figures_; }

    /// No entry is taken from now on; what was is written, sealed and synced. Go on turning and flushing until closed().
    void close();
    /// True once nothing of this Writer is with the kernel and all is on disk, or cannot be brought there.
    bool closed() const { return state_ == State::closed; }

  private:
    // A stretch of the stream that becomes one segment. Made when its first frame is, before its file is known.
    struct Stretch {
        uint64_t id = 0;
        uint64_t first_seq = 0;
        Salt salt{};
        uint32_t salt_crc = 0;
        Digest chain{};        // before its first batch
        uint64_t position = 0; // where the next frame will lie in the file
        uint64_t entries = 0;
        bool sealed = false;
    };
    // A batch that was closed by its mark.
    struct Batch {
        std::string_view bytes;
        uint64_t stretch = 0;
        uint64_t last_seq = 0;
        Digest chain{}; // after it
        bool seals = false;
    };
    struct Slot { // a batch that is with the kernel
        ring::Op written{}, synced{};
        Batch batch;
        uint64_t offset = 0;
        bool busy = false, write_done = false, good = false;
    };
    struct Point { // a place in the stream, after a mark
        uint64_t seq = 0;
        Digest chain{};
        uint64_t segment = 0, end = 0;
    };
    struct File { // the segment that is being written
        int fd = -1;
        uint64_t number = 0, first_seq = 0, stretch = 0, position = 0;
        bool dead = false;
        enum class Stage : uint8_t { none, body_first, head, live } stage = Stage::none;
    };
    enum class Spare : uint8_t { none, opening, allocating, listing, ready, discarding };
    enum class State : uint8_t { running, closing, closed };
    static constexpr unsigned slots_max = 8;
    static constexpr unsigned stretches_max = 8;
    static constexpr uint32_t chunk_bytes = 256 << 10;
    static constexpr uint64_t spare_retry_ns = s_ns;

    Writer(ring::Ring& ring, const WriterOptions& options, int directory, Recovered&& found);

    // Entries and batches: writer.cc.
    char* begin_entry(size_t payload_bound);
    uint64_t finish_entry(Kind kind, uint32_t exchange, uint32_t payload_bytes);
    char* room_for(size_t frame_size);
    void add_frame(Kind kind, uint32_t exchange, uint32_t payload_bytes, uint64_t time_ns, uint64_t seq);
    void close_batch(bool seals);
    void end_stretch();
    void begin_stretch(uint64_t first_seq, const Digest& chain);
    void add_seal(uint64_t time_ns);
    template <class E> void append_own(const E& entry);
    void carry(std::string_view frames);
    void submit_batches();
    void submit(Slot& slot, const Batch& batch);
    void retire_slots();
    void sync_if_due();
    void publish_durable(const Point& point);
    void notify() {
        if (progress_ != nullptr) progress_(progress_owner_);
    }
    static void on_written(ring::Op& op, ring::Completion done);
    static void on_synced(ring::Op& op, ring::Completion done);
    static void on_file_synced(ring::Op& op, ring::Completion done);

    // Files: writer_files.cc.
    void make_spare();
    void begin_file();
    void file_died(int error);
    void write_head();
    void move_to_spare();
    void prune();
    void finish_closing();
    bool quiet() const;
    static void on_head_written(ring::Op& op, ring::Completion done);
    static void on_head_synced(ring::Op& op, ring::Completion done);
    static void on_spare(ring::Op& op, ring::Completion done);
    static void on_pruned(ring::Op& op, ring::Completion done);
    static void on_directory_synced(ring::Op& op, ring::Completion done);

    ring::Ring& ring_;
    const WriterOptions options_;
    const EntryLimits entry_limits_;
    int directory_ = -1;
    Random random_;
    BufferPool pool_;
    FrameQueue queue_;
    void (*progress_)(void*) = nullptr;
    void* progress_owner_ = nullptr;
    WriterFigures figures_;
    State state_ = State::running;
    bool failed_ = false;

    // The stream's end, in memory.
    uint64_t last_seq_ = 0;
    uint64_t last_time_ns_ = 0;
    uint32_t open_room_ = 0; // payload bytes that begin_entry promised
    Digest chain_{};         // after the last closed batch
    Stretch stretch_;        // the one that append() adds to
    std::vector<Stretch> stretches_; // begun, without a file; the last is stretch_ as it began
    std::vector<Batch> batches_;     // closed, not submitted; a ring of fixed size
    size_t batches_first_ = 0, batches_count_ = 0;

    // The stream's end, on disk.
    uint64_t submitted_seq_ = 0;
    Point written_, durable_; // durable_ as told to the world
    uint64_t anchor_seq_ = 0; // not kept in memory any more up to here
    uint64_t unsynced_since_ns_ = UINT64_MAX;
    std::array<Slot, slots_max> slots_;
    unsigned slot_first_ = 0, slots_busy_ = 0;
    File file_;
    ring::Op sync_op_{};
    Point sync_target_;
    bool sync_failed_ = false;

    // Making and ending files.
    ring::Op head_written_op_{}, head_synced_op_{}, spare_op_{}, prune_op_{}, directory_op_{};
    alignas(8) std::array<char, segment_head_bytes> head_bytes_{};
};

} // namespace weir::record
