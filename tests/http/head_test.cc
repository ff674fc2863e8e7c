// tests/http/head_test.cc - heads of requests and answers: what is read, what is refused and with which error.
//
// Tables of (name, octets, verdict), and every prefix of every one of them: the verdict on a part must be `incomplete`
// or the verdict on the whole.
#include "http/head.h"

#include "exact.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;

namespace {

struct Case {
    const char* name;
    std::string octets;
    Error verdict; // Error::incomplete: a good head
};
constexpr Error good = Error::incomplete;

const std::string host = "Host: gw.test\r\n";

std::string get(const std::string& fields) { return "GET /mcp HTTP/1.1\r\n" + host + fields + "\r\n"; }
std::string post(const std::string& fields) { return "POST /mcp HTTP/1.1\r\n" + host + fields + "\r\n"; }
std::string line(const std::string& request_line) { return request_line + "\r\n" + host + "\r\n"; }

const std::vector<Case>& cases() {
    static const std::vector<Case> all = {
        {"the least there is", get(""), good},
        {"one empty line may come first", "\r\n" + get(""), good},
        {"two may not", "\r\n\r\n" + get(""), Error::head_malformed},
        {"a bare LF may not", "\n" + get(""), Error::head_malformed},
        {"a query", line("GET /mcp?a=b&c=%20d?/ HTTP/1.1"), good},
        {"an empty query", line("GET /mcp? HTTP/1.1"), good},
        {"a well-known path", line("GET /.well-known/oauth-protected-resource HTTP/1.1"), good},
        {"three dots are a name", line("GET /.../a. HTTP/1.1"), good},
        {"absolute-form of the same host", line("GET http://GW.test/mcp?x HTTP/1.1"), good},
        {"absolute-form with the port that goes without saying", line("GET http://gw.test:80/mcp HTTP/1.1"), good},
        {"absolute-form without a path", line("GET https://gw.test HTTP/1.1"), good},
        {"absolute-form of another host", line("GET http://other.test/mcp HTTP/1.1"), Error::head_malformed},
        {"absolute-form of another port", line("GET http://gw.test:81/mcp HTTP/1.1"), Error::head_malformed},
        {"absolute-form with user information", line("GET http://a@gw.test/mcp HTTP/1.1"), Error::head_malformed},
        {"absolute-form with another scheme", line("GET file://gw.test/mcp HTTP/1.1"), Error::head_malformed},
        {"absolute-form of an address", "GET http://[::1]:80/mcp HTTP/1.1\r\nHost: [::1]\r\n\r\n", good},
        {"brackets in a path", line("GET /[a] HTTP/1.1"), Error::head_malformed},
        {"a segment of one dot", line("GET /a/./b HTTP/1.1"), Error::head_malformed},
        {"a segment of two dots at the end", line("GET /a/.. HTTP/1.1"), Error::head_malformed},
        {"an encoded dot", line("GET /a/%2E%2e/b HTTP/1.1"), Error::head_malformed},
        {"an encoded slash", line("GET /a%2fb HTTP/1.1"), Error::head_malformed},
        {"an encoded backslash", line("GET /a%5Cb HTTP/1.1"), Error::head_malformed},
        {"an encoded NUL in the query", line("GET /a?b=%00 HTTP/1.1"), Error::head_malformed},
        {"half a percent-encoding", line("GET /a%2 HTTP/1.1"), Error::head_malformed},
        {"an encoded slash in the query is data", line("GET /a?b=%2F.. HTTP/1.1"), good},
        {"a fragment", line("GET /a#b HTTP/1.1"), Error::head_malformed},
        {"an octet above 127 in the target", line("GET /\xc3\xbc HTTP/1.1"), Error::head_malformed},
        {"a tab for a space", line("GET\t/mcp HTTP/1.1"), Error::head_malformed},
        {"two spaces", line("GET  /mcp HTTP/1.1"), Error::head_malformed},
        {"a method in lower case", line("get /mcp HTTP/1.1"), Error::method_not_allowed},
        {"HEAD", line("HEAD /mcp HTTP/1.1"), good},
        {"HEAD with a body", "HEAD /mcp HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\n", Error::body_not_allowed},
        {"CONNECT", line("CONNECT gw.test:443 HTTP/1.1"), Error::method_not_allowed},
        {"a method that begins like a good one", line("GETS /mcp HTTP/1.1"), Error::method_not_allowed},
        {"a method without an end", std::string(33, 'A'), Error::method_not_allowed},
        {"TLS", "\x16\x03\x01", Error::head_malformed},
        {"HTTP/1.0", line("GET /mcp HTTP/1.0"), Error::version_not_supported},
        {"HTTP/2.0", line("GET /mcp HTTP/2.0"), Error::version_not_supported},
        {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Error::method_not_allowed},
        {"a version in lower case", line("GET /mcp http/1.1"), Error::head_malformed},
        {"a version with two digits", line("GET /mcp HTTP/1.10"), Error::head_malformed},
        {"no version", "GET /mcp\r\n\r\n", Error::head_malformed},

        {"no Host", "GET /mcp HTTP/1.1\r\nAccept: */*\r\n\r\n", Error::head_malformed},
        {"Host twice", get(host), Error::head_malformed},
        {"Host with a port", "GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", good},
        {"Host with port zero", "GET /mcp HTTP/1.1\r\nHost: gw.test:0\r\n\r\n", Error::head_malformed},
        {"Host with an empty port", "GET /mcp HTTP/1.1\r\nHost: gw.test:\r\n\r\n", Error::head_malformed},
        {"Host with a comma", "GET /mcp HTTP/1.1\r\nHost: gw.test, b\r\n\r\n", Error::head_malformed},
        {"Host with half an address", "GET /mcp HTTP/1.1\r\nHost: [::1\r\n\r\n", Error::head_malformed},

        {"white space around a value", get("X-A:\t b \t\r\n"), good},
        {"an empty value", get("X-A:\r\nX-B: \r\n"), good},
        {"white space before the colon", get("X-A : b\r\n"), Error::head_malformed},
        {"white space before the colon of a known name", get("Accept : b\r\n"), Error::head_malformed},
        {"a folded line", get("X-A: b\r\n c\r\n"), Error::head_malformed},
        {"a folded line of a known name", get("Accept: b\r\n\tc\r\n"), Error::head_malformed},
        {"a line of nothing but white space", get(" \r\n"), Error::head_malformed},
        {"no colon", get("Junk\r\nAccept: b\r\n"), Error::head_malformed},
        {"no name", get(": b\r\n"), Error::head_malformed},
        {"CR for a hyphen in a known name", get("Content\rType: b\r\n"), Error::head_malformed},
        {"NUL in a name", get(std::string("X\0A: b\r\n", 8)), Error::head_malformed},
        {"NUL in a value", get(std::string("X: a\0b\r\n", 8)), Error::head_malformed},
        {"DEL in a value", get("X: a\x7f\r\n"), Error::head_malformed},
        {"bare CR in a value", get("X: a\rb\r\n"), Error::head_malformed},
        {"bare LF in a value", get("X: a\nb\r\n"), Error::head_malformed},
        {"bare LF at the end", "GET /mcp HTTP/1.1\r\n" + host + "\n", Error::head_malformed},
        {"an octet above 127 in an unknown field", get("X: caf\xc3\xa9\r\n"), good},
        {"an octet above 127 in User-Agent", get("User-Agent: caf\xc3\xa9 0123456789abcdef\r\n"), good},
        {"an octet above 127 in Mcp-Name", get("Mcp-Name: caf\xc3\xa9\r\n"), Error::head_malformed},
        {"an octet above 127 in a long Mcp-Param", get("Mcp-Param-A: 0123456789abcdef\x80\r\n"), Error::head_malformed},
        {"an octet above 127 behind the value", get("Mcp-Name: a\r\nX: \x80\r\n"), good},
        {"a known name with an underscore", get("Transfer_Encoding: chunked\r\n"), Error::head_malformed},
        {"a name of mcp with an underscore", get("mcp_anything: a\r\n"), Error::head_malformed},
        {"an unknown name with an underscore", get("X_A: b\r\n"), good},
        {"a parameter with an underscore", get("Mcp-Param-A_B: c\r\n"), good},

        {"Authorization twice", get("Authorization: Bearer a\r\nAuthorization: Bearer a\r\n"), Error::head_malformed},
        {"Mcp-Name twice", get("Mcp-Name: a\r\nmcp-name: a\r\n"), Error::head_malformed},
        {"Mcp-Session-Id twice", get("Mcp-Session-Id: a\r\nMCP-Session-Id: b\r\n"), Error::head_malformed},
        {"one parameter twice", get("Mcp-Param-X: 1\r\nMcp-Param-Y: 1\r\nMCP-PARAM-x: 1\r\n"), Error::head_malformed},
        {"two parameters", get("Mcp-Param-X: 1\r\nMcp-Param-Y: 1\r\n"), good},
        {"Origin twice", get("Origin: http://a\r\nOrigin: http://a\r\n"), Error::head_malformed},
        {"Accept twice", get("Accept: application/json\r\nAccept: text/event-stream\r\n"), good},
        {"an unknown name twice", get("X: 1\r\nX: 2\r\n"), good},

        {"a length", post("Content-Length: 5\r\n"), good},
        {"length zero", post("Content-Length: 0\r\n"), good},
        {"length zero on GET is no body", get("Content-Length: 0\r\n"), good},
        {"a body on GET", get("Content-Length: 1\r\n"), Error::body_not_allowed},
        {"a chunked body on GET", get("Transfer-Encoding: chunked\r\n"), Error::body_not_allowed},
        {"a length with a sign", post("Content-Length: +5\r\n"), Error::framing_ambiguous},
        {"a length with a leading zero", post("Content-Length: 05\r\n"), Error::framing_ambiguous},
        {"two zeros", post("Content-Length: 00\r\n"), Error::framing_ambiguous},
        {"an empty length", post("Content-Length:\r\n"), Error::framing_ambiguous},
        {"a list of lengths", post("Content-Length: 5, 5\r\n"), Error::framing_ambiguous},
        {"two lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n"), Error::framing_ambiguous},
        {"a length beyond reason", post("Content-Length: 1000000000000000000\r\n"), Error::body_too_large},
        {"the greatest length that is read", post("Content-Length: 999999999999999999\r\n"), good},
        {"chunked, in any case", post("transfer-encoding: CHUNKED\r\n"), good},
        {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
         Error::framing_ambiguous},
        {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), Error::framing_ambiguous},
        {"identity", post("Transfer-Encoding: identity\r\n"), Error::framing_ambiguous},
        {"a length and a coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
         Error::framing_ambiguous},

