// net/link.cc - the two directions of a connection and the join at its end.
#include "net/link.h"

#include "net/tls.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace weir::net {

Link::Link(LinkHost& host, ring::Ring& ring, Timers& timers, BufferPool& buffers, const Limits& limits)
    : host_(host), ring_(ring), buffers_(buffers), limits_(limits), gathered_(buffers), window_(window_default),
      out_(buffers), in_flight_(buffers),
      deadline_(timers, [](void* self) { static_cast<Link*>(self)->host_.expired(*static_cast<Link*>(self)); }, this) {
    receive_.owner = send_.owner = this;
    receive_.done = on_receive;
    send_.done = on_send;
}

Link::~Link() {
    WEIR_ASSERT(!receive_.with_kernel && !send_.with_kernel);
    WEIR_ASSERT(state_ == State::closed);
}

void Link::open(int fd) {
    fd_ = fd;
    state_ = tls_ == nullptr && !awaits_proxy_header_ ? State::open : State::connecting;
    arm_receive();
}

bool Link::connect(const ring::Address& to) {
    fd_ = ring_.open_socket(to.get()->sa_family);
    if (fd_ < 0) {
        error_ = fd_;
        return false;
    }
    to_ = to;
    state_ = State::connecting;
    send_.done = on_connect;
    ring_.connect(send_, fd_, to_);
    return true;
}

void Link::on_connect(ring::Op& op, ring::Completion done) {
    Link& link = op.owner_as<Link>();
    link.send_.done = on_send;
    if (link.state_ == State::closing) return link.finish_close_when_idle();
    if (done.result < 0) {
        link.end_input(done.result);
    } else {
        link.arm_receive();
        if (link.tls_ != nullptr) return link.host_.can_shake(link);
        link.state_ = State::open;
    }
    link.host_.moved(link);
}

// In.

void Link::arm_receive() {
    if (receive_.with_kernel || ended_ || paused_ || held_ || starved_) return;
    ring_.receive(receive_, fd_);
}

void Link::on_receive(ring::Op& op, ring::Completion done) {
    Link& link = op.owner_as<Link>();
    ring::Slab slab;
    if (done.slab != 0) slab = link.ring_.adopt(done); // First, so that no path below can leak it.
    if (link.state_ == State::closing) return link.finish_close_when_idle();
    if (done.result == -ENOBUFS) { // Our shortage, not the peer's.
        link.starved_ = true;
        return link.host_.starved(link);
    }
    if (done.result == -ECANCELED) { // Paused or held; the end of that may have come meanwhile.
        link.arm_receive();
        return;
    }
    if (done.result <= 0) {
        if (link.tls_ == nullptr) link.end_input(done.result);
        else link.end_of_octets(done.result);
        if (link.state_ == State::lingering) return link.discard_while_lingering();
        return link.host_.moved(link);
    }
    link.bytes_in_ += static_cast<uint64_t>(done.result);
    if (link.state_ == State::lingering) {
        link.lingered_bytes_ += static_cast<uint64_t>(done.result);
        if (link.lingered_bytes_ > link.limits_.linger_bytes_max) return link.close();
        if (done.last) link.arm_receive();
        return;
    }
    if (link.tls_ != nullptr || link.awaits_proxy_header_) [[unlikely]] {
        const bool moved = link.take_octets(slab.text());
        slab.give_back();
        if (done.last) link.arm_receive();
        if (moved) link.tell();
        return;
    }
    if (link.unread() == 0) {
        link.gathered_.clear();
        link.gathered_at_ = 0;
        link.slab_ = std::move(slab);
        link.slab_at_ = 0;
    } else {
        link.leave_slab();
        link.gathered_.append(slab.text());
    }
    if (link.unread() >= link.window_) link.pause_reading();
    if (done.last) link.arm_receive();
    link.host_.moved(link);
}

void Link::end_input(int error) {
    ended_ = true;
    error_ = error;
}

void Link::look_for_reset() {
    if (state_ != State::open || !receive_.with_kernel || ended_ || bytes_in_ == looked_at_) return;
    looked_at_ = bytes_in_;
    const int found = ring_.look_ahead(fd_);
    if (found >= 0 || found == -EAGAIN || found == -EINTR)
        return; // What is there, or an end, the receive hears by itself.
    end_input(found);
    host_.moved(*this);
}

