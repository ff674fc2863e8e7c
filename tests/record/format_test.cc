// tests/record/format_test.cc - frames, heads, payloads and names are read strictly: what was written comes back, and
// nothing else is taken. Tried by tables, by every prefix, and by every flipped bit.
#include "record/entry.h"
#include "record/fields.h"
#include "record/segment.h"

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <string>
#include <vector>

namespace weir::record {
namespace {

constexpr Salt salt{9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6};

std::string make_frame(std::string_view payload, uint64_t seq = 7, uint64_t durable = 3) {
    std::string bytes(frame_bytes(static_cast<uint32_t>(payload.size())), 'x');
    std::memcpy(bytes.data() + frame_head_bytes, payload.data(), payload.size());
    const FrameHead head{seq, 1'700'000'000'000'000'000, durable, Kind::asked, 0, 12};
    CHECK(finish_frame(bytes.data(), head, static_cast<uint32_t>(payload.size()), salted(salt)) == bytes.size());
    return bytes;
}

template <class E> std::string payload_of(const E& entry, const EntryLimits& limits = {}) {
    std::string payload(payload_bound(entry, limits), '\xee');
    const char* end = write_payload(payload.data(), entry, limits);
    const auto size = static_cast<size_t>(end - payload.data());
    CHECK(size <= payload.size());
    payload.resize(size);
    return payload;
}

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text += static_cast<char>(value);
    return text;
}

} // namespace

TEST_CASE("a frame comes back as it was made") {
    for (size_t size = 1; size < 70; ++size) {
        const std::string payload(size, 'p');
        const std::string made = make_frame(payload);
        CHECK(made.size() % 8 == 0);
        const std::string behind = made + "more";
        const auto frame = read_frame(behind, salted(salt));
        REQUIRE(frame);
        CHECK(frame->seq == 7);
        CHECK(frame->durable_seq == 3);
        CHECK(frame->kind == Kind::asked);
        CHECK(frame->exchange == 12);
        CHECK(frame->payload == payload);
        CHECK(frame->bytes == made.size());
    }
}

TEST_CASE("a frame's bytes stand where docs/segment.md says") {
    const std::string made = make_frame("abc", 0x0102030405060708, 2);
    CHECK(made.size() == 48);
    CHECK(made.substr(0, 4) == bytes({3, 0, 0, 0}));
    CHECK(made.substr(8, 8) == bytes({8, 7, 6, 5, 4, 3, 2, 1}));
    CHECK(made.substr(24, 8) == bytes({2, 0, 0, 0, 0, 0, 0, 0}));
    CHECK(made.substr(32, 2) == bytes({2, 0}));
    CHECK(made.substr(36, 4) == bytes({12, 0, 0, 0}));
    CHECK(made.substr(40) == std::string("abc") + std::string(5, '\0'));
}

TEST_CASE("no prefix of a frame, and none with a flipped bit, is a frame") {
    const std::string made = make_frame("some payload");
    for (size_t size = 0; size < made.size(); ++size)
        CHECK_FALSE(read_frame(std::string_view(made).substr(0, size), salted(salt)));
    for (size_t bit = 0; bit < made.size() * 8; ++bit) {
        std::string flipped = made;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        CHECK_FALSE(read_frame(flipped, salted(salt)));
    }
    Salt other = salt;
    other[15] = 7;
    CHECK(read_frame(made, salted(other)).error() == Error::corrupt);
}

TEST_CASE("zeros are the unwritten rest, and no frame") {
    CHECK(read_frame({}, salted(salt)).error() == Error::not_found);
    CHECK(read_frame(std::string(8, '\0'), salted(salt)).error() == Error::not_found);
    CHECK(read_frame(std::string(4096, '\0'), salted(salt)).error() == Error::not_found);
    std::string nearly(4096, '\0');
    nearly[30] = 1;
    CHECK(read_frame(nearly, salted(salt)).error() == Error::corrupt);
}