        {"100-continue", post("Content-Length: 5\r\nExpect: 100-Continue\r\n"), good},
        {"another expectation", post("Content-Length: 5\r\nExpect: 200-ok\r\n"), Error::expectation_failed},
        {"Connection with what may be dropped", get("Connection: close, Upgrade, X-A,, TE\r\n"), good},
        {"Connection naming Host", get("Connection: Host\r\n"), Error::head_malformed},
        {"Connection naming Authorization", get("Connection: a, authorization\r\n"), Error::head_malformed},
        {"Connection naming Content-Length", post("Connection: Content-Length\r\nContent-Length: 1\r\n"),
         Error::head_malformed},
        {"Connection naming any field of mcp", get("Connection: keep-alive\r\nConnection: mcp-whatever\r\n"),
         Error::head_malformed},
        {"Connection naming a disguise", get("Connection: mcp_name\r\n"), Error::head_malformed},
        {"Connection that is no list of tokens", get("Connection: a b\r\n"), Error::head_malformed},
        {"an encoded body", post("Content-Encoding: gzip\r\nContent-Length: 1\r\n"), Error::media_type_unsupported},
        {"a body encoded as identity", post("Content-Encoding: identity\r\nContent-Length: 1\r\n"), good},
    };
    return all;
}

Error verdict_on(std::string_view octets, std::span<Field> room, const HeadLimits& limits = {}) {
    const auto head = read_request_head(octets, room, limits);
    if (!head) return head.error();
    CHECK(head->size == octets.size());
    return good;
}

} // namespace

