// tests/approve/ticket_test.cc - what must hold: of every state and every turn it is known what follows; whatever happens in
// whatever order, a ticket is decided once, runs at most once, and what is over stays so.
#include "approve/ticket.h"

#include "base/random.h"

#include <catch2/catch_test_macros.hpp>

#include <map>
#include <set>
#include <utility>

using namespace weir;
using namespace weir::approve;

namespace {
constexpr State states[] = {
#define WEIR_ROW(name, over) State::name,
    WEIR_TICKET_STATES(WEIR_ROW)
#undef WEIR_ROW
};
} // namespace

TEST_CASE("of every state and every turn it is known what follows") {
    const std::map<std::pair<State, Turn>, State> legal{
        {{State::pending, Turn::approve}, State::approved},   {{State::pending, Turn::deny}, State::denied},
        {{State::pending, Turn::withdraw}, State::withdrawn}, {{State::pending, Turn::expire}, State::expired},
        {{State::approved, Turn::claim}, State::executing},   {{State::approved, Turn::expire}, State::expired},
        {{State::approved, Turn::revoke}, State::revoked},    {{State::executing, Turn::put_back}, State::approved},
        {{State::executing, Turn::answer}, State::answered},  {{State::executing, Turn::lose}, State::ambiguous},
    };
    for (const State state : states) {
        for (size_t i = 0; i < turn_count; ++i) {
            const auto turn = static_cast<Turn>(i);
            const auto found = legal.find({state, turn});
            const auto next = after(state, turn);
            INFO(name_of(state) << ", turn " << i);
            if (found == legal.end()) CHECK((!next && next.error() == Error::exists));
            else CHECK((next && *next == found->second));
            if (is_over(state)) CHECK_FALSE(next.has_value());
        }
    }
}

TEST_CASE("in any order of turns a ticket is decided once and runs at most once") {
    Random random(7);
    for (int round = 0; round < 20'000; ++round) {
        State state = State::pending;
        int decided = 0, ran = 0, yes = 0;
        for (int i = 0; i < 12; ++i) {
            const auto turn = static_cast<Turn>(random.below(turn_count));
            const auto next = after(state, turn);
            if (!next) continue;
            if (turn == Turn::approve || turn == Turn::deny) ++decided;
            if (turn == Turn::approve) ++yes;
            if (*next == State::executing) REQUIRE(yes == 1); // never without a yes
            if (*next == State::answered || *next == State::ambiguous) ++ran;
            state = *next;
        }
        REQUIRE(decided <= 1);
        REQUIRE(ran <= 1);
    }
}

TEST_CASE("states have names that lead back to them") {
    std::set<std::string_view> names;
    for (const State state : states) {
        CHECK(names.insert(name_of(state)).second);
        CHECK(state_of(name_of(state)) == state);
    }
    CHECK_FALSE(state_of("granted").has_value());
}

TEST_CASE("ids are 26 characters of 128 bits, each of which counts") {
    std::array<uint8_t, 16> bits{};
    CHECK(ticket_id(bits) == "ap_00000000000000000000000000");
    std::set<std::string> seen{ticket_id(bits)};
    for (size_t bit = 0; bit < 128; ++bit) {
        auto other = bits;
        other[bit / 8] = static_cast<uint8_t>(1U << (bit % 8));
        const auto id = ticket_id(other);
        CHECK(id.size() == id_bytes);
        CHECK(is_ticket_id(id));
        CHECK(seen.insert(id).second);
    }
    bits.fill(0xff);
    CHECK(ticket_id(bits) == "ap_zzzzzzzzzzzzzzzzzzzzzzzzzw");
    CHECK(is_ticket_id("ap_0", true));
    CHECK(is_ticket_id("a", true));
    CHECK_FALSE(is_ticket_id("", true));
    CHECK_FALSE(is_ticket_id("ap_0"));
    CHECK_FALSE(is_ticket_id("ap_i", true));
    CHECK_FALSE(is_ticket_id("last", true));
}
