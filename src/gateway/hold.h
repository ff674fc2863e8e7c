// gateway/hold.h - a call that waits for people: what its exchange keeps, and how its client waits.
//
// The ticket is the store's (control/store); this is one waiter at it. The store is asked through the worker's mailbox and
// answers the same way: nothing here blocks. A waiter that goes away changes nothing about the ticket. What runs in the
// end are the bytes that the ticket keeps, under the live waiter's id, _meta, session and answers to what the server itself
// asked for (input_required: the call has not ended, its grant is good again), after policies were asked once
// more (judge), the upstream was reached (dial) and the grant was consumed (consume).
#pragma once

#include "gateway/exchange.h"
#include "policy/verdict.h"
#include "post/approvals.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::gateway {

struct Hold {
    enum class Claim : uint8_t { none, asked, granted, settled };
    post::ApprovalNews news; // the last that the store told
    bool heard = false;      // the store has answered what it was asked last
    bool told = false;       // the record says that the call is held
    Claim claim = Claim::none;
    std::array<uint8_t, 32> digest{};
    std::array<uint8_t, 32> definition{}; // of the tool when this request came; zeros: not known then
    std::string_view meta;           // the request's _meta and progress token, as JSON, in the exchange's workspace
    std::string_view progress_token; // empty: it has none
    std::string_view input;          // what the server asked for: inputResponses and requestState, as members of params
    std::string_view reason;         // of the policies that ask
    std::span<const std::string_view> policies;
    uint64_t generation = 0;
    uint64_t since_ns = 0; // the wait of this request began
    uint64_t asked_ns = 0; // the store was asked
    uint64_t round = 0;    // input_required that the client was answered before this request
    uint64_t progress = 0; // notifications of it that were sent
    uint64_t next_progress_ns = 0;
};

/// The verdict on a request is `approve`: asks the store for its ticket. `exchange.message` must still be readable.
///
/// Errors: rpc_params (a requestState that is not this call's), approval_unavailable, record_unavailable.
Result<void> begin_hold(Exchange& exchange, const policy::Verdict& verdict);

/// What the approved call says upstream: the ticket's bytes under this waiter's id and _meta, in exchange.body.
void restore_call(Exchange& exchange);

/// The store has something to tell a waiter. Nobody waits there any more: the store is told so, and a grant goes back.
void hear(Worker& worker, post::ApprovalNews&& news);

/// The answer of an approved call, as its client gets it: the ticket keeps it until a client has it. One that asks the client
/// for input ends nothing: the grant goes back, for the same call with what was asked for.
void note_answer(Exchange& exchange, std::string_view body);
/// Not one octet of the approved call reached the upstream: its grant is good again.
void put_grant_back(Exchange& exchange);
/// The exchange ends: whoever waits elsewhere learns how.
void end_hold(Exchange& exchange);

/// Whether the exchange runs an approved call, or is weir's own: no client's close ends it then.
bool detached(const Exchange& exchange);

} // namespace weir::gateway