TEST_CASE("a request head gets the verdict of the table, and so does no part of it get another") {
    std::array<Field, 100> room;
    for (const Case& c : cases()) {
        INFO(c.name);
        CHECK(row_of(verdict_on(Exact(c.octets), room)).name == row_of(c.verdict).name);
        bool decided = false;
        for (size_t size = 0; size < c.octets.size(); ++size) {
            const Exact part(std::string_view(c.octets).substr(0, size));
            const auto head = read_request_head(part, room, {});
            REQUIRE(!head);
            if (head.error() != Error::incomplete) decided = true;
            if (decided) REQUIRE(head.error() == c.verdict);
        }
    }
}

TEST_CASE("octets behind a head are not part of it") {
    std::array<Field, 100> room;
    for (const Case& c : cases()) {
        if (c.verdict != good) continue;
        INFO(c.name);
        const auto head = read_request_head(c.octets + "\r\n\r\n{}", room, {});
        REQUIRE(head);
        CHECK(head->size == c.octets.size());
    }
}

TEST_CASE("what a request head means is computed in the same pass") {
    std::array<Field, 100> room;
    const std::string octets =
        "POST /mcp/a?b=c HTTP/1.1\r\nhost: gw.test:8080\r\naccept: application/json\r\n"
        "X-Other:  1 \r\nACCEPT: text/event-stream;q=0.5\r\nContent-Type: application/json; "
        "charset=UTF-8\r\nMcp-Param-City: Bern\r\nmcp-session-id: s1\r\nConnection: Close\r\n"
        "Expect: 100-continue\r\nContent-Length: 77\r\n\r\n";
    const auto head = read_request_head(octets, room, {});
    REQUIRE(head);
    CHECK(head->method == Method::post);
    CHECK(head->target == "/mcp/a?b=c");
    CHECK(head->path == "/mcp/a");
    CHECK(head->query == "b=c");
    CHECK(head->authority.host == "gw.test");
    CHECK(head->authority.port == 8080);
    CHECK(head->framing == Framing::length);
    CHECK(head->content_length == 77);
    CHECK_FALSE(head->keep_alive);
    CHECK(head->expect_continue);
    CHECK(head->content_type == MediaType::json);
    CHECK(head->accepts.json);
    CHECK(head->accepts.event_stream);
    REQUIRE(head->fields.size() == 10);
    CHECK(head->fields[2].name == "X-Other");
    CHECK(head->fields[2].value == "1");
    CHECK(head->fields[2].id == FieldId::other);
    CHECK(head->fields[5].id == FieldId::mcp_param);
    CHECK(head->value(FieldId::mcp_session_id) == "s1");
    CHECK(head->value(FieldId::accept) == "application/json");
    CHECK(head->has(FieldId::mcp_param));
    CHECK_FALSE(head->has(FieldId::authorization));
    CHECK(head->find(FieldId::authorization) == nullptr);
}

