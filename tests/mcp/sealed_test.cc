// tests/mcp/sealed_test.cc - what must hold: a sealed id brings back what was sealed, for the principal, server and session
// it was sealed for, with any key of the ring; whatever else is presented opens nothing. Every octet is changed, every
// length cut.
#include "mcp/sealed.h"
#include "bench.h"

#include <catch2/catch_test_macros.hpp>

#include <set>
#include <string>

using namespace weir;
using namespace weir::mcp;

namespace {

KeyRing::Octets octets(unsigned char fill) {
    KeyRing::Octets all{};
    all.fill(fill);
    return all;
}

KeyRing ring_of(std::initializer_list<uint8_t> numbers) {
    KeyRing ring;
    for (const uint8_t number : numbers) REQUIRE(ring.add(number, octets(number)));
    return ring;
}

const Bond bond{"principal-key", "everything", ""};
const Bond event_bond{"principal-key", "everything", "upstream-session"};
const SessionSeal session{"7b1c9f0e-upstream", "2025-06-18", "claude/1.2"};
const EventSeal event{"stream_1_event_2", Method::tools_call, "read"};

struct Seals {
    BufferPool pool;
    Workspace space{pool};
    Sealer sealer;
    explicit Seals(const KeyRing& ring) : sealer(ring) {}

    std::string seal(const SessionSeal& what, const Bond& to) {
        PaddedBytes out(pool);
        REQUIRE(sealer.seal_session(what, to, out).has_value());
        return std::string(out.text());
    }
    std::string seal(const EventSeal& what, const Bond& to) {
        PaddedBytes out(pool);
        REQUIRE(sealer.seal_event(what, to, out).has_value());
        return std::string(out.text());
    }
    bool opens_session(std::string_view text, const Bond& by) {
        const auto opened = sealer.open_session(text, by, space);
        if (!opened) CHECK(opened.error() == Error::seal_invalid);
        return opened.has_value();
    }
};

} // namespace

TEST_CASE("a sealed id brings back what was sealed") {
    Seals seals(ring_of({1}));
    const auto text = seals.seal(session, bond);
    const auto opened = seals.sealer.open_session(text, bond, seals.space);
    REQUIRE(opened.has_value());
    CHECK(opened->upstream_id == session.upstream_id);
    CHECK(opened->revision == session.revision);
    CHECK(opened->client == session.client);
    const auto of_event = seals.seal(event, event_bond);
    const auto opened_event = seals.sealer.open_event(of_event, event_bond, seals.space);
    REQUIRE(opened_event.has_value());
    CHECK(opened_event->upstream_id == event.upstream_id);
    CHECK(opened_event->method == event.method);
    CHECK(opened_event->name == event.name);
}

TEST_CASE("the state of a waiting call opens for its principal and server alone, octet by octet") {
    Seals seals(ring_of({1, 2}));
    const std::string digest(32, '\x7f');
    PaddedBytes out(seals.pool);
    REQUIRE(seals.sealer.seal_approval({"ap_0123", digest, 3, 1'795'000'000'000'000'000}, bond, out).has_value());
    const std::string text(out.text());
    CHECK(Sealer::is_approval(text));
    CHECK_FALSE(Sealer::is_approval("upstream-state"));
    const auto opened = seals.sealer.open_approval(text, bond, seals.space);
    REQUIRE(opened.has_value());
    CHECK(opened->ticket == "ap_0123");
    CHECK(opened->digest == digest);
    CHECK(opened->round == 3);
    CHECK(opened->expires_unix_ns == 1'795'000'000'000'000'000);
    CHECK_FALSE(seals.sealer.open_approval(text, {"another", bond.server, ""}, seals.space).has_value());
    CHECK_FALSE(seals.sealer.open_approval(text, {bond.principal, "another", ""}, seals.space).has_value());
    CHECK_FALSE(seals.opens_session(text.substr(Sealer::approval_prefix.size()), bond));
    for (size_t i = 0; i < text.size(); ++i) {
        std::string changed = text;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CHECK_FALSE(seals.sealer.open_approval(changed, bond, seals.space).has_value());
        CHECK_FALSE(seals.sealer.open_approval(text.substr(0, i), bond, seals.space).has_value());
    }
}

TEST_CASE("a sealed id is visible ASCII, short, and never the same twice") {
    Seals seals(ring_of({1}));
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
        const auto text = seals.seal(session, bond);
        CHECK(seen.insert(text).second);
        CHECK(text.size() < 100);
        for (const char octet : text) CHECK((octet >= 0x21 && octet <= 0x7e));
        CHECK(text.find("upstream") == std::string::npos);
    }
}

