// net/link_tls.cc - the layer of TLS in a link: octets between the kernel and Tls, plain text between Tls and the owner.
//
// Nothing of the protocol is here (tls.h). A record is decrypted when it comes and encrypted when it goes, a piece of at
// most send_piece_max or bulk_piece octets a turn, so that a large body does not hold the worker up.
#include "net/link.h"
#include "net/tls.h"

#include <algorithm>
#include <cerrno>

namespace weir::net {

void Link::use_tls(std::unique_ptr<Tls> tls) {
    WEIR_ASSERT(state_ == State::closed && fd_ < 0);
    tls_ = std::move(tls);
}

size_t Link::unsent_of_tls() const { return tls_->waiting() + tls_->wire().size(); }

bool Link::shake_hands(uint64_t elapsed_ns_max, bool may_leave) {
    if (tls_ == nullptr || state_ != State::connecting || ended_) return false;
    while (tls_->can_step() && !(may_leave && tls_->should_leave())) {
        tls_->step();
        if (ring_.elapsed_ns() >= elapsed_ns_max) break;
    }
    send_octets(false);
    if (tls_->state() == Tls::State::failed) {
        state_ = State::open; // So that the alert may leave.
        fail_tls();
    } else if (tls_->handshaking()) {
        return tls_->can_step() && !(may_leave && tls_->should_leave());
    } else {
        state_ = State::open;
        read_plain(); // What came with the last octets of the handshake.
    }
    host_.moved(*this);
    return false;
}

bool Link::should_leave() const {
    return tls_ != nullptr && state_ == State::connecting && !ended_ && tls_->can_step() && tls_->should_leave();
}

std::unique_ptr<TlsAway> Link::leave() { return tls_->leave(); }

void Link::come_back(TlsAway& away) {
    if (tls_ == nullptr || state_ != State::connecting) return; // It is closing.
    tls_->come_back(away);
    host_.can_shake(*this);
}

// In.

/// Whether that is anything to its owner: a ticket, or half of a record, is not.
bool Link::take_octets(std::string_view octets) {
    if (ended_) return false; // The peer said that nothing follows.
    if (awaits_proxy_header_) return take_proxy_header(octets);
    tls_->feed(octets);
    if (state_ != State::open) return true;
    const size_t before = unread();
    read_plain();
    return ended_ || unread() != before;
}

void Link::read_plain() {
    if (unread() == 0) {
        gathered_.clear();
        gathered_at_ = 0;
        if (window_ > window_default) gathered_.reserve(window_);
    }
    tls_->read(gathered_);
    if (unread() == 0) gathered_.release();
    if (tls_->state() == Tls::State::ended) end_input(0);
    if (tls_->state() == Tls::State::failed) fail_tls();
    if (unread() >= window_) pause_reading();
    send_octets(false);
}

void Link::fail_tls() {
    end_input(-EPROTO);
    send_failed_ = true;
    out_.release();
}

/// The connection ended. Without a word of the peer before it, it was cut, and what came may be a part.
void Link::end_of_octets(int error) {
    if (!ended_) end_input(error == 0 ? -ECONNABORTED : error);
}

/// One piece; if there is more, the next receive finds no slab again.
void Link::receive_bulk_octets() {
    PaddedBytes piece(buffers_, bulk_piece);
    ssize_t got = -EAGAIN;
    if (!paused_ && !held_) got = ring_.receive_now(fd_, {piece.data(), bulk_piece});
    bool moved = false;
    if (got > 0) {
        bytes_in_ += static_cast<uint64_t>(got);
        moved = take_octets({piece.data(), static_cast<size_t>(got)});
    } else if (got != -EAGAIN && got != -EINTR) {
        end_of_octets(static_cast<int>(got));
        moved = true;
    }
    arm_receive();
    if (moved) tell();
}

void Link::tell() {
    if (state_ == State::connecting && !ended_) host_.can_shake(*this);
    else host_.moved(*this);
}

// Out.

/// Sends what is encrypted, and encrypts more when nothing of that is left: what an earlier flush() took, then out(),
/// which only a flush() may begin with.
void Link::send_octets(bool with_out) {
    if (send_.with_kernel || !in_flight_.empty()) return;
    if (state_ == State::open || state_ == State::lingering) {
        if (with_out && tls_->waiting() == 0 && !out_.empty()) {
            if (tls_->state() == Tls::State::failed) out_.release();
            else tls_->take(out_);
        }
        tls_->encrypt(send_piece_max);
    }
    if (tls_->wire().empty()) return;
    in_flight_.swap(tls_->wire());
    sent_ = 0;
    send_next();
}

} // namespace weir::net