TEST_CASE("without a body nobody waits for a 100") {
    std::array<Field, 10> room;
    const auto head = read_request_head(get("Expect: 100-continue\r\n"), room, {});
    REQUIRE(head);
    CHECK_FALSE(head->expect_continue);
}

TEST_CASE("the limits of a head hold to the octet, however it arrives") {
    std::array<Field, 100> room;
    HeadLimits limits;
    limits.head_bytes_max = 100;
    limits.target_bytes_max = 20;
    const std::string start = "GET /mcp HTTP/1.1\r\n" + host + "X: ";
    const std::string fits = start + std::string(100 - start.size() - 4, 'a') + "\r\n\r\n";
    REQUIRE(fits.size() == 100);
    CHECK(verdict_on(fits, room, limits) == good);
    const std::string exceeds = start + std::string(100 - start.size() - 3, 'a') + "\r\n\r\n";
    for (size_t size = 0; size <= exceeds.size(); ++size) {
        const auto head = read_request_head(std::string_view(exceeds).substr(0, size), room, limits);
        REQUIRE(!head);
        CHECK(head.error() == (size < 100 ? Error::incomplete : Error::head_too_large));
    }
    CHECK(verdict_on(line("GET /" + std::string(19, 'a') + " HTTP/1.1"), room, limits) == good);
    CHECK(verdict_on(line("GET /" + std::string(20, 'a') + " HTTP/1.1"), room, limits) == Error::target_too_long);
    CHECK(verdict_on("GET /" + std::string(19, 'a'), room, limits) == Error::incomplete);
    CHECK(verdict_on("GET /" + std::string(20, 'a'), room, limits) == Error::target_too_long);
}

