// gateway/record_entries.h - the entries that an exchange writes at each turn of its path.
//
// Record before act: record_asked() and record_decided() come before anything is sent on, and what is sent waits for
// their batch (Link::after_seq, or awaited_seq when durability is strict). A false return is a refusal of the exchange.
#pragma once

#include "gateway/exchange.h"
#include "policy/verdict.h"

namespace weir::gateway {

/// Finds or opens the record's session of this request. False: the record takes nothing.
bool enter_session(Exchange& exchange);
/// What was asked, with its body as it is to be kept. False: the record takes nothing.
bool record_asked(Exchange& exchange, std::string_view body);
/// What was decided about it: allowed or blocked. `code` is what a refused client is told.
bool record_decided(Exchange& exchange, const policy::Verdict& verdict, int64_t code);
/// What weir itself asks of a server (parting.h), in one entry what and in one why it may. False: the record takes nothing.
bool record_parting(Exchange& exchange);
/// The call waits for people, under `ticket`.
bool record_held(Exchange& exchange, std::string_view ticket);
bool record_forwarded(Exchange& exchange);
/// What a mask took out of the answer or event that is recorded next.
void record_masked(Exchange& exchange, const policy::MaskField& field, uint64_t values, uint64_t copies);
/// The answer of `method` goes nowhere: the client gets a denial in its place.
void record_answer_blocked(Exchange& exchange, const policy::Verdict& verdict, mcp::Method method);
/// The answer as the client gets it, once. In strict durability the exchange then waits for it.
void record_answered(Exchange& exchange, std::string_view body, bool is_error);
/// A held request is answered without its upstream: with how it stands, or with what another request's call brought.
void record_told(Exchange& exchange, std::string_view body, bool is_error);
void record_stream_event(Exchange& exchange, std::string_view data, std::string_view id, bool is_response,
                         bool is_error);
/// The request had left and no answer came whole: whether it was done is not known.
void record_ambiguous(Exchange& exchange, Error error);
/// weir refused what it had already recorded as asked and decided, and tells its client so. Waits as record_answered().
void record_refused(Exchange& exchange, uint16_t status, int64_t code, std::string_view body);

} // namespace weir::gateway
