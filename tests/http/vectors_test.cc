// tests/http/vectors_test.cc - the public and our own corpora of requests and answers.
//
// A connection is read as the gateway reads it: head, body by its framing, next head. Every request that has to be
// refused is, at the latest with the end of the connection. What is refused although its corpus takes it stands in a
// table with the reason, so that a new refusal shows.
#include "http/body.h"
#include "http/head.h"
#include "http/sse.h"

#include "exact.h"

#include <simdjson.h>
#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <string>

using namespace weir;
using namespace weir::http;

namespace {

// The corpora hold octets as code points 0 to 255.
std::string octets_of(std::string_view utf8) {
    std::string octets;
    for (size_t i = 0; i < utf8.size(); ++i) {
        const auto lead = static_cast<unsigned char>(utf8[i]);
        if (lead < 0x80) {
            octets += utf8[i];
        } else {
            REQUIRE((lead & 0xfe) == 0xc2);
            octets += static_cast<char>((lead & 3) << 6 | (static_cast<unsigned char>(utf8[++i]) & 0x3f));
        }
    }
    return octets;
}

std::string text_of(const simdjson::dom::element& vector, const char* key) {
    std::string_view value;
    if (vector[key].get(value) != simdjson::SUCCESS) return {};
    return std::string(value);
}

template <class Visit> void each(const char* file, Visit visit) {
    simdjson::dom::parser parser;
    simdjson::dom::array all;
    REQUIRE(parser.load(std::string(WEIR_TEST_DATA "/") + file).get(all) == simdjson::SUCCESS);
    for (const simdjson::dom::element vector : all) visit(vector);
}

struct Outcome {
    Error error = Error::incomplete; // of the first refusal
    bool refused = false;
    bool cut = false; // the connection ended within a request
    int requests = 0;
};

Outcome read_connection(std::string_view octets, std::string_view served) {
    Outcome outcome;
    std::array<Field, 100> room;
    const Limits limits;
    const auto refuse = [&outcome](Error error) {
        outcome.error = error;
        outcome.refused = true;
        return outcome;
    };
    while (!octets.empty() &&
           octets != "\r\n") { // An empty line behind the last request is nothing (RFC 9112 section 2.2).
        const Exact exact(octets);
        const auto head = read_request_head(exact, room, limits);
        if (!head && head.error() == Error::incomplete) {
            outcome.cut = true;
            return outcome;
        }
        if (!head) return refuse(head.error());
        if (!served.empty() && !authority_equal(head->authority, *read_authority(served), 80))
            return refuse(Error::host_refused);
        octets.remove_prefix(head->size);
        if (head->framing == Framing::length) {
            if (head->content_length > limits.body_bytes_max) return refuse(Error::body_too_large);
            outcome.cut = octets.size() < head->content_length;
            if (outcome.cut) return outcome;
            octets.remove_prefix(head->content_length);
        } else if (head->framing == Framing::chunked) {
            ChunkedReader reader(limits);
            while (!reader.done()) {
                const auto piece = reader.next(octets);
                if (!piece) return refuse(piece.error());
                octets.remove_prefix(piece->consumed);
                outcome.cut = octets.empty() && !reader.done();
                if (outcome.cut) return outcome;
            }
        }
        ++outcome.requests;
        if (!head->keep_alive) return outcome;
    }
    return outcome;
}

} // namespace

TEST_CASE("every request of our corpus is taken or refused as it says") {
    int count = 0;
    each("http_vectors.json", [&count](const simdjson::dom::element& vector) {
        const std::string name = text_of(vector, "name");
        INFO(name);
        ++count;
        const Outcome outcome = read_connection(octets_of(text_of(vector, "raw")), "gw.test");
        if (text_of(vector, "expected") == "accept") {
            CHECK_FALSE(outcome.refused);
            CHECK_FALSE(outcome.cut);
            CHECK(outcome.requests == 1);
        } else {
            CHECK((outcome.refused || outcome.cut));
            CHECK(outcome.requests == 0);
            // Only these end with the connection instead of with an answer.
            if (outcome.cut) CHECK(name == "cl_truncated");
        }
    });
    CHECK(count == 76);
}

TEST_CASE("our corpus is refused with the status that its reason names") {
    const std::map<std::string, int> statuses = {
        {"rl_version_2_0", 505},   {"rl_method_trace", 405},   {"rl_target_too_long", 414}, {"fields_too_big", 431},
        {"content_encoding", 415}, {"expect_obfuscated", 417}, {"te_http10", 505},          {"cl_huge", 413}};
    size_t found = 0;
    each("http_vectors.json", [&](const simdjson::dom::element& vector) {
        const auto wanted = statuses.find(text_of(vector, "name"));
        if (wanted == statuses.end()) return;
        ++found;
        INFO(wanted->first);
        const Outcome outcome = read_connection(octets_of(text_of(vector, "raw")), "gw.test");
        CHECK(row_of(outcome.error).status == wanted->second);
    });
    CHECK(found == statuses.size());
}