TEST_CASE("a head has no more fields than there is room for") {
    std::array<Field, 3> room;
    CHECK(verdict_on(get("A: 1\r\nB: 2\r\n"), room) == good);
    CHECK(verdict_on(get("A: 1\r\nB: 2\r\nC: 3\r\n"), room) == Error::head_too_large);
    CHECK(verdict_on(get(""), std::span<Field>()) == Error::head_too_large);
    std::vector<Field> much(1000); // more than a FieldSet can point to
    std::string fields;
    for (size_t i = 0; i < FieldSet::fields_max - 1; ++i) fields += "A: 1\r\n";
    CHECK(verdict_on(get(fields), much) == good);
    CHECK(verdict_on(get(fields + "Accept: a/b\r\n"), much) == Error::head_too_large);
}

TEST_CASE("every known name is found in any case, and nothing near it is") {
#define WEIR_ROW(id, name, rule) {FieldId::id, name},
    const std::vector<std::pair<FieldId, std::string>> names = {WEIR_HTTP_FIELDS(WEIR_ROW)};
#undef WEIR_ROW
    for (const auto& [id, name] : names) {
        INFO(name);
        CHECK(field_id(name) == id);
        std::string upper = name;
        for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        CHECK(field_id(Exact(upper)) == id);
        CHECK(field_id(upper + "x") == FieldId::other);
        CHECK(field_id("x" + upper) == FieldId::other);
        for (size_t at = 0; at < name.size(); ++at)
            for (int octet = 0; octet < 256; ++octet) {
                std::string near = name;
                near[at] = static_cast<char>(octet);
                if (std::tolower(octet) == name[at]) continue;
                if (field_id(near) == id) FAIL("octet " << octet << " at " << at);
            }
        CHECK_FALSE(is_disguised(name));
        std::string disguised = name;
        for (char& c : disguised) c = c == '-' ? '_' : c;
        CHECK(is_disguised(disguised) == (disguised != name));
    }
    CHECK(field_id("mcp-param-x") == FieldId::mcp_param);
    CHECK(field_id("Mcp-Param-" + std::string(100, 'x')) == FieldId::mcp_param);
    CHECK(field_id("mcp-param-") == FieldId::other);
    CHECK(field_id("") == FieldId::other);
}

