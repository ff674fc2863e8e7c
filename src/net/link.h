// net/link.h - one connection: bytes in, bytes out, and an end that nothing outlives.
//
// Not a protocol: who owns the link reads input(), consumes, appends to out() and asks for a flush. Completion handlers
// only note what came and wake the host; no step of an exchange runs inside them. TLS is a layer between the received
// slab and input(), and between out() and the send (link_tls.cc, tls.h). What a proxy says before all of that is read
// here too (link_proxy.cc, proxy_header.h).
//
// In: what arrives stays in the kernel's slab while one slab holds all that is unread; a second slab, or the end of the
// turn, gathers the rest into pooled bytes, so that slabs never wait for slow peers. Reading pauses at the window.
// Out: two buffers, one being filled and one being sent, each with room for a body behind it that is sent from where it
// was received; one send in flight at a time.
// End: closing is a join. shutdown, then wait for the last completion of both directions, then the host frees the slot.
#pragma once

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/limits.h"
#include "base/timers.h"
#include "ring/ring.h"

#include <memory>

namespace weir::net {

class Link;
class Tls;
class TlsAway;

/// What a link needs of the worker it lives on, and what it tells it. None of these runs a step.
class LinkHost {
  public:
    virtual ~LinkHost() = default;
    virtual void moved(Link& link) = 0;     // bytes came, were sent, the peer ended or failed, or a connect is through
    virtual void expired(Link& link) = 0;   // its deadline passed
    virtual void can_shake(Link& link) = 0; // octets of a TLS handshake came: call shake_hands(), not now but this turn
    virtual void starved(Link& link) = 0;   // no slab was free: call receive_bulk() after this turn's completions
    virtual void closed(Link& link) = 0;    // nothing of it is with the kernel any more: free it, not now but this turn
    /// The link's PROXY header said who it is for, which `from` is now. False: it is not let in.
    virtual bool presented(Link&) { return true; }
};

class Link {
  public:
    enum class State : uint8_t { connecting, open, lingering, closing, closed };

    /// Bytes of an input with what holds them: those from `at` on.
    struct Taken {
        PaddedBytes bytes;
        size_t at = 0;
        size_t size() const { return bytes.size() - at; }
        std::string_view text() const { return bytes.text().substr(at); }
        void release() {
            bytes.release();
            at = 0;
        }
    };

    Link(LinkHost& host, ring::Ring& ring, Timers& timers, BufferPool& buffers, const Limits& limits);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// Before open() or connect(): what goes over the wire is TLS. The link is `connecting` until its hands are shaken.
    void use_tls(std::unique_ptr<Tls> tls);
    const Tls* tls() const { return tls_.get(); }
    /// Before open(): a PROXY header comes first, before TLS too. The link is `connecting` until it is read; one that is
    /// none ends it (moved() tells, and awaits_proxy_header() still holds).
    void expect_proxy_header() { awaits_proxy_header_ = true; }
    bool awaits_proxy_header() const { return awaits_proxy_header_; }
    /// Steps of the handshake, until it waits for the peer, the turn takes `elapsed_ns_max`, or, if it `may_leave`, the next one
    /// is better taken elsewhere. Whether it can go on at once.
    /// moved() tells when it is through, or has failed (ended() then, and nothing is read or sent but the alert).
    bool shake_hands(uint64_t elapsed_ns_max, bool may_leave = false);
    /// Whether the next step of the handshake is to be taken elsewhere. Only after shake_hands() that may leave.
    bool should_leave() const;
    std::unique_ptr<TlsAway> leave();
    /// The step was taken. can_shake() is told when it goes on.
    void come_back(TlsAway& away);

    /// An accepted descriptor: reading begins.
    void open(int fd);
    /// A new socket on its way to `to`; moved() tells when it is through. False, and error() says why, when no socket can be
    /// made: the link is then as it was, and the host is not told of it again.
    bool connect(const ring::Address& to);

    // In.
    /// All unread bytes, contiguous and padded. Valid until the end of the turn or the next receive_bulk().
    PaddedView input() const;
    void consume(size_t count);
    /// Moves all unread bytes out with what holds them, for another link that sends them on.
    Taken take_input();
    /// The peer will send no more (its end, or an error): what is unread now is the last.
    bool ended() const { return ended_; }
    /// -errno of a failed connection, 0 otherwise.
    int error() const { return error_; }
    /// Reads on until `bytes` are unread (and at least the default window).
    void set_window(size_t bytes);
    /// Copies what is still unread out of the slab and gives it back. The worker calls this at the end of a turn.
    void leave_slab();
    /// Receives past the slabs until the window is full or nothing is there; arms the receive again.
    void receive_bulk();
    void pause_reading();
    void resume_reading();
    /// Receives no more, whatever the window: the memory for it is not there now. Ends with let_read_on().
    void hold_reading();
    void let_read_on();
    /// Whether the peer has reset the connection unheard: a multishot receive that takes the last octets when the reset is
    /// there already waits on, and nothing ever ends it. Asks the kernel once after each time that something came, when
    /// called after a turn's completions; tells the host if so. For links whose owner waits for more.
    void look_for_reset();
    uint64_t bytes_in() const { return bytes_in_; }

