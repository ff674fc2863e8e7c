// approve/ticket.h - the life of a ticket: one table of what may follow what.
//
//   pending -> approved -> executing -> answered | ambiguous
//   pending -> denied | expired | withdrawn;  approved -> expired | revoked;  executing -> approved (nothing was sent)
//
// Pure: no clock, no store. The store applies a turn by compare-and-set on the row's version.
#pragma once

#include "base/result.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::approve {

// name, whether it is over
#define WEIR_TICKET_STATES(row) \
    row(pending, false) \
    row(approved, false) \
    row(executing, false) \
    row(answered, true) \
    row(ambiguous, true) \
    row(denied, true) \
    row(expired, true) \
    row(withdrawn, true) \
    row(revoked, true)

enum class State : uint8_t {
#define WEIR_ROW(name, over) name,
    WEIR_TICKET_STATES(WEIR_ROW)
#undef WEIR_ROW
};

/// What happens to a ticket.
enum class Turn : uint8_t {
    approve,  // a person says yes
    deny,     // a person says no
    withdraw, // the asking side takes it back
    revoke,   // a person takes a yes back
    expire,   // the time is over
    claim,    // a waiter begins to run it
    put_back, // it did not: not one octet had left
    answer,   // it has run
    lose,     // it may have run, and nobody knows
};
inline constexpr size_t turn_count = 9;

/// The state after `turn`. conflict states are an error: exists (it stands in `state`, and this turn is not for it).
Result<State> after(State state, Turn turn);

bool is_over(State state);
std::string_view name_of(State state);
/// The state of that name; not_found.
Result<State> state_of(std::string_view name);

/// A ticket's id: "ap_" and 26 characters of 128 random bits (Crockford's base 32, small letters).
inline constexpr size_t id_bytes = 29;
std::string ticket_id(const std::array<uint8_t, 16>& random);
/// Whether `text` is the whole of an id or, with `prefix`, the beginning of one.
bool is_ticket_id(std::string_view text, bool prefix = false);

} // namespace weir::approve