namespace {

struct AnswerCase {
    const char* name;
    std::string octets;
    Error verdict;
    Framing framing;
    bool keep_alive;
};

const std::string ok = "HTTP/1.1 200 OK\r\n";

const std::vector<AnswerCase>& answers() {
    constexpr Error bad = Error::upstream_malformed;
    static const std::vector<AnswerCase> all = {
        {"a length", ok + "Content-Length: 5\r\n\r\n", good, Framing::length, true},
        {"length zero", ok + "Content-Length: 0\r\n\r\n", good, Framing::none, true},
        {"chunked", ok + "Transfer-Encoding: Chunked\r\n\r\n", good, Framing::chunked, true},
        {"until the end", ok + "\r\n", good, Framing::until_close, false},
        {"close", ok + "Connection: keep-alive, close\r\nContent-Length: 5\r\n\r\n", good, Framing::length, false},
        {"HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", good, Framing::length, false},
        {"HTTP/1.0 with keep-alive is not trusted with more",
         "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n", good, Framing::length, false},
        {"HTTP/1.0 with chunks", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", bad, {}, {}},
        {"no reason", "HTTP/1.1 202 \r\nContent-Length: 0\r\n\r\n", good, Framing::none, true},
        {"a reason in another script", "HTTP/1.1 200 \xc3\xa9\r\n\r\n", good, Framing::until_close, false},
        {"no space behind the status", "HTTP/1.1 200\r\n\r\n", bad, {}, {}},
        {"204", "HTTP/1.1 204 No Content\r\n\r\n", good, Framing::none, true},
        {"204 with length zero", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", good, Framing::none, true},
        {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n", bad, {}, {}},
        {"204 with chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", bad, {}, {}},
        {"304 with the length of what is not sent", "HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", good, Framing::none,
         true},
        {"100", "HTTP/1.1 100 Continue\r\n\r\n", good, Framing::none, true},
        {"103 with fields", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", good, Framing::none, true},
        {"100 with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", bad, {}, {}},
        {"101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", bad, {}, {}},
        {"status 99", "HTTP/1.1 099 X\r\n\r\n", bad, {}, {}},
        {"status 600", "HTTP/1.1 600 X\r\n\r\n", bad, {}, {}},
        {"status of two digits", "HTTP/1.1 99 X\r\n\r\n", bad, {}, {}},
        {"status of four digits", "HTTP/1.1 2000 X\r\n\r\n", bad, {}, {}},
        {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", bad, {}, {}},
        {"another protocol", "SSH-2.0-OpenSSH_9.6\r\n", bad, {}, {}},
        {"an empty line first", "\r\n" + ok + "\r\n", bad, {}, {}},
        {"a length and a coding", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", bad, {}, {}},
        {"two lengths", ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", bad, {}, {}},
        {"a length beyond reason", ok + "Content-Length: 1000000000000000000\r\n\r\n", bad, {}, {}},
        {"gzip, chunked", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", bad, {}, {}},
        {"gzip", ok + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", bad, {}, {}},
        {"identity", ok + "Content-Encoding: identity\r\nContent-Length: 5\r\n\r\n", good, Framing::length, true},
        {"a folded line", ok + "X: a\r\n b\r\n\r\n", bad, {}, {}},
        {"NUL", ok + std::string("X: a\0b\r\n\r\n", 10), bad, {}, {}},
        {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", bad, {}, {}},
        {"two session ids", ok + "Mcp-Session-Id: a\r\nMcp-Session-Id: a\r\n\r\n", bad, {}, {}},
        {"Content-Type twice", ok + "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n", bad, {}, {}},
    };
    return all;
}

} // namespace

TEST_CASE("an answer head gets the verdict of the table, and no part of it another") {
    std::array<Field, 100> room;
    for (const AnswerCase& c : answers()) {
        INFO(c.name);
        const Exact whole(c.octets);
        const auto head = read_answer_head(whole, room, {});
        if (c.verdict == good) {
            REQUIRE(head);
            CHECK(head->size == c.octets.size());
            CHECK(head->framing == c.framing);
            CHECK(head->keep_alive == c.keep_alive);
            if (head->framing != Framing::length) CHECK(head->content_length == 0);
        } else {
            REQUIRE(!head);
            CHECK(head.error() == c.verdict);
        }
        bool decided = false;
        for (size_t size = 0; size < c.octets.size(); ++size) {
            const Exact part(std::string_view(c.octets).substr(0, size));
            const auto early = read_answer_head(part, room, {});
            REQUIRE(!early);
            if (early.error() != Error::incomplete) decided = true;
            if (decided) REQUIRE(early.error() == c.verdict);
        }
    }
}

TEST_CASE("what an answer head means is computed in the same pass") {
    std::array<Field, 100> room;
    const std::string octets = ok +
                               "content-type: text/event-stream\r\nKeep-Alive: max=5, timeout=12\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    const auto head = read_answer_head(octets, room, {});
    REQUIRE(head);
    CHECK(head->status == 200);
    CHECK(head->reason == "OK");
    CHECK(head->content_type == MediaType::event_stream);
    CHECK(head->keep_alive_timeout_s == 12u);
    CHECK_FALSE(head->informational());
    const auto hint = [&room](const std::string& value) {
        return read_answer_head(ok + "Keep-Alive: " + value + "\r\n\r\n", room, {})->keep_alive_timeout_s;
    };
    CHECK(hint("timeout=0") == 0u);
    CHECK(hint("TIMEOUT=5 ,max=1") == 5u);
    CHECK_FALSE(hint("timeout=99999999999"));
    CHECK_FALSE(hint("timeout=-1"));
    CHECK_FALSE(hint("timeout=5s"));
    CHECK_FALSE(hint("max=1"));
    CHECK_FALSE(hint(""));
}

TEST_CASE("an answer head beyond the limits is too large") {
    std::array<Field, 2> room;
    HeadLimits limits;
    limits.head_bytes_max = 64;
    const auto verdict = [&](const std::string& octets) { return read_answer_head(octets, room, limits).error(); };
    CHECK(verdict(ok + "X: " + std::string(100, 'a')) == Error::upstream_too_large);
    CHECK(verdict(ok + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n") == Error::upstream_too_large);
    CHECK(verdict(ok + "A: 1\r\nB: 2\r\n") == Error::incomplete);
}