namespace {

// A fixture whose first request lacks Host, has another method or speaks HTTP/1.0 would be refused for that alone. Here
// it gets what is missing, so that what it was made for is tried.
std::string repaired(std::string octets) {
    const size_t line_end = octets.find("\r\n", octets.starts_with("\r\n") ? 2 : 0);
    if (line_end == std::string::npos) return octets;
    const size_t begin = octets.starts_with("\r\n") ? 2 : 0;
    std::string line = octets.substr(begin, line_end - begin);
    const size_t space = line.find(' ');
    if (space != std::string::npos && line.ends_with(" HTTP/1.0")) line.replace(line.size() - 3, 3, "1.1");
    std::string lower = octets;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool body =
        lower.find("\ncontent-length") != std::string::npos || lower.find("\ntransfer-encoding") != std::string::npos;
    const bool token = space != std::string::npos && line.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == space;
    if (token) line.replace(0, space, body ? "POST" : "GET");
    if (lower.find("\nhost:") == std::string::npos && lower.find("\nhost ") == std::string::npos)
        line += "\r\nHost: gw.test";
    return octets.substr(0, begin) + line + octets.substr(line_end);
}

} // namespace

namespace {

struct Pinned {
    std::string_view name;
    std::string_view verdict; // of the repaired fixture
    std::string_view reason;
};

constexpr std::string_view origin_form =
    "the target has octets or a form that RFC 3986 and RFC 9112 section 3.2 do not have";
constexpr std::string_view host_differs = "absolute-form has to name Host";
constexpr std::string_view other_protocol = "not HTTP/1.1";
constexpr std::string_view bad_host = "Host is no authority";
constexpr std::string_view codings = "chunked alone is taken";
constexpr std::string_view only_with_switch = "its own parser takes it only with a switch";

// Good for others, refused here on purpose.
constexpr Pinned refused_on_purpose[] = {
    {"`Content-Length` with zeroes", "framing_ambiguous", "a leading zero is octal for some"},
    {"`Content-Length` with follow-up headers", "framing_ambiguous", "a leading zero is octal for some"},
    {"Content-Length reset when no body is received", "cut", "the body does not come"},
    {"M-SEARCH request", "head_malformed", origin_form},
    {"SOURCE request with ICE", "head_malformed", other_protocol},
    {"OPTIONS request with RTSP", "head_malformed", other_protocol},
    {"ANNOUNCE request with RTSP", "head_malformed", other_protocol},
    {"curl GET", "head_malformed", bad_host},
    {"Firefox GET", "head_malformed", bad_host},
    {"No HTTP version", "head_malformed", other_protocol},
    {"Trailing headers", "chunk_malformed", "Content-Type in the trailers"},
    {"POST with `chunked` as last transfer-encoding", "head_malformed", origin_form},
    {"POST with `chunked` as last transfer-encoding (multiple headers)", "head_malformed", origin_form},
    {"Quotes in URI", "head_malformed", origin_form},
    {"Host terminated by a query string", "head_malformed", host_differs},
    {"`host:port` terminated by a query string", "head_malformed", host_differs},
    {"Query URL with vertical bar character", "head_malformed", origin_form},
    {"`host:port` terminated by a space", "head_malformed", host_differs},
    {"Fragment in URI", "head_malformed", origin_form},
    {"`host:port` and basic auth", "head_malformed", origin_form},
    {"002.http", "head_malformed", bad_host},
    {"003.http", "head_malformed", bad_host},
    {"005.http", "head_malformed", origin_form},
    {"009.http", "head_malformed", origin_form},
    {"012.http", "chunk_malformed", "Content-Type in the trailers"},
    {"013.http", "chunk_malformed", "white space in a chunk extension"},
    {"014.http", "head_malformed", origin_form},
    {"025.http", "framing_ambiguous", codings},
    {"025_line.http", "framing_ambiguous", codings},
    {"027.http", "head_malformed", origin_form},
    {"028.http", "head_malformed", only_with_switch},
    {"029.http", "framing_ambiguous", codings},
    {"030.http", "framing_ambiguous", codings},
    {"031compat.http", "method_not_allowed", only_with_switch},
    {"031compat2.http", "method_not_allowed", only_with_switch},
    {"040.http", "head_malformed", "an underscore disguises a field of framing"},
    {"040_compat.http", "head_malformed", "an underscore disguises a field of framing"},
    {"099.http", "cut", "the body does not come"},
    {"compat_obs_fold.http", "head_malformed", only_with_switch},
    {"compat_obs_fold_huge.http", "head_malformed", only_with_switch},
    {"pp_01.http", "head_malformed", "the PROXY protocol comes before HTTP"},
    {"pp_02.http", "head_malformed", "the PROXY protocol comes before HTTP"},
    {"pp_04.http", "head_malformed", "the PROXY protocol comes before HTTP"},
    {"pp_05.http", "head_malformed", "the PROXY protocol comes before HTTP"},
    {"rfc9112_smuggle_gzip_chunked_01.http", "framing_ambiguous", codings},
    {"rfc9112_smuggle_te_identity_chunked_01.http", "framing_ambiguous", codings},
    {"rfc9112_target_absolute_userinfo_01.http", "head_malformed", "user information in an authority"},
    {"rfc9112_target_asterisk_options_01.http", "head_malformed", "nothing here answers OPTIONS *"},
    {"rfc9112_target_authority_connect_01.http", "head_malformed", "CONNECT"},
    {"rfc9112_target_authority_ipv6_01.http", "head_malformed", "CONNECT"},
    {"COMP-OPTIONS-STAR", "head_malformed", "nothing here answers OPTIONS *"},
};

// Refused as they are; once repaired, what is left of them is a good request.
constexpr Pinned good_once_repaired[] = {
    {"No restart when keep-alive is off (1.0)", "method_not_allowed", "HTTP/1.0 was the fault"},
    {"CRLF between requests, implicit `keep-alive`", "head_malformed", "what follows the first request is"},
    {"Multiple tokens with folding and LWS", "method_not_allowed", "what follows the first request is"},
    {"Setting a flag and pausing", "accepted", "its parser pauses at Upgrade, which is ignored here"},
    {"Emitting part of body and pausing", "cut", "its parser pauses at Upgrade, which is ignored here"},
    {"Upgrade GET request", "method_not_allowed", "what follows the first request is"},
    {"Upgrade POST request", "method_not_allowed", "what follows the first request is"},
    {"HTTP protocol and ANNOUNCE method", "accepted", "the method was the fault"},
    {"Invalid method", "accepted", "the method was the fault"},
    {"006.http", "accepted", "limits of its own configuration"},
    {"007.http", "accepted", "limits of its own configuration"},
    {"008.http", "accepted", "limits of its own configuration"},
    {"010.http", "accepted", "limits of its own configuration"},
    {"017.http", "accepted", "limits of its own configuration"},
    {"019.http", "accepted", "X-Forwarded fields are not read"},
    {"limit_header_default_01.http", "accepted", "limits of its own configuration"},
    {"COMP-TRACE-WITH-BODY", "accepted", "the method was the fault"},
};

// Of the fixtures that leave it to the parser, those that are taken.
constexpr std::string_view taken[] = {
    "COMP-ABSOLUTE-FORM",
    "COMP-POST-CL-BODY",
    "COMP-CHUNKED-BODY",
    "COMP-CHUNKED-MULTI",
    "COMP-UPGRADE-POST",
    "COMP-UPGRADE-MISSING-CONN",
    "COMP-UPGRADE-UNKNOWN",
    "COMP-CHUNKED-EXTENSION",
    "COMP-UPGRADE-INVALID-VER",
    "COMP-CONNECTION-CLOSE",
    "COMP-CHUNKED-TRAILER-VALID",
    "COMP-CHUNKED-HEX-UPPERCASE",
    "COMP-RANGE-POST",
    "COMP-405-ALLOW",
    "COMP-HEAD-NO-BODY",
    "COMP-DATE-HEADER",
    "COMP-DATE-FORMAT",
    "COMP-NO-CL-IN-204",
    "COMP-OPTIONS-ALLOW",
    "COMP-CONTENT-TYPE",
    "COMP-RANGE-INVALID",
    "COMP-ACCEPT-NONSENSE",
    "COMP-POST-UNSUPPORTED-CT",
    "SMUG-CL-TRAILING-SPACE",
    "SMUG-CL-EXTRA-LEADING-SP",
    "SMUG-EXPECT-100-CL",
    "MAL-CL-TAB-BEFORE-VALUE",
};

std::string_view verdict_of(const Outcome& outcome) {
    return outcome.refused ? row_of(outcome.error).name : outcome.cut ? "cut" : "accepted";
}

template <size_t size> const Pinned* find(const Pinned (&table)[size], std::string_view name) {
    const auto found = std::ranges::find(table, name, &Pinned::name);
    return found != std::end(table) ? found : nullptr;
}

} // namespace

