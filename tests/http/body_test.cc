// tests/http/body_test.cc - the chunked coding: what is read, what is refused, and that cutting changes nothing.
//
// Each body is read at once, octet by octet, and with every single cut; payload, end and verdict must be the same.
#include "http/body.h"

#include "exact.h"

#include <catch2/catch_test_macros.hpp>
#include <optional>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;

namespace {

struct Outcome {
    std::string payload;
    size_t consumed = 0;
    bool done = false;
    bool refused = false;
    bool operator==(const Outcome&) const = default;
};

// Reads `parts` one after the other, as a caller does that never keeps octets.
Outcome read(const std::vector<std::string_view>& parts, const ChunkLimits& limits = {}) {
    ChunkedReader reader(limits);
    Outcome outcome;
    for (const std::string_view part : parts) {
        const Exact octets(part);
        std::string_view rest = octets;
        while (!rest.empty() && !outcome.done) {
            const auto piece = reader.next(rest);
            if (!piece) {
                CHECK(piece.error() == Error::chunk_malformed);
                CHECK(!reader.next(rest));
                outcome.refused = true;
                return outcome;
            }
            REQUIRE(piece->consumed > 0);
            outcome.payload += piece->payload;
            outcome.consumed += piece->consumed;
            outcome.done = piece->done;
            CHECK(reader.done() == piece->done);
            rest.remove_prefix(piece->consumed);
        }
    }
    return outcome;
}

struct Case {
    const char* name;
    std::string octets;
    std::optional<std::string> payload; // nullopt: refused
};

const std::vector<Case>& cases() {
    static const std::vector<Case> all = {
        {"no chunk", "0\r\n\r\n", ""},
        {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"two chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
        {"sizes in both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a"},
        {"leading zeros", "0000000000000005\r\nhello\r\n000\r\n\r\n", "hello"},
        {"one leading zero too many", "00000000000000005\r\nhello\r\n0\r\n\r\n", {}},
        {"payload that looks like framing", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"},
        {"an extension", "5;a=b;c=\"d;\\\"\r\te\";f\r\nhello\r\n0;g\r\n\r\n", {}},
        {"extensions", "5;a=b;c=\"d;\\\"\te\";f\r\nhello\r\n0;g\r\n\r\n", "hello"},
        {"an extension without a name", "5;\r\nhello\r\n0\r\n\r\n", {}},
        {"an extension without a value", "5;a=\r\nhello\r\n0\r\n\r\n", {}},
        {"white space in an extension", "5 ;a\r\nhello\r\n0\r\n\r\n", {}},
        {"octets behind a quoted value", "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", {}},
        {"an odd octet in an extension", "5;a[=b\r\nhello\r\n0\r\n\r\n", {}},
        {"LF in a quoted value", "5;a=\"b\nc\"\r\nhello\r\n0\r\n\r\n", {}},
        {"trailers", "0\r\nX-Checksum: abc\r\nY:\r\n\r\n", ""},
        {"a trailer of framing", "0\r\nContent-Length: 5\r\n\r\n", {}},
        {"a trailer of framing, in disguise", "0\r\ncontent_length: 5\r\n\r\n", {}},
        {"a credential in the trailers", "0\r\nAUTHORIZATION: a\r\n\r\n", {}},
        {"a field of mcp in the trailers", "0\r\nMcp-Param-Whatever-It-May-Be-Called-Here: a\r\n\r\n", {}},
        {"a long name that begins like a known one", "0\r\nAccess-Control-Request-Headersx-and-more: a\r\n\r\n", ""},
        {"a trailer without a name", "0\r\n: a\r\n\r\n", {}},
        {"a folded trailer", "0\r\nX: a\r\n b\r\n\r\n", {}},
        {"a trailer without a colon", "0\r\nX\r\n\r\n", {}},
        {"NUL in a trailer", std::string("0\r\nX: \0\r\n\r\n", 11), {}},
        {"bare LF behind the size", "5\nhello\r\n0\r\n\r\n", {}},
        {"bare CR behind the size", "5\rhello\r\n0\r\n\r\n", {}},
        {"bare LF behind the payload", "5\r\nhello\n0\r\n\r\n", {}},
        {"bare LF at the end", "0\r\n\n", {}},
        {"bare CR at the end", "0\r\n\r\r", {}},
        {"payload longer than said", "5\r\nhello!!\r\n0\r\n\r\n", {}},
        {"no size", "\r\nhello\r\n0\r\n\r\n", {}},
        {"a sign", "+5\r\nhello\r\n0\r\n\r\n", {}},
        {"a prefix", "0x5\r\nhello\r\n0\r\n\r\n", {}},
        {"an underscore", "1_0\r\nhello\r\n0\r\n\r\n", {}},
        {"a size that would wrap", "10000000000000005\r\nhello\r\n0\r\n\r\n", {}},
        {"white space before the size", " 5\r\nhello\r\n0\r\n\r\n", {}},
        {"white space behind the size", "5 \r\nhello\r\n0\r\n\r\n", {}},
    };
    return all;
}

} // namespace

TEST_CASE("a chunked body gives its payload or is refused, however it is cut") {
    for (const Case& c : cases()) {
        INFO(c.name);
        const std::string octets = c.octets + "NEXT";
        const Outcome whole = read({octets});
        CHECK(whole.refused == !c.payload.has_value());
        if (c.payload) {
            CHECK(whole.done);
            CHECK(whole.payload == *c.payload);
            CHECK(whole.consumed == c.octets.size());
        }
        std::vector<std::string_view> single;
        for (size_t at = 0; at < octets.size(); ++at) single.push_back(std::string_view(octets).substr(at, 1));
        const auto check = [&](const Outcome& outcome) {
            CHECK(outcome.refused == whole.refused);
            if (!whole.refused) CHECK(outcome == whole);
        };
        check(read(single));
        for (size_t cut = 1; cut < octets.size(); ++cut)
            check(read({std::string_view(octets).substr(0, cut), std::string_view(octets).substr(cut)}));
    }
}

TEST_CASE("no prefix of a chunked body is a body") {
    for (const Case& c : cases()) {
        if (!c.payload) continue;
        INFO(c.name);
        for (size_t size = 0; size < c.octets.size(); ++size) {
            const Outcome outcome = read({std::string_view(c.octets).substr(0, size)});
            CHECK_FALSE(outcome.done);
            CHECK_FALSE(outcome.refused);
            CHECK(outcome.consumed == size);
        }
    }
}

TEST_CASE("one chunk and its end are read in one call") {
    ChunkedReader reader;
    const auto piece = reader.next("5\r\nhello\r\n0\r\n\r\nrest");
    REQUIRE(piece);
    CHECK(piece->payload == "hello");
    CHECK(piece->consumed == 15);
    CHECK(piece->done);
}

TEST_CASE("extensions, trailers and overhead are bounded") {
    const auto extension = [](size_t size) { return "5;" + std::string(size - 1, 'a') + "\r\nhello\r\n0\r\n\r\n"; };
    CHECK(read({extension(256)}).done);
    CHECK(read({extension(257)}).refused);
    const auto trailers = [](size_t size) { return "0\r\nX:" + std::string(size - 4, 'a') + "\r\n\r\n"; };
    CHECK(read({trailers(8192)}).done);
    CHECK(read({trailers(8193)}).refused);

    const auto many = [](const std::string& chunk) {
        std::string octets;
        for (int i = 0; i < 10'000; ++i) octets += chunk;
        return octets + "0\r\n\r\n";
    };
    CHECK(read({many("1\r\na\r\n")}).payload.size() == 10'000);
    CHECK(read({many("1;" + std::string(200, 'x') + "\r\na\r\n")}).refused);
    CHECK(read({many("200;" + std::string(200, 'x') + "\r\n" + std::string(512, 'a') + "\r\n")}).payload.size() ==
          5'120'000);
}