TEST_CASE("a changed, cut or longer id opens nothing") {
    Seals seals(ring_of({1, 2}));
    const auto text = seals.seal(session, bond);
    REQUIRE(seals.opens_session(text, bond));
    for (size_t i = 0; i < text.size(); ++i) {
        for (const char other : {'A', 'B', '_', '=', '\n'}) {
            if (text[i] == other) continue;
            std::string changed = text;
            changed[i] = other;
            INFO(i << ' ' << other);
            CHECK_FALSE(seals.opens_session(changed, bond));
        }
        CHECK_FALSE(seals.opens_session(text.substr(0, i), bond));
        CHECK_FALSE(seals.opens_session(text.substr(i + 1), bond));
    }
    for (const char* more : {"A", "AA", "AAAA", "=", " "}) CHECK_FALSE(seals.opens_session(text + more, bond));
    CHECK_FALSE(seals.opens_session(std::string(100'000, 'A'), bond));
    CHECK_FALSE(seals.opens_session("", bond));
    CHECK_FALSE(seals.opens_session("7b1c9f0e-upstream", bond));
}

TEST_CASE("an id opens only for whom it was sealed") {
    Seals seals(ring_of({1}));
    const auto text = seals.seal(session, {"alice", "everything", "s"});
    CHECK(seals.opens_session(text, {"alice", "everything", "s"}));
    CHECK_FALSE(seals.opens_session(text, {"bob", "everything", "s"}));
    CHECK_FALSE(seals.opens_session(text, {"alice", "other", "s"}));
    CHECK_FALSE(seals.opens_session(text, {"alice", "everything", "t"}));
    CHECK_FALSE(seals.opens_session(text, {"alice", "everythings", ""}));
    CHECK_FALSE(seals.opens_session(text, {"aliceeverything", "", "s"}));
    CHECK_FALSE(seals.opens_session(text, {std::string_view(std::string(2000, 'a')).substr(0, 0), "everything", "s"}));
}

TEST_CASE("the id of a session is not one of an event, nor the other way round") {
    Seals seals(ring_of({1}));
    const auto of_session = seals.seal(session, bond);
    const auto of_event = seals.seal(event, bond);
    CHECK(seals.sealer.open_event(of_session, bond, seals.space).error() == Error::seal_invalid);
    CHECK(seals.sealer.open_session(of_event, bond, seals.space).error() == Error::seal_invalid);
}

TEST_CASE("any worker with the ring opens, the first key seals, and a key that left opens no more") {
    Seals before(ring_of({1})), rotated(ring_of({2, 1})), after(ring_of({2})), another(ring_of({3}));
    const auto old_text = before.seal(session, bond);
    CHECK(Seals(ring_of({1})).opens_session(old_text, bond));
    CHECK(rotated.opens_session(old_text, bond));
    CHECK_FALSE(after.opens_session(old_text, bond));
    const auto new_text = rotated.seal(session, bond);
    CHECK(after.opens_session(new_text, bond));
    CHECK_FALSE(before.opens_session(new_text, bond));
    CHECK_FALSE(another.opens_session(new_text, bond));
    KeyRing same_number;
    REQUIRE(same_number.add(2, octets(9)));
    CHECK_FALSE(Seals(same_number).opens_session(new_text, bond));
    CHECK_FALSE(same_number.add(2, octets(8)));
}

TEST_CASE("what was opened is remembered for the same id and bond, and for no other") {
    Remembered remembered;
    CHECK_FALSE(remembered.find("id", "bond").has_value());
    CHECK_FALSE(remembered.find("", "").has_value());
    remembered.put("id", "bond", "plain");
    CHECK(remembered.find("id", "bond") == "plain");
    CHECK_FALSE(remembered.find("id", "bon").has_value());
    CHECK_FALSE(remembered.find("id", "bonds").has_value());
    CHECK_FALSE(remembered.find("idb", "ond").has_value());
    remembered.put("id", "other", "");
    CHECK(remembered.find("id", "other") == "");
    CHECK_FALSE(remembered.find("id", "bond").has_value());
    const std::string long_text(Remembered::octets_max, 'x');
    remembered.put("long", long_text, "");
    CHECK_FALSE(remembered.find("long", long_text).has_value());
    size_t kept = 0;
    for (int i = 0; i < 10'000; ++i) remembered.put(std::to_string(i), "b", std::to_string(-i));
    for (int i = 0; i < 10'000; ++i) {
        const auto plain = remembered.find(std::to_string(i), "b");
        if (!plain) continue;
        ++kept;
        CHECK(*plain == std::to_string(-i));
    }
    CHECK(kept > 0);
    CHECK(kept <= Remembered::entries);
}

TEST_CASE("an id that was opened once opens again, and still for nobody else") {
    Seals seals(ring_of({1}));
    const auto text = seals.seal(session, bond);
    for (int i = 0; i < 3; ++i) {
        const auto opened = seals.sealer.open_session(text, bond, seals.space);
        REQUIRE(opened.has_value());
        CHECK(opened->upstream_id == session.upstream_id);
        CHECK(opened->client == session.client);
        CHECK_FALSE(seals.opens_session(text, {"mallory", bond.server, ""}));
        CHECK_FALSE(seals.opens_session(text + "A", bond));
        CHECK(seals.sealer.open_event(text, bond, seals.space).error() == Error::seal_invalid);
    }
}

TEST_CASE("texts that are too long are not sealed") {
    Seals seals(ring_of({1}));
    PaddedBytes out(seals.pool);
    const std::string longest(Sealer::text_bytes_max, 'u'), longer(Sealer::text_bytes_max + 1, 'u');
    CHECK(seals.sealer.seal_session({longer, "", ""}, bond, out).error() == Error::limit_reached);
    CHECK(seals.sealer.seal_session({"u", "", longer}, bond, out).error() == Error::limit_reached);
    CHECK(seals.sealer.seal_event({longer, Method::unknown, ""}, bond, out).error() == Error::limit_reached);
    CHECK(seals.sealer.seal_session({"u", "", ""}, {longer, "", ""}, out).error() == Error::limit_reached);
    CHECK(out.empty());
    const auto text = seals.seal(SessionSeal{longest, longest, longest}, {longest, longest, longest});
    CHECK(seals.opens_session(text, {longest, longest, longest}));
    CHECK_FALSE(seals.opens_session(text, {longest, longest, longer}));
}