TEST_CASE("every public fixture that must be refused is, and every other refusal has its reason") {
    int count = 0;
    size_t on_purpose = 0, good = 0, takes = 0;
    each("http_fixtures_public.json", [&](const simdjson::dom::element& vector) {
        const std::string name = text_of(vector, "name"), expected = text_of(vector, "expected");
        INFO(text_of(vector, "source") << ": " << name << ": " << text_of(vector, "raw").substr(0, 300));
        ++count;
        const std::string octets = octets_of(text_of(vector, "raw"));
        const Outcome as_is = read_connection(octets, {}), again = read_connection(repaired(octets), {});
        if (expected == "accept") {
            const Pinned* pinned = find(refused_on_purpose, name);
            on_purpose += pinned != nullptr;
            if (pinned != nullptr) CHECK(verdict_of(again) == pinned->verdict);
            CHECK((again.requests > 0) == (pinned == nullptr));
        } else if (expected == "see note") {
            const bool pinned = std::ranges::find(taken, name) != std::end(taken);
            takes += pinned;
            CHECK((verdict_of(as_is) == "accepted") == pinned);
        } else {
            CHECK((as_is.refused || as_is.cut));
            const Pinned* pinned =
                expected == "reject" && again.requests > 0 ? find(good_once_repaired, name) : nullptr;
            good += pinned != nullptr;
            if (pinned != nullptr) CHECK(verdict_of(again) == pinned->verdict);
            CHECK((again.requests == 0 || pinned != nullptr));
        }
    });
    CHECK(count == 394);
    CHECK(on_purpose == std::size(refused_on_purpose));
    CHECK(good == std::size(good_once_repaired));
    CHECK(takes == std::size(taken));
}

