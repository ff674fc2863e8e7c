// tests/record/file_ring.h - a Ring that has files only: real ones, written at once, with faults on demand and a trace.
//
// Completions come at the next turn, in the order of submission. The clock stands still but for what turn() and wait()
// add. The trace holds every write and sync in order, so that crash states can be built from it (crash_states.h).
#pragma once

#include "ring/ring.h"

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace weir::record::test {

struct Event {
    enum class Kind : uint8_t { create, allocate, write, sync, sync_failed, sync_directory, unlink } kind;
    std::string name; // of the file
    uint64_t offset = 0;
    std::string bytes;
    uint64_t size = 0;
};

/// What goes wrong: the `after`-th next operation of a kind (0: the very next) gives `result`; `count` of them in a row.
struct Fault {
    Event::Kind kind;
    uint64_t after = 0;
    int32_t result = 0; // of a write: as many bytes are written, or -errno and none
    uint64_t count = 1;
};

class FileRing final : public ring::Ring {
  public:
    ~FileRing() override;

    std::vector<Event> trace;
    std::vector<Fault> faults;
    uint64_t syncs = 0;
    bool tracing = false;
    bool takes_whole_blocks = true; // can write past the page cache
    uint64_t direct_bytes = 0;      // that were written so
    bool held = false;              // completions wait while this is set
    int32_t direct_fault = 0;       // what write_directly() comes to, if not 0
    bool direct_held = false;       // those of write_directly() do
    /// The clock goes on.
    void wait(uint64_t ns) { now_ns_ += ns, wall_ns_ += ns; }
    /// The process dies: nothing that was submitted completes any more.
    void crash();
    bool idle() const { return ready_.empty(); }

    uint64_t now_ns() const override { return now_ns_; }
    uint64_t wall_ns() const override { return wall_ns_; }
    uint64_t elapsed_ns() const override { return 0; }
    void turn(uint64_t deadline_ns, uint64_t company_ns = 0) override;
    void submit() override {}
    void close(int fd) override;
    void open_file(ring::Op& op, int directory, const char* path, int flags, uint32_t mode) override;
    void allocate(ring::Op& op, int fd, uint64_t offset, uint64_t size) override;
    void write(ring::Op& op, int fd, std::string_view bytes, uint64_t offset, ring::Op* synced) override;
    void write_directly(ring::Op& op, int fd, std::string_view bytes, uint64_t offset) override;
    bool takes_blocks(int) override { return takes_whole_blocks; }
    bool turn_direct(int fd, bool direct) override;
    void sync(ring::Op& op, int fd, bool data_only) override;
    void unlink(ring::Op& op, int directory, const char* path) override;

    // There are no sockets here.
    int open_socket(int) override { return none(); }
    void shutdown(int, int) override { none(); }
    ring::Address peer(int) override { return none(), ring::Address(); }
    void accept(ring::Op&, int) override { none(); }
    void receive(ring::Op&, int) override { none(); }
    void connect(ring::Op&, int, const ring::Address&) override { none(); }
    void send(ring::Op&, int, std::string_view) override { none(); }
    void send_quietly(ring::Op&, int, std::string_view) override { none(); }
    void send_pieces(ring::Op&, int, const msghdr&) override { none(); }
    ssize_t receive_now(int, std::span<char>) override { return none(); }
    int look_ahead(int) override { return none(); }
    void cancel(ring::Op&) override { none(); }
    void on_wake(ring::Op*) override { none(); }
    ring::Slab adopt(const ring::Completion&) override { return none(), ring::Slab(); }
    uint32_t slabs_free() const override { return 0; }
    uint32_t slabs_total() const override { return 0; }

  protected:
    void give_back(uint16_t) override {}

  private:
    static int none() { WEIR_ASSERT(false); }
    struct Direct { // what is in the file once it is over, and not before
        int fd = -1;
        std::string_view bytes{};
        uint64_t offset = 0;
    };
    struct Ready {
        ring::Op* op;
        int32_t result;
        Direct direct{};
    };
    void put(int fd, std::string_view bytes, uint64_t offset);
    void begin(ring::Op& op);
    bool faulty(Event::Kind kind, int32_t& result);
    int32_t sync_now(int fd);

    uint64_t now_ns_ = 1'000'000'000;
    uint64_t wall_ns_ = 1'700'000'000'000'000'000;
    std::deque<Ready> ready_;
    std::map<int, std::string> names_;
    std::set<int> direct_;
};

} // namespace weir::record::test
