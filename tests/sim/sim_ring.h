// tests/sim/sim_ring.h - a kernel that is a toy: sockets are byte pipes, time stands still until everybody has moved,
// and a seed decides what goes wrong.
//
// One Net for all rings and actors of a world. A SimRing is the Ring of one worker; actors (clients, upstreams) hold
// Ends of pipes directly. Nothing here blocks and nothing reads a real clock. File operations act on real files in a
// temporary directory, with faults drawn in between; what of them a power cut would leave is the Net's disk to say
// (sim_files.cc).
#pragma once

#include "base/bytes.h"
#include "base/random.h"
#include "record/disk.h"
#include "ring/ring.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace weir::sim {

/// Which faults exist in this world at all, and how often. Drawn once per seed ("swarm"): most worlds have few of them.
struct Faults {
    uint32_t short_read_percent = 0; // a receive gets only part of what is there
    uint32_t slow_send_percent = 0;  // bytes sent arrive in several pieces, with time between
    uint32_t reset_permille = 0;     // a send or receive meets a reset, at any octet
    uint32_t no_slab_percent = 0;    // a receive finds no slab though one is free
    uint32_t no_socket_percent = 0;  // no descriptor is left
    uint32_t connect_fail_percent = 0;
    uint32_t connect_never_percent = 0;
    uint32_t lost_cancel_percent = 0;  // a cancel comes too late: the operation completes by itself
    uint32_t clock_jump_permille = 0;  // the clock jumps ahead by seconds
    uint32_t short_write_permille = 0; // of a file
    uint32_t sync_fail_permille = 0;
    uint32_t slow_mail_permille = 0; // between a worker or a person and the docket
    uint32_t full_box_permille = 0;
    uint32_t stall_permille = 0;    // the docket's thread stands still after a turn
    uint32_t database_permille = 0; // its database has trouble from a turn on (database.h)
    uint32_t delay_us_max = 200;    // of everything
};
Faults draw_faults(Random& random);

/// One end of a connection. Bytes written here arrive in `peer->inbound`.
struct End {
    std::string inbound;   // arrived, not read
    size_t inbound_at = 0; // read so far
    std::shared_ptr<End> peer;
    uint32_t address = 0x7f000001; // IPv4, of its holder
    bool peer_closed = false;      // no more will arrive
    bool reset = false;
    bool closed = false;          // by its holder
    bool finished = false;        // its holder said that it sends no more
    size_t coming = 0;            // on their way here
    uint64_t last_arrival_ns = 0; // of what is on its way here: bytes keep their order
    /// As much as a socket's buffers hold: a send waits until its reader has taken enough.
    bool full() const { return coming + inbound.size() - inbound_at > window_bytes; }
    static constexpr size_t window_bytes = 128 << 10;
    std::string_view unread() const { return std::string_view(inbound).substr(inbound_at); }
    void read(size_t count);
};

/// Time, and everything that is on its way.
class Net {
  public:
    ~Net();
    explicit Net(uint64_t seed) : random(seed) { faults = draw_faults(random); }
    uint64_t now_ns = 1'000'000'000'000;
    uint64_t wall_ns = 1'700'000'000'000'000'000;
    Random random;
    Faults faults;
    bool faults_on = true;
    record::test::Disk disk; // of all files, by their paths

    void after(uint64_t delay_ns, std::function<void()> act);
    uint64_t delay() { return 1000 + random.below(uint64_t{faults.delay_us_max} * 1000 + 1); }
    /// Runs what is due at `now_ns`. True if something was.
    bool run_due();
    /// When the next thing is due; UINT64_MAX: never.
    uint64_t next_ns() const { return pending_.empty() ? UINT64_MAX : pending_.begin()->first; }
    bool roll(uint32_t chance, uint32_t of) { return faults_on && chance != 0 && random.below(of) < chance; }

    /// Bytes from `from` to its peer, arriving later, in order, perhaps in pieces. What is sent behind an end is a broken
    /// promise of whoever sends it.
    void transmit(const std::shared_ptr<End>& from, std::string bytes);
    void shut(const std::shared_ptr<End>& from);
    void reset(const std::shared_ptr<End>& end);

    struct Listener {
        std::deque<std::shared_ptr<End>> waiting; // the server's ends
        bool open = true;
    };
    std::map<uint16_t, std::shared_ptr<Listener>> listeners; // by port
    /// A connection to `port` from `address`; nullptr if nobody listens.
    std::shared_ptr<End> connect(uint16_t port, uint32_t address = 0x7f000001);

  private:
    std::vector<std::weak_ptr<End>> ends_; // one of each pipe
    std::multimap<uint64_t, std::function<void()>> pending_;
};

/// The Ring of one worker.
class SimRing : public ring::Ring {
  public:
    SimRing(Net& net, uint32_t slabs, uint32_t slab_bytes);
    ~SimRing() override;

