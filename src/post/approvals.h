// post/approvals.h - what workers and the control thread `store` tell each other about calls that wait for people.
//
// Plain data, moved, never shared. A worker asks for one waiter (an exchange, by its Ref) at a time; the store answers every
// submit and every claim exactly once (`answer`), and tells a waiter of each change of its ticket until it leaves or is told of
// a final state: also between a claim and its answer. What the store has told is durable, in the database and in the record's stream `control`, before it is told.
//
//   submit     the call is to be held. A ticket for a tool that was defined otherwise is over with it, and a new one made.
//              Answer: the ticket's state: `pending` (new, or joined: the same digest), or any other state of a ticket of the same
//              digest that still stands: approved (claim it), executing (somebody else's call runs; news follows), answered (with
//              the answer, if nobody has received it yet), denied, expired, ambiguous.
//              `unavailable` when there is no ticket: the store cannot write, or a cap is reached (`text` says which).
//   claim      approved -> executing, for this waiter alone, by compare-and-set. Answer: `executing` with `granted`, and
//              `body` is what is to be forwarded; or the state that stands instead.
//   put_back   executing -> approved: not one octet had left for the upstream, or (`body` says it) the call asks its client for
//              input before it does anything. No answer.
//   finish     executing -> answered (`body`: the client's answer, a JSON-RPC message) or ambiguous. Answer: that state.
//   delivered  the answer was wholly written to a client: it is kept for those alone who waited with it. No answer.
//   leave      nobody waits here any more; the ticket stays. No answer.
#pragma once

#include "approve/decider.h"
#include "base/pool.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::post {

/// The call that is to be held, as the ticket keeps it.
struct HeldCall {
    std::array<uint8_t, 32> digest{};     // approve/digest.h
    std::string principal;                // its key
    std::string person;                   // how it is shown
    approve::Asker asker;                 // who must not decide
    std::string client;                   // what the client calls itself
    std::string server, method, name;     // name: the tool, prompt or URI
    std::array<uint8_t, 32> definition{}; // of the tool, as last relayed; zeros: not known
    std::string
        body; // {"method":…,"params":{…}} without _meta, inputResponses and requestState: what will be forwarded
    std::vector<std::vector<std::string>> by; // of each policy that asks: who may decide
    std::vector<std::string> policies;        // their names
    uint64_t generation = 0;
    std::string reason; // shown to those who decide
    uint64_t within_ns = 0;
    std::string session_key; // of the record's session that asked
};

struct ApprovalAsk {
    enum class Kind : uint8_t { submit, claim, put_back, finish, delivered, leave } kind = Kind::leave;
    uint32_t worker = 0;
    Ref waiter{};
    std::string ticket{};             // its id, but for submit
    std::unique_ptr<HeldCall> call{}; // submit
    bool ambiguous = false;           // finish
    std::string body{};               // finish: the answer; put_back: why, when it had left
};

/// A ticket as its waiters see it.
enum class TicketState : uint8_t {
    unavailable,
    pending,
    approved,
    executing,
    answered,
    ambiguous,
    denied,
    expired,
    withdrawn,
    revoked
};

struct ApprovalNews {
    Ref waiter{};
    std::string ticket{};
    TicketState state = TicketState::unavailable;
    bool answer = false;          // to what this waiter asked last; else somebody or something has moved the ticket
    bool granted = false;         // the answer to a claim that was granted
    uint64_t expires_unix_ns = 0; // of what is pending or approved
    std::string text;             // who decided and why; of unavailable: the reason
    std::string body;             // approved, granted: what is to be forwarded; answered: the answer
};

} // namespace weir::post