    // Out.
    /// Append here, then flush() (or let the worker do it at the end of the turn).
    PaddedBytes& out() { return out_; }
    /// Sends the bytes from `body.at` on behind what is in out(), without a copy. Until body_waits() is over nothing more may
    /// be appended: the host hears of that.
    void send_body(Taken body);
    bool body_waits() const { return body_.size() != 0; }
    void flush();
    /// The host is to hear at once when what is in out() now has been sent, not with what comes next.
    void await_sent() { awaited_ = true; }
    bool flushed() const { return out_.empty() && in_flight_.empty() && (tls_ == nullptr || unsent_of_tls() == 0); }
    size_t unsent() const {
        const size_t plain = out_.size() + body_.size() + in_flight_.size() + body_in_flight_.size() - sent_;
        return plain + (tls_ == nullptr ? 0 : unsent_of_tls());
    }
    bool broken() const { return send_failed_; }
    /// Whether certainly no octet was handed to the socket since bytes_out() was `before`: the send failed with nothing, or
    /// has not begun. A send whose completion is still to come may have sent anything.
    bool nothing_sent_since(uint64_t before) const {
        return bytes_out_ == before && in_flight_.empty() && (send_failed_ || !out_.empty());
    }
    uint64_t bytes_out() const { return bytes_out_; }

    // End.
    State state() const { return state_; }
    bool usable() const { return state_ == State::open; }
    /// Closes at once; unsent bytes are lost.
    void close();
    /// Sends what is unsent, shuts down, then drains what the peer still sends (bounded) so that it can read the answer.
    void linger();

    /// What happens if nothing changes; UINT64_MAX: never.
    void set_deadline(uint64_t at_ns) { deadline_.set(at_ns); }
    void clear_deadline() { deadline_.clear(); }
    uint64_t deadline_ns() const { return deadline_.at_ns(); }

    int fd() const { return fd_; }
    ring::Ring& ring() { return ring_; }

    // The worker's own marks.
    void* owner = nullptr;               // who is woken
    std::shared_ptr<const void> vouched; // what its peer's certificate says, to the worker
    uint32_t server = 0;                 // upstream: of which server
    uint8_t role = 0;
    bool idle = false;                 // upstream: in the list of idle links
    bool counted = false;              // in the limits of connections or upstream links
    bool covered = false;              // by TLS: in the worker's count of those
    bool shaking = false;              // in the limit of handshakes
    bool shaking_away = false;         // its handshake has left for a step
    bool queued_shake = false;         // is in the worker's list of links whose handshake can go on
    bool queued_flush = false;         // is in the worker's list of links to flush at the end of the turn
    bool in_slab_list = false;         // is in the worker's list of links that may hold a slab
    uint32_t address_row = UINT32_MAX; // its peer's in the counts by address
    IpAddress from;                    // who it comes from: its peer, or whom that speaks for
    bool from_proxy = false;           // that is a trusted proxy, which has not said here whom it speaks for
    uint64_t after_seq = 0;            // out() may leave once the record has submitted this entry
    uint64_t carried = 0;              // exchanges it carried
    Link* pool_next = nullptr;
    Link* pool_previous = nullptr;

  private:
    static void on_receive(ring::Op& op, ring::Completion done);
    static void on_send(ring::Op& op, ring::Completion done);
    static void on_connect(ring::Op& op, ring::Completion done);
    void arm_receive();
    void send_next();
    void end_input(int error);
    void drop_unsent();
    void finish_close_when_idle();
    void discard_while_lingering();
    void drop_slab() {
        slab_ = {};
        slab_at_ = 0;
    }
    bool take_proxy_header(std::string_view octets); // link_proxy.cc
    // link_tls.cc
    size_t unsent_of_tls() const;
    bool take_octets(std::string_view octets);
    void read_plain();
    void send_octets(bool with_out);
    void end_of_octets(int error);
    void receive_bulk_octets();
    void tell();
    void fail_tls();

    static constexpr size_t window_default = 64 << 10;
    static constexpr size_t send_piece_max = 256 << 10; // so that a slow reader shows progress
    static constexpr size_t quiet_bytes_max = 8 << 10;  // any socket's buffer has room for it
    static constexpr size_t bulk_piece = 256 << 10;     // one receive past the slabs
    size_t unread() const { return gathered_.size() - gathered_at_ + slab_.text().size() - slab_at_; }

    LinkHost& host_;
    ring::Ring& ring_;
    BufferPool& buffers_;
    const Limits& limits_;
    int fd_ = -1;
    State state_ = State::closed;
    bool ended_ = false;
    bool paused_ = false; // the window is full
    bool held_ = false;   // by hold_reading()
    bool starved_ = false;
    bool awaits_proxy_header_ = false;
    bool send_failed_ = false;
    bool shut_ = false;
    bool awaited_ = false; // the end of the next send
    int error_ = 0;
    ring::Op receive_{};
    ring::Op send_{};
    ring::Slab slab_;
    size_t slab_at_ = 0;
    PaddedBytes gathered_;
    size_t gathered_at_ = 0;
    size_t window_;
    PaddedBytes out_;
    PaddedBytes in_flight_;
    Taken body_, body_in_flight_; // behind out_, behind in_flight_
    size_t sent_ = 0;             // of what is in flight
    iovec pieces_[2]{};
    msghdr message_{};
    uint64_t bytes_in_ = 0;
    uint64_t looked_at_ = 0; // bytes_in_ when it looked for a reset
    uint64_t bytes_out_ = 0;
    uint64_t lingered_bytes_ = 0;
    ring::Address to_{};
    Deadline deadline_;
    std::unique_ptr<Tls> tls_; // none: plain
};

} // namespace weir::net
