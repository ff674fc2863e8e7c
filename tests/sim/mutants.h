// tests/sim/mutants.h - kernels and mail that make weir look as if it had a fault, to see that the checks find it.
//
// Each breaks one promise at a seam, where weir's own code cannot tell: what the checks do not find here they would not
// find in weir either.
#pragma once

#include "actors.h"
#include "post/approvals.h"
#include "sim_ring.h"

#include <list>

namespace weir::sim {

enum class Mutant : uint8_t {
    none,
    forward_before_record,
    answer_twice,
    leak_slab,
    forward_after_close,
    leak_masked,
    skip_hold,
    double_consume,
    run_after_expiry,
    decide_unstored,
    forget_sync,
    forget_database_sync,
    forget_kept
};

class MutantRing final : public SimRing {
  public:
    MutantRing(Mutant mutant, Net& net, uint32_t slabs, uint32_t slab_bytes)
        : SimRing(net, slabs, slab_bytes), mutant_(mutant) {}

    /// forward_before_record: the record's write goes to the kernel after what it tells of has left.
    void write(ring::Op& op, int fd, std::string_view bytes, uint64_t offset, ring::Op* synced) override {
        if (mutant_ != Mutant::forward_before_record) return SimRing::write(op, fd, bytes, offset, synced);
        op.with_kernel = true;
        if (synced != nullptr) synced->with_kernel = true;
        net_.after(net_.delay(), [this, &op, fd, bytes, offset, synced] {
            op.with_kernel = false;
            if (synced != nullptr) synced->with_kernel = false;
            SimRing::write(op, fd, bytes, offset, synced);
        });
    }
    /// answer_twice: now and then a client gets a whole answer once more. leak_masked: it sees a piece of what is masked.
    void send(ring::Op& op, int fd, std::string_view bytes) override {
        const Socket* socket = find_socket(fd);
        if (mutant_ == Mutant::leak_masked && socket != nullptr && !socket->outbound)
            if (const size_t at = bytes.find("xxxxx"); at != std::string_view::npos)
                bytes = leaked_.emplace_back(bytes).replace(at, 5, veiled, 5);
        SimRing::send(op, fd, bytes);
        socket = find_socket(fd);
        if (socket == nullptr || !socket->end) return;
        if (socket->outbound && mutant_ == Mutant::forward_after_close) last_sent_[fd] = bytes;
        const bool taken = socket->sent == static_cast<int32_t>(bytes.size()) && !socket->end->finished;
        if (!socket->outbound && mutant_ == Mutant::answer_twice && taken && is_answer(bytes) && ++count_ % 10 == 0)
            net_.transmit(socket->end, std::string(bytes));
    }
    /// forward_after_close: what was sent last on a connection that weir closes is sent once more.
    void close(int fd) override {
        const Socket* socket = find_socket(fd);
        const auto end = socket == nullptr ? nullptr : socket->end;
        SimRing::close(fd);
        const auto last = last_sent_.find(fd);
        if (mutant_ == Mutant::forward_after_close && end && last != last_sent_.end()) net_.transmit(end, last->second);
        if (last != last_sent_.end()) last_sent_.erase(last);
    }

  protected:
    /// forget_sync: the record's syncs return, and nothing is on disk.
    bool forgets_syncs() const override { return mutant_ == Mutant::forget_sync; }
    /// leak_slab: one in a hundred is never seen again.
    void give_back(uint16_t slab) override {
        if (mutant_ == Mutant::leak_slab && ++count_ % 100 == 0) return;
        SimRing::give_back(slab);
    }

  private:
    /// Whether `bytes` are one response from its head to its last octet.
    static bool is_answer(std::string_view bytes) {
        Received answer;
        return bytes.starts_with("HTTP/1.1 200") && answer.read(bytes) && answer.size == bytes.size() &&
               !answer.event_stream && answer.body.starts_with("{\"jsonrpc\"");
    }
    Mutant mutant_;
    uint64_t count_ = 0;
    std::map<int, std::string> last_sent_;
    std::list<std::string> leaked_; // stay where they are while they are sent
};

/// What stands between the docket and the workers, and lies to these about what people said.
class MutantPost {
  public:
    explicit MutantPost(Mutant mutant) : mutant_(mutant) {}
    void asks(uint32_t worker, const post::ApprovalAsk& ask) {
        Asker& asker = askers_[{worker, ask.waiter.index}];
        if (ask.call) asker.body = ask.call->body;
        asker.claims = ask.kind == post::ApprovalAsk::Kind::claim;
    }
    /// skip_hold: what waits is called approved. run_after_expiry: so is what is over. double_consume: a grant that somebody
    /// else has is given once more.
    void tells(uint32_t worker, post::ApprovalNews& news) {
        using State = post::TicketState;
        const State state = news.state;
        const bool waits = state == State::pending, runs = state == State::executing && !news.granted;
        const bool over = state == State::expired || state == State::denied || state == State::withdrawn;
        const Asker& asker = askers_[{worker, news.waiter.index}];
        const bool lies = (mutant_ == Mutant::skip_hold && waits) || (mutant_ == Mutant::run_after_expiry && over) ||
                          (mutant_ == Mutant::double_consume && runs && asker.claims);
        if (!lies) return;
        news.state = asker.claims ? State::executing : State::approved;
        news.granted = asker.claims;
        news.body = asker.body;
    }

  private:
    struct Asker {
        std::string body;
        bool claims = false;
    };
    const Mutant mutant_;
    std::map<std::pair<uint32_t, uint32_t>, Asker> askers_; // by worker and its exchange's slot
};

} // namespace weir::sim
