// approve/ticket.cc - the table of turns, and what ids look like. Pure.
#include "approve/ticket.h"

#include <optional>

namespace weir::approve {
namespace {

constexpr std::string_view digits = "0123456789abcdefghjkmnpqrstvwxyz"; // without i, l, o, u

std::optional<State> next(State state, Turn turn) {
    switch (state) {
        case State::pending:
            switch (turn) {
                case Turn::approve: return State::approved;
                case Turn::deny: return State::denied;
                case Turn::withdraw: return State::withdrawn;
                case Turn::expire: return State::expired;
                case Turn::revoke:
                case Turn::claim:
                case Turn::put_back:
                case Turn::answer:
                case Turn::lose: return {};
            }
            return {};
        case State::approved:
            switch (turn) {
                case Turn::claim: return State::executing;
                case Turn::expire: return State::expired;
                case Turn::revoke: return State::revoked;
                case Turn::approve:
                case Turn::deny:
                case Turn::withdraw:
                case Turn::put_back:
                case Turn::answer:
                case Turn::lose: return {};
            }
            return {};
        case State::executing:
            switch (turn) {
                case Turn::put_back: return State::approved;
                case Turn::answer: return State::answered;
                case Turn::lose: return State::ambiguous;
                case Turn::approve:
                case Turn::deny:
                case Turn::withdraw:
                case Turn::revoke:
                case Turn::expire:
                case Turn::claim: return {};
            }
            return {};
        case State::answered:
        case State::ambiguous:
        case State::denied:
        case State::expired:
        case State::withdrawn:
        case State::revoked: return {};
    }
    return {};
}

} // namespace

Result<State> after(State state, Turn turn) {
    const auto found = next(state, turn);
    if (!found) return fail(Error::exists);
    return *found;
}

bool is_over(State state) {
    switch (state) {
#define WEIR_ROW(name, over) \
    case State::name: return over;
        WEIR_TICKET_STATES(WEIR_ROW)
#undef WEIR_ROW
    }
    return true;
}

std::string_view name_of(State state) {
    switch (state) {
#define WEIR_ROW(name, over) \
    case State::name: return #name;
        WEIR_TICKET_STATES(WEIR_ROW)
#undef WEIR_ROW
    }
    return {};
}

Result<State> state_of(std::string_view name) {
#define WEIR_ROW(state, over) \
    if (name == #state) return State::state;
    WEIR_TICKET_STATES(WEIR_ROW)
#undef WEIR_ROW
    return fail(Error::not_found);
}

std::string ticket_id(const std::array<uint8_t, 16>& random) {
    std::string id = "ap_";
    unsigned held = 0, bits = 0;
    for (const uint8_t octet : random) {
        held = held << 8 | octet;
        for (bits += 8; bits >= 5; bits -= 5) id += digits[held >> (bits - 5) & 31];
    }
    id += digits[held << (5 - bits) & 31]; // 128 bits are 25 digits and 3 bits
    return id;
}

bool is_ticket_id(std::string_view text, bool prefix) {
    if (prefix ? text.size() > id_bytes : text.size() != id_bytes) return false;
    constexpr std::string_view head = "ap_";
    for (size_t i = 0; i < text.size(); ++i)
        if (i < head.size() ? text[i] != head[i] : !digits.contains(text[i])) return false;
    return !text.empty();
}

} // namespace weir::approve
