// ring/ring.h - the only door to the kernel on a worker: all of its I/O and all of its time.
//
// A small virtual class, so that tests/sim can put a simulated kernel in its place (one indirect call a submission).
// An operation is plain data with a callback (Op): it lives inside its owner, is never moved, and `with_kernel` is true
// exactly while the kernel has it. Its owner outlives its last completion. A callback takes what came, notes it and
// wakes somebody; it submits at most the same operation again.
//
// One thread: everything here is called by the worker that owns the ring.
#pragma once

#include "base/assert.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace weir::ring {

struct Op;

/// One completion. result: as the system call would return it, -errno on failure.
struct Completion {
    int32_t result;
    bool last;         // no further completion of this submission follows
    uint16_t slab = 0; // the lent slab's number + 1; 0: none
};

/// An operation's place in its owner.
struct Op {
    void (*done)(Op&, Completion) = nullptr;
    void* owner = nullptr;
    bool with_kernel = false;
    template <class T> T& owner_as() { return *static_cast<T*>(owner); }
};

/// A receive buffer that the kernel filled and lent; given back on destruction. Must not outlive its Ring.
class Ring;
class Slab {
  public:
    Slab() = default;
    Slab(Ring& ring, uint16_t number, const char* data, uint32_t size)
        : ring_(&ring), data_(data), size_(size), number_(number) {}
    Slab(Slab&& other) noexcept { swap(other); }
    Slab& operator=(Slab&& other) noexcept {
        Slab taken(std::move(other));
        swap(taken);
        return *this;
    }
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;
    ~Slab() { give_back(); }

    explicit operator bool() const { return ring_ != nullptr; }
    /// The received bytes; base/bytes.h's padding_bytes behind them are readable.
    std::string_view text() const { return {data_, size_}; }
    void give_back();

  private:
    void swap(Slab& other) noexcept {
        std::swap(ring_, other.ring_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(number_, other.number_);
    }
    Ring* ring_ = nullptr;
    const char* data_ = nullptr;
    uint32_t size_ = 0;
    uint16_t number_ = 0;
};

/// A socket address: IPv4, IPv6 or a path.
struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// What is written directly begins and ends with such a block, in memory and in the file.
inline constexpr uint32_t direct_block_bytes = 4096;

class Ring {
  public:
    virtual ~Ring() = default;

    // Time, read once a turn.
    virtual uint64_t now_ns() const = 0;     // monotonic
    virtual uint64_t wall_ns() const = 0;    // Unix time
    virtual uint64_t elapsed_ns() const = 0; // since now_ns() was read: how long this turn takes so far

    // Sockets. open and close are immediate; a descriptor may be closed only when no operation on it is with the kernel.
    virtual int open_socket(int family) = 0; // stream, no delay, kept alive; -errno
    virtual void close(int fd) = 0;
    virtual void shutdown(int fd, int how) = 0;
    virtual Address peer(int fd) = 0;              // whom `fd` is connected to; size 0: nobody any more
    virtual void accept(Op& op, int listener) = 0; // many completions: result = the new descriptor
    virtual void receive(Op& op,
                         int fd) = 0; // many completions, each with a slab; 0: the peer is done; -ENOBUFS: no slab
    virtual void connect(Op& op, int fd, const Address& to) = 0; // `to` must live until the completion
    /// Sends all of `bytes` or fails; result = bytes sent. The bytes must stay until the completion.
    virtual void send(Op& op, int fd, std::string_view bytes) = 0;
    /// The same for a few bytes of which nobody waits to hear that they are gone: that they are is told by the first turn
    /// that ends for another reason. Only what keeps them from going at once ends a turn, as it does for send().
    virtual void send_quietly(Op& op, int fd, std::string_view bytes) = 0;
    /// The same for pieces; `message` and what it points at must stay until the completion.
    virtual void send_pieces(Op& op, int fd, const msghdr& message) = 0;
    /// Receives at once what is there into `room`, past the slabs (bulk); -EAGAIN when nothing is. Only when the
    /// connection's `receive` is not armed or this turn's completions have all been delivered.
    virtual ssize_t receive_now(int fd, std::span<char> room) = 0;
    /// What a receive would come to now, without one: 1 something is there, 0 the peer is done, -EAGAIN nothing yet,
    /// -errno the connection broke. Under the same conditions as receive_now().
    virtual int look_ahead(int fd) = 0;
    /// Asks for the end of an operation; its completion still comes (-ECANCELED or a result that was under way).
    virtual void cancel(Op& op) = 0;

    // Files. Descriptors come from open_file and go with close().
    virtual void open_file(Op& op, int directory, const char* path, int flags, uint32_t mode) = 0; // result = fd
    virtual void allocate(Op& op, int fd, uint64_t offset, uint64_t size) = 0;
    /// Writes, then syncs if `synced` is given (linked: it fails with -ECANCELED when the write was short or failed).
    virtual void write(Op& op, int fd, std::string_view bytes, uint64_t offset, Op* synced) = 0;
    /// Whether write_directly() can be done to the file `fd`, for every block of direct_block_bytes.
    virtual bool takes_blocks(int fd) = 0;
    /// Turns `fd`, which takes blocks and has no write with the kernel: later ones are all write_directly(), or all write() again.
    virtual bool turn_direct(int fd, bool direct) = 0;
    /// Writes whole blocks past the page cache.
    virtual void write_directly(Op& op, int fd, std::string_view bytes, uint64_t offset) = 0;
    virtual void sync(Op& op, int fd, bool data_only) = 0;
    virtual void unlink(Op& op, int directory, const char* path) = 0;

    /// One completion for each time another thread called the waker (several calls may make one), until nullptr is given:
    /// others hold the waker, and may call it after `op` has gone.
    virtual void on_wake(Op* op) = 0;

    /// Submits what was prepared, waits until a completion, a wake or `deadline_ns` (monotonic), reads the clock, and
    /// delivers all completions that are there. With `company_ns`, once completions come so close together that several
    /// are to be expected within it, it waits up to that long for more after the first: fewer turns for the same work.
    virtual void turn(uint64_t deadline_ns, uint64_t company_ns = 0) = 0;
    /// Submits what was prepared without waiting or delivering (so that a write is on its way before a send).
    virtual void submit() = 0;

    // Slabs.
    virtual Slab adopt(const Completion& done) = 0; // the slab of a receive's completion with result > 0
    virtual uint32_t slabs_free() const = 0;
    virtual uint32_t slabs_total() const = 0;

  protected:
    friend class Slab;
    virtual void give_back(uint16_t slab) = 0;
};

inline void Slab::give_back() {
    if (ring_ == nullptr) return;
    Ring* ring = ring_;
    ring_ = nullptr;
    ring->give_back(number_);
}

} // namespace weir::ring