namespace {

struct AnswerOutcome {
    bool refused = false;
    bool cut = false;
    Error error = Error::incomplete;
    std::string payload;
    MediaType type = MediaType::none;
    size_t left = 0; // octets behind the answer
};

AnswerOutcome read_answer(std::string_view octets) {
    AnswerOutcome outcome;
    std::array<Field, 100> room;
    const Limits limits;
    const auto refuse = [&outcome](Error error) {
        outcome.refused = true;
        outcome.error = error;
        return outcome;
    };
    for (uint32_t informational = 0;; ++informational) {
        if (informational > limits.informational_max) return refuse(Error::upstream_malformed);
        const Exact exact(octets);
        const auto head = read_answer_head(exact, room, limits);
        outcome.cut = !head && head.error() == Error::incomplete;
        if (outcome.cut) return outcome;
        if (!head) return refuse(head.error());
        octets.remove_prefix(head->size);
        if (head->informational()) continue;
        outcome.type = head->content_type;
        if (head->framing == Framing::length) {
            outcome.cut = octets.size() < head->content_length;
            outcome.payload = octets.substr(0, head->content_length);
            octets.remove_prefix(outcome.payload.size());
        } else if (head->framing == Framing::chunked) {
            ChunkedReader reader(limits);
            while (!reader.done() && !outcome.cut) {
                const auto piece = reader.next(octets);
                if (!piece) return refuse(piece.error());
                outcome.payload += piece->payload;
                octets.remove_prefix(piece->consumed);
                outcome.cut = octets.empty() && !reader.done();
            }
        } else if (head->framing == Framing::until_close) {
            outcome.payload = octets;
            octets = {};
        }
        outcome.left = octets.size();
        return outcome;
    }
}

} // namespace

TEST_CASE("every hostile answer is refused by its head or body, unless only its meaning is bad") {
    int count = 0;
    each("http_response_vectors.json", [&count](const simdjson::dom::element& vector) {
        const std::string name = text_of(vector, "name"), expected = text_of(vector, "expected");
        INFO(name);
        ++count;
        std::string octets = octets_of(text_of(vector, "raw"));
        int64_t repeat = 0;
        if (vector["repeat"].get(repeat) == simdjson::SUCCESS)
            for (int64_t i = 0; i < repeat; ++i) octets += octets_of(text_of(vector, "repeat_raw"));
        const AnswerOutcome outcome = read_answer(octets);
        if (expected == "502") {
            const bool meaning = name == "mask_bad_utf8" || name == "answer_before_request";
            CHECK((outcome.refused || outcome.cut) == !meaning);
            if (outcome.refused && outcome.error != Error::chunk_malformed) CHECK(row_of(outcome.error).status == 502);
            return;
        }
        CHECK_FALSE(outcome.refused);
        CHECK(outcome.left == 0);
        CHECK(outcome.cut == (name == "sse_line_endless"));
        if (outcome.type != MediaType::event_stream) return;
        BufferPool pool;
        PaddedBytes joined(pool);
        EventReader reader(1 << 20);
        std::string_view rest = outcome.payload;
        size_t events = 0;
        auto event = reader.next(rest, joined);
        for (; event; event = reader.next(rest, joined)) {
            events += event->has_data;
            rest.remove_prefix(event->consumed);
        }
        const bool endless = name == "sse_line_endless";
        CHECK(event.error() == (endless ? Error::upstream_too_large : Error::incomplete));
        CHECK(events == (endless ? 0u : name == "sse_two_answers" ? 2u : 1u));
        if (!endless) CHECK(rest.empty());
    });
    CHECK(count == 29);
}