PaddedView Link::input() const {
    if (slab_) {
        const auto text = slab_.text().substr(slab_at_);
        return {text.data(), text.size()};
    }
    return {gathered_.data() + gathered_at_, gathered_.size() - gathered_at_};
}

void Link::consume(size_t count) {
    if (slab_) {
        slab_at_ += count;
        WEIR_ASSERT(slab_at_ <= slab_.text().size());
        if (slab_at_ == slab_.text().size()) drop_slab();
    } else {
        gathered_at_ += count;
        WEIR_ASSERT(gathered_at_ <= gathered_.size());
        if (gathered_at_ == gathered_.size()) {
            gathered_.release();
            gathered_at_ = 0;
        }
    }
    if (paused_ && unread() < window_) resume_reading();
}

void Link::leave_slab() {
    if (!slab_) return;
    WEIR_ASSERT(gathered_.empty() && gathered_at_ == 0);
    if (window_ > window_default) gathered_.reserve(window_);
    gathered_.append(slab_.text().substr(slab_at_));
    drop_slab();
}

Link::Taken Link::take_input() {
    leave_slab();
    Taken taken{std::move(gathered_), std::exchange(gathered_at_, 0)};
    gathered_ = PaddedBytes(buffers_);
    if (paused_) resume_reading();
    return taken;
}

void Link::set_window(size_t bytes) {
    window_ = std::max(bytes, window_default);
    if (paused_ && unread() < window_) resume_reading();
}

void Link::pause_reading() {
    if (paused_) return;
    paused_ = true;
    if (receive_.with_kernel) ring_.cancel(receive_);
}

void Link::resume_reading() {
    if (!paused_) return;
    paused_ = false;
    if (state_ == State::open || state_ == State::lingering)
        arm_receive(); // If the cancel is still under way, its completion arms.
}

void Link::hold_reading() {
    if (std::exchange(held_, true)) return;
    if (receive_.with_kernel) ring_.cancel(receive_);
}

void Link::let_read_on() {
    if (!std::exchange(held_, false)) return;
    if (state_ == State::open || state_ == State::lingering) arm_receive();
}

void Link::receive_bulk() {
    starved_ = false;
    if ((tls_ != nullptr || awaits_proxy_header_) && (state_ == State::open || state_ == State::connecting) && !ended_)
        return receive_bulk_octets();
    if (state_ != State::open || ended_) {
        if (state_ == State::lingering) arm_receive();
        if (state_ == State::closing) finish_close_when_idle();
        return;
    }
    leave_slab();
    bool came = false;
    while (!paused_ && !held_ && !ended_ && unread() < window_) {
        if (gathered_at_ != 0 && gathered_at_ == gathered_.size()) {
            gathered_.clear();
            gathered_at_ = 0;
        }
        gathered_.reserve(std::min(bulk_piece, window_ - unread()));
        const ssize_t got = ring_.receive_now(fd_, {gathered_.data() + gathered_.size(), gathered_.room()});
        if (got == -EAGAIN || got == -EINTR) break;
        came = true;
        if (got <= 0) {
            end_input(static_cast<int>(got));
            break;
        }
        gathered_.grew(static_cast<size_t>(got));
        bytes_in_ += static_cast<uint64_t>(got);
    }
    if (unread() == 0) gathered_.release();
    if (unread() >= window_) pause_reading();
    arm_receive();
    if (came) host_.moved(*this);
}

// Out.

void Link::flush() {
    if (tls_ != nullptr) [[unlikely]] {
        if (state_ == State::open || state_ == State::lingering) send_octets(true);
        return;
    }
    if (send_.with_kernel || !in_flight_.empty() || out_.empty()) return;
    if (state_ != State::open && state_ != State::lingering) return;
    in_flight_.swap(out_);
    body_in_flight_ = std::move(body_);
    body_.release();
    sent_ = 0;
    send_next();
}

void Link::send_body(Taken body) {
    WEIR_ASSERT(!out_.empty() && !body_waits());
    if (tls_ == nullptr) {
        body_ = std::move(body);
        return;
    }
    out_.append(body.text()); // It is encrypted into other memory anyway.
}