TEST_CASE("what was acknowledged is found behind damage, and nothing else is taken for it") {
    const uint32_t crc = salted(salt);
    const std::string damage(64, '\xa5');
    CHECK(acknowledged_within(damage + make_frame("x", 9, 7), crc, 7));
    CHECK(acknowledged_within(damage + make_frame("x", 9, 8), crc, 7));
    CHECK_FALSE(acknowledged_within(damage + make_frame("x", 9, 6), crc, 7));
    CHECK_FALSE(acknowledged_within(damage + make_frame("x", 6, 5), crc, 7));
    std::string flipped = damage + make_frame("x", 9, 7);
    flipped.back() ^= 1;
    CHECK_FALSE(acknowledged_within(flipped, crc, 7));
    CHECK_FALSE(acknowledged_within(std::string(5000, '\0'), crc, 7));
}

TEST_CASE("a segment's head comes back, and no flipped bit of it does") {
    SegmentHead head;
    head.log.fill(3);
    head.worker = 5;
    head.number = 17;
    head.first_seq = 1000;
    head.created_ns = 123;
    head.salt = salt;
    head.chain.fill(8);
    head.previous = 16;
    head.previous_end = 77'000;
    std::string made(segment_head_bytes, 'x');
    write_segment_head(made.data(), head);
    const auto read = read_segment_head(made);
    REQUIRE(read);
    CHECK(read->log == head.log);
    CHECK(read->worker == 5);
    CHECK(read->number == 17);
    CHECK(read->first_seq == 1000);
    CHECK(read->created_ns == 123);
    CHECK(read->salt == salt);
    CHECK(read->chain == head.chain);
    CHECK(read->previous == 16);
    CHECK(read->previous_end == 77'000);
    // All that it says lies in the first sector.
    CHECK(std::string_view(made).substr(512).find_first_not_of('\0') == std::string_view::npos);
    for (size_t bit = 0; bit < made.size() * 8; bit += bit < 2048 ? 1 : 97) {
        made[bit / 8] = static_cast<char>(made[bit / 8] ^ (1 << (bit % 8)));
        CHECK(read_segment_head(made).error() == Error::corrupt);
        made[bit / 8] = static_cast<char>(made[bit / 8] ^ (1 << (bit % 8)));
    }
    CHECK(read_segment_head(std::string_view(made).substr(1)).error() == Error::incomplete);
    CHECK(read_segment_head(std::string(segment_head_bytes, '\0')).error() == Error::not_found);
}

TEST_CASE("names of segments and streams are read back, and others are none") {
    for (const uint64_t number : {uint64_t{1}, uint64_t{42}, UINT64_MAX})
        CHECK(segment_number(segment_name(number)) == number);
    CHECK(segment_name(42) == "00000000000000000042.wseg");
    for (const char* name :
         {"", "42.wseg", "00000000000000000000.wseg", "0000000000000000004x.wseg", "00000000000000000042.wsex",
          "99999999999999999999.wseg", "+0000000000000000042.wseg", "00000000000000000042.wseg.new"}) {
        INFO(name);
        CHECK_FALSE(segment_number(name));
    }
    for (const uint32_t worker : {0U, 7U, 4096U, control_stream}) CHECK(stream_number(stream_name(worker)) == worker);
    for (const char* name :
         {"", "worker-", "worker-01", "worker--1", "worker-4294967295", "Control", "worker-1x", "."}) {
        INFO(name);
        CHECK_FALSE(stream_number(name));
    }
}

TEST_CASE("an entry's fields come back") {
    const std::string_view policies[] = {"prod/reads", "", "other"};
    const std::string allowed = payload_of(Blocked{
        {.policies = policies, .code = -32603, .text = "no", .generation = 70'000, .status = 200, .reason = "policy"}});
    const auto fields = read_fields(allowed);
    REQUIRE(fields);
    CHECK(fields->signed_number(Field::code) == -32603);
    CHECK(fields->text(Field::text) == "no");
    CHECK(fields->number(Field::generation) == 70'000);
    CHECK(fields->number(Field::status) == 200);
    CHECK(fields->list_size(Field::policies) == 3);
    std::vector<std::string> names;
    fields->for_each(Field::policies, [&](std::string_view name) { names.emplace_back(name); });
    CHECK(names == std::vector<std::string>{"prod/reads", "", "other"});
    CHECK_FALSE(fields->has(Field::body));

    const std::string hidden =
        payload_of(Masked{.policy = "pii", .path = "**.ssn", .count = 2, .copies = 3, .generation = 1});
    const auto mask = read_fields(hidden);
    REQUIRE(mask);
    CHECK(mask->list_size(Field::policies) == 1);
    CHECK(mask->text(Field::path) == "**.ssn");
    CHECK(mask->number(Field::count) == 2);
    CHECK(mask->number(Field::copies) == 3);

    const std::string body(70'000, 'b');
    const std::string answered =
        payload_of(Answered{.body = body, .status = 200, .latency_ns = UINT64_MAX >> 1, .is_error = true});
    const auto answer = read_fields(answered);
    REQUIRE(answer);
    CHECK(answer->text(Field::body) == body);
    CHECK(answer->number(Field::latency_ns) == UINT64_MAX >> 1);
    CHECK(answer->flag(Field::is_error));
    CHECK_FALSE(answer->has(Field::body_bytes));
}

TEST_CASE("a payload is deterministic CBOR to the byte") {
    // RFC 8949, appendix A, gives the encodings of the numbers.
    CHECK(payload_of(Forwarded{.server = "ab", .wire_bytes = 23}) == bytes({0xa2, 0x03, 0x62, 'a', 'b', 0x10, 0x17}));
    CHECK(payload_of(Forwarded{.wire_bytes = 24}) == bytes({0xa1, 0x10, 0x18, 24}));
    CHECK(payload_of(Forwarded{.wire_bytes = 255}) == bytes({0xa1, 0x10, 0x18, 255}));
    CHECK(payload_of(Forwarded{.wire_bytes = 256}) == bytes({0xa1, 0x10, 0x19, 1, 0}));
    CHECK(payload_of(Forwarded{.wire_bytes = 65536}) == bytes({0xa1, 0x10, 0x1a, 0, 1, 0, 0}));
    CHECK(payload_of(Forwarded{.wire_bytes = 1'000'000'000'000}) ==
          bytes({0xa1, 0x10, 0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0}));
    CHECK(payload_of(Answered{.code = -1}) == bytes({0xa1, 0x0b, 0x20}));
    CHECK(payload_of(Answered{.code = -1000}) == bytes({0xa1, 0x0b, 0x39, 0x03, 0xe7}));
    CHECK(payload_of(Answered{.is_error = true}) == bytes({0xa1, 0x11, 0xf5}));
    CHECK(payload_of(Gap{.os_error = 5}) == bytes({0xa1, 0x18, 27, 5}));
    CHECK(payload_of(Forwarded{}) == bytes({0xa0}));
    std::string mark(mark_payload_bytes, 'x');
    Digest chain;
    chain.fill(0x5a);
    write_mark(mark.data(), chain);
    CHECK(read_mark(mark) == chain);
    const auto fields = read_fields(mark);
    REQUIRE(fields);
    CHECK(fields->text(Field::chain) == bytes_of(chain));
}

TEST_CASE("a payload that is not deterministic CBOR of the table is refused") {
    const struct {
        const char* what;
        std::string payload;
    } table[] = {
        {"empty", ""},
        {"no map", bytes({0x83, 1, 2, 3})},
        {"indefinite map", bytes({0xbf, 0x10, 1, 0xff})},
        {"a number in a longer form", bytes({0xa1, 0x10, 0x18, 23})},
        {"a number of two bytes below 256", bytes({0xa1, 0x10, 0x19, 0, 255})},
        {"a number of four bytes below 65536", bytes({0xa1, 0x10, 0x1a, 0, 0, 255, 255})},
        {"a number of eight bytes below 2^32", bytes({0xa1, 0x10, 0x1b, 0, 0, 0, 0, 255, 255, 255, 255})},
        {"keys that descend", bytes({0xa2, 0x10, 1, 0x0e, 1})},
        {"a key twice", bytes({0xa2, 0x10, 1, 0x10, 1})},
        {"a key that is a text", bytes({0xa1, 0x61, 'a', 1})},
        {"a number for a text", bytes({0xa1, 0x03, 1})},
        {"a text for a number", bytes({0xa1, 0x10, 0x61, 'a'})},
        {"bytes for a text", bytes({0xa1, 0x03, 0x41, 'a'})},
        {"null for a flag", bytes({0xa1, 0x11, 0xf6})},
        {"a half float for a number", bytes({0xa1, 0x10, 0xf9, 0x3c, 0})},
        {"a tag", bytes({0xa1, 0x10, 0xc1, 1})},
        {"a list of numbers", bytes({0xa1, 0x0a, 0x81, 1})},
        {"a list that is longer than the payload", bytes({0xa1, 0x0a, 0x9a, 0xff, 0xff, 0xff, 0xff, 0x60})},
        {"a map that is longer than the payload", bytes({0xba, 0xff, 0xff, 0xff, 0xff, 0x10, 1})},
        {"a text that is longer than the payload",
         bytes({0xa1, 0x03, 0x7b, 255, 255, 255, 255, 255, 255, 255, 255, 'a'})},
        {"bytes behind the map", bytes({0xa1, 0x10, 1, 0})},
        {"a negative beyond 64 bits", bytes({0xa1, 0x10, 0x3b, 255, 255, 255, 255, 255, 255, 255, 255})},
    };
    for (const auto& row : table) {
        INFO(row.what);
        CHECK_FALSE(read_fields(row.payload));
    }
    // A key of a later weir is stepped over.
    const auto later = read_fields(bytes({0xa2, 0x10, 7, 0x19, 4, 0, 0x61, 'z'}));
    REQUIRE(later);
    CHECK(later->number(Field::wire_bytes) == 7);
}

TEST_CASE("no prefix of a payload is one") {
    const std::string_view policies[] = {"a", "bc"};
    const std::string payload =
        payload_of(Allowed{{.policies = policies, .code = -5, .text = "text", .generation = 300}});
    for (size_t size = 0; size < payload.size(); ++size)
        CHECK_FALSE(read_fields(std::string_view(payload).substr(0, size)));
    CHECK(read_fields(payload));
}

TEST_CASE("numbers of kinds and fields are what they always were") {
    CHECK(static_cast<int>(Kind::session_opened) == 1);
    CHECK(static_cast<int>(Kind::answered) == 13);
    CHECK(static_cast<int>(Kind::gap) == 20);
    CHECK(static_cast<int>(Kind::mark) == 21);
    CHECK(static_cast<int>(Kind::pruned) == 24);
    CHECK(static_cast<int>(Kind::not_entitled) == 25);
    CHECK(static_cast<int>(Kind::fill) == 26);
    CHECK(static_cast<int>(Field::body) == 6);
    CHECK(static_cast<int>(Field::chain) == 21);
    CHECK(static_cast<int>(Field::session_key) == 35);
    CHECK(static_cast<int>(Field::ticket) == 36);
    CHECK(static_cast<int>(Field::stream) == 37);
    CHECK(static_cast<int>(Field::application) == 43);
    CHECK(static_cast<int>(Field::address) == field_count - 1);
    CHECK(name_of(Kind::stream_event) == "stream_event");
    CHECK(name_of(static_cast<Kind>(60'000)) == "unknown");
    CHECK(name_of(Field::rest_sha256) == "rest_sha256");
}

} // namespace weir::record
