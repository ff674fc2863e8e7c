// approve/decider.h - who may decide about a ticket: the rules between who asks, who decides and whom policies name.
//
// A name in a policy's list is a group, or with `person:` in front one person: a subject, or an e-mail address that an issuer
// has verified. Names are compared exactly. Pure: no clock, no store; who somebody is was proven elsewhere. Whoever opens
// the control socket is no subject of these rules: the record says that it was so.
#pragma once

#include "approve/ticket.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::approve {

inline constexpr std::string_view person_prefix = "person:";

/// Who asks: what the ticket keeps of it. Without an issuer nobody vouches for it.
struct Asker {
    std::string issuer;
    /// Its subject first, then who else at the same issuer has part in the call: who acts for it, and the client itself.
    std::vector<std::string> subjects;
    std::string email; // only a verified one; may be empty
};

/// Who decides, by a token.
struct Decider {
    std::string issuer, subject;
    std::string display;             // for people
    std::vector<std::string> actors; // subjects that act for it (RFC 8693, section 4.1)
    std::string email;               // only a verified one; may be empty
    std::vector<std::string> groups;
    bool groups_known = true; // false: there may be more groups than these
};

/// What the rules say to somebody's wish to take a turn.
enum class Right : uint8_t {
    granted,
    own_call,       // who asks does not decide
    not_named,      // by every policy that has to name it
    groups_unknown, // the same, but it may be in a group that its token does not list
    not_the_asker,  // only who asks takes back what was asked for
};

/// Whether both are one person, or one of them acts for the other.
bool is_asker(const Decider& decider, const Asker& asker);

/// Whether `decider` may take `turn` (approve, deny, withdraw, revoke; none of the others), where `by` has the names of each
/// policy that asks. To approve, every policy must name the decider; to refuse or revoke, one is enough. Who asks neither
/// approves nor denies, but may withdraw, and revoke.
Right right_to(Turn turn, const Decider& decider, const Asker& asker, std::span<const std::vector<std::string>> by);

/// Whether `decider` may know of the ticket: it asks, or a policy names it.
bool may_see(const Decider& decider, const Asker& asker, std::span<const std::vector<std::string>> by);

/// A sentence for who was refused; empty for `granted`.
std::string_view text_of(Right right);
/// A stable word in snake_case.
std::string_view name_of(Right right);

} // namespace weir::approve