void Link::send_next() {
    const auto head = in_flight_.text().substr(std::min(sent_, in_flight_.size()));
    const auto body = body_in_flight_.text().substr(sent_ - (in_flight_.size() - head.size()));
    if (body.empty()) {
        // What fits any socket's buffer leaves at once; where a full queue stops others, its end is waited for.
        const bool quietly = head.size() <= quiet_bytes_max && head.size() < limits_.write_queue_bytes_max &&
                             sent_ == 0 && state_ == State::open && !std::exchange(awaited_, false);
        if (quietly) ring_.send_quietly(send_, fd_, head);
        else ring_.send(send_, fd_, head.substr(0, send_piece_max));
        return;
    }
    const auto piece = [](std::string_view text, size_t bytes_max) {
        return iovec{const_cast<char*>(text.data()), std::min(text.size(), bytes_max)};
    };
    pieces_[0] = piece(head, send_piece_max);
    pieces_[1] = piece(body, send_piece_max - pieces_[0].iov_len);
    message_.msg_iov = pieces_;
    message_.msg_iovlen = 2;
    ring_.send_pieces(send_, fd_, message_);
}

void Link::on_send(ring::Op& op, ring::Completion done) {
    Link& link = op.owner_as<Link>();
    if (link.state_ == State::closing) return link.finish_close_when_idle();
    if (done.result <= 0) {
        link.send_failed_ = true;
        link.drop_unsent();
        if (link.state_ == State::lingering) return link.close();
        return link.host_.moved(link);
    }
    link.sent_ += static_cast<size_t>(done.result);
    link.bytes_out_ += static_cast<uint64_t>(done.result);
    if (link.state_ == State::lingering && !link.shut_)
        link.set_deadline(link.ring_.now_ns() + link.limits_.write_stall_ns_max);
    if (link.sent_ < link.in_flight_.size() + link.body_in_flight_.size()) {
        link.send_next();
        return link.host_.moved(link);
    }
    link.in_flight_.release();
    link.body_in_flight_.release();
    link.sent_ = 0;
    if (link.tls_ != nullptr) link.send_octets(false);
    if (link.state_ == State::lingering) return link.discard_while_lingering();
    link.host_.moved(link);
}

void Link::drop_unsent() {
    in_flight_.release();
    body_in_flight_.release();
    out_.release();
    body_.release();
    sent_ = 0;
}

// End.

void Link::close() {
    if (state_ == State::closing || state_ == State::closed) return;
    state_ = State::closing;
    deadline_.clear();
    drop_slab();
    gathered_.release();
    gathered_at_ = 0;
    if (send_.with_kernel && send_.done == on_connect) ring_.cancel(send_);
    else if (fd_ >= 0) ring_.shutdown(fd_, SHUT_RDWR);
    // The shutdown alone may not end it: under bulk a multishot receive that has just taken what was there can go on
    // waiting on a connection that is gone (seen on Linux 6.18, about once in 3,000 such ends).
    if (receive_.with_kernel && !paused_) ring_.cancel(receive_);
    finish_close_when_idle();
}

void Link::linger() {
    if (state_ != State::open) return close();
    state_ = State::lingering;
    drop_slab();
    gathered_.release();
    gathered_at_ = 0;
    paused_ = held_ = false;
    set_deadline(ring_.now_ns() + limits_.write_stall_ns_max); // of what is unsent; each piece that leaves has as much
    flush();
    discard_while_lingering();
    if (state_ == State::lingering) arm_receive();
}

/// Everything is sent: tell the peer so, and wait for its end until the deadline.
void Link::discard_while_lingering() {
    if (!flushed()) return flush();
    if (tls_ != nullptr && tls_->end()) return flush(); // Our end is said; its completion comes here again.
    if (ended_) return close();
    if (shut_) return;
    shut_ = true;
    ring_.shutdown(fd_, SHUT_WR);
    set_deadline(ring_.now_ns() + limits_.linger_ns_max);
}

void Link::finish_close_when_idle() {
    if (state_ != State::closing || receive_.with_kernel || send_.with_kernel) return;
    state_ = State::closed;
    deadline_.clear();
    drop_unsent();
    tls_.reset();
    if (fd_ >= 0) ring_.close(fd_);
    fd_ = -1;
    host_.closed(*this);
}

} // namespace weir::net