    /// A descriptor that accept() can be asked of.
    int listen(uint16_t port);
    /// Delivers what has completed. The world calls it through Worker::turn(); it never waits.
    void turn(uint64_t deadline_ns, uint64_t company_ns = 0) override;
    bool has_completions() const { return !ready_.empty() || (wake_pending_ && wake_op_ != nullptr); }
    uint64_t deadline_ns() const { return deadline_ns_; } // of the last turn
    void wake() { wake_pending_ = true; }
    /// The process is gone: its sockets are closed by the kernel, and nothing completes any more.
    void die();
    size_t descriptors() const { return sockets_.size() + listeners_.size(); }
    /// The last entry of the record whose write was submitted, and the last that write and sync have returned for: as the
    /// kernel saw it, whatever the writer believes.
    uint64_t submitted_seq() const { return submitted_seq_; }
    uint64_t durable_seq() const { return durable_seq_; }
    /// Called for every send on a connection that this ring opened, before a byte of it leaves.
    std::function<void(std::string_view bytes)> on_upstream_send;

    uint64_t now_ns() const override { return now_ns_; }
    uint64_t wall_ns() const override { return net_.wall_ns; }
    uint64_t elapsed_ns() const override { return 1000; }
    int open_socket(int family) override;
    void close(int fd) override;
    void shutdown(int fd, int how) override;
    ring::Address peer(int fd) override;
    void accept(ring::Op& op, int listener) override;
    void receive(ring::Op& op, int fd) override;
    void connect(ring::Op& op, int fd, const ring::Address& to) override;
    void send(ring::Op& op, int fd, std::string_view bytes) override;
    void send_quietly(ring::Op& op, int fd, std::string_view bytes) override;
    void send_pieces(ring::Op& op, int fd, const msghdr& message) override;
    ssize_t receive_now(int fd, std::span<char> room) override;
    int look_ahead(int fd) override;
    void cancel(ring::Op& op) override;
    void open_file(ring::Op& op, int directory, const char* path, int flags, uint32_t mode) override;
    void allocate(ring::Op& op, int fd, uint64_t offset, uint64_t size) override;
    void write(ring::Op& op, int fd, std::string_view bytes, uint64_t offset, ring::Op* synced) override;
    void write_directly(ring::Op& op, int fd, std::string_view bytes, uint64_t offset) override;
    bool takes_blocks(int) override { return true; }
    bool turn_direct(int fd, bool direct) override;
    void sync(ring::Op& op, int fd, bool data_only) override;
    void unlink(ring::Op& op, int directory, const char* path) override;
    void on_wake(ring::Op* op) override { wake_op_ = op; }
    void submit() override {}
    ring::Slab adopt(const ring::Completion& done) override;
    uint32_t slabs_free() const override { return static_cast<uint32_t>(free_slabs_.size()); }
    uint32_t slabs_total() const override { return slabs_; }
    /// Looks at armed receives and accepts: called by the world whenever bytes moved.
    void look();

  protected:
    void give_back(uint16_t slab) override;
    /// forget_sync (mutants.h): what says that it is on disk is not.
    virtual bool forgets_syncs() const { return false; }

    struct Socket {
        std::shared_ptr<End> end; // nullptr: not connected yet
        bool outbound = false;    // opened here
        ring::Op* receiving = nullptr;
        ring::Op* connecting = nullptr;
        ring::Op* sending = nullptr;
        int32_t sent = 0;     // what `sending` will complete with
        bool waiting = false; // `sending` waits for its reader
    };
    Socket* find_socket(int fd) {
        const auto found = sockets_.find(fd);
        return found == sockets_.end() ? nullptr : &found->second;
    }
    Net& net_;

  private:
    struct Ready {
        ring::Op* op;
        ring::Completion done;
    };
    void begin(ring::Op& op);
    void complete(ring::Op& op, ring::Completion done) { ready_.push_back({&op, done}); }
    void complete_later(ring::Op& op, int32_t result);
    void receive_one(Socket& socket);
    void finish_send(Socket& socket);
    struct File {
        std::string path;
        uint64_t written_seq = 0; // the last entry that a whole write has put there
        unsigned writes = 0;      // with the kernel
        bool direct = false;      // takes whole blocks
    };
    void note_submitted(std::string_view bytes);
    void end_write(int fd, uint64_t last_seq);
    static uint64_t last_seq_in(std::string_view bytes);
    void close_files();
    void finish_sync(ring::Op& op, int fd, std::string path, int32_t result);

    uint64_t now_ns_;
    uint32_t slabs_, slab_bytes_;
    std::vector<char> memory_;
    std::vector<uint16_t> free_slabs_;
    std::map<int, Socket> sockets_;
    std::map<int, std::pair<std::shared_ptr<Net::Listener>, ring::Op*>> listeners_;
    std::deque<Ready> ready_;
    std::deque<Ready> quiet_; // sends that are over, told by the next turn that something else ends
    bool quietly_ = false;    // the send that begins is one of these
    ring::Op* wake_op_ = nullptr;
    bool wake_pending_ = false;
    uint64_t deadline_ns_ = 0;
    uint64_t submitted_seq_ = 0, durable_seq_ = 0;
    std::map<int, File> files_; // by descriptor
    std::set<int> directories_; // of the files: their writer's
    int next_fd_ = 1'000'000;   // far from real descriptors, which files have
    bool dead_ = false;
};

} // namespace weir::sim
