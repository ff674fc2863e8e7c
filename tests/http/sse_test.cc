// tests/http/sse_test.cc - event streams: the rules of WHATWG HTML section 9.2.6, and that cutting changes nothing.
//
// Each stream is read at once, octet by octet, and with every single cut; the events must be the same. What is written
// is read back.
#include "http/sse.h"

#include "exact.h"
#include "http/scan.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;

namespace {

// The events of a stream as one text each: what a client would see. Those that say nothing are left out.
struct Stream {
    explicit Stream(size_t event_bytes_max = Limits{}.answer_bytes_max) : reader(event_bytes_max) {}

    void feed(std::string_view octets) {
        kept += octets;
        for (;;) {
            const Exact exact(kept);
            const auto event = reader.next(exact, joined);
            if (!event) {
                error = event.error();
                return;
            }
            REQUIRE(event->consumed > 0);
            REQUIRE(event->consumed <= kept.size());
            ++blocks;
            if (!event->empty()) events.push_back(shown(*event));
            kept.erase(0, event->consumed);
        }
    }
    static std::string shown(const Event& event) {
        std::string text;
        if (event.has_id) text += "id<" + std::string(event.id) + ">";
        if (!event.type.empty()) text += "type<" + std::string(event.type) + ">";
        if (event.retry_ms) text += "retry<" + std::to_string(*event.retry_ms) + ">";
        if (event.has_data) text += "data<" + std::string(event.data) + ">";
        return text;
    }

    BufferPool pool;
    PaddedBytes joined{pool};
    EventReader reader;
    std::string kept;
    std::vector<std::string> events;
    size_t blocks = 0;
    Error error = Error::incomplete;
};

struct Case {
    const char* name;
    std::string octets;
    std::vector<std::string> events;
};

const std::vector<Case>& cases() {
    static const std::vector<Case> all = {
        {"one line", "data: a\n\n", {"data<a>"}},
        {"CR", "data: a\r\r", {"data<a>"}},
        {"CRLF", "data: a\r\n\r\n", {"data<a>"}},
        {"all line ends in turn",
         "data: a\rdata: b\ndata: c\r\n\rdata: d\r\n\ndata: e\n\r\n",
         {"data<a\nb\nc>", "data<d>", "data<e>"}},
        {"several lines", "data: a\ndata: b\ndata\ndata:\n\n", {"data<a\nb\n\n>"}},
        {"one space does not count", "data:a\n\ndata:  b\n\ndata:\tc\n\n", {"data<a>", "data< b>", "data<\tc>"}},
        {"a colon in the data", "data: a: b\n\n", {"data<a: b>"}},
        {"empty data is an event", "id: 1\ndata:\n\n", {"id<1>data<>"}},
        {"a name alone", "data\n\n", {"data<>"}},
        {"no data", "id: 1\nretry: 5\n\n", {"id<1>retry<5>"}},
        {"a BOM",
         "\xef\xbb\xbf"
         "data: a\n\n",
         {"data<a>"}},
        {"a BOM before several lines",
         "\xef\xbb\xbf"
         "data: a\ndata: b\n\n",
         {"data<a\nb>"}},
        {"a second BOM is part of a name",
         "\xef\xbb\xbf\xef\xbb\xbf"
         "data: a\ndata: b\n\n",
         {"data<b>"}},
        {"a BOM later is part of a name",
         "data: a\n\n\xef\xbb\xbf"
         "data: b\n\n",
         {"data<a>"}},
        {"half a BOM",
         "\xef\xbb"
         "data: b\n\n",
         {}},
        {"comments", ": one\n:\n\n:two\ndata: a\n: three\n\n", {"data<a>"}},
        {"unknown fields", "x-secret: a\nDATA: b\ndatab: c\ndat: d\ndata: e\n\n", {"data<e>"}},
        {"names with a space", "data : a\n data: b\n\n", {}},
        {"the last of each counts",
         "id: 1\nid: 2\nevent: a\nevent: b\nretry: 1\nretry: 2\ndata: x\n\n",
         {"id<2>type<b>retry<2>data<x>"}},
        {"a type alone is no event", "event: a\n\ndata: b\n\n", {"data<b>"}},
        {"a type does not last", "event: a\ndata: b\n\ndata: c\n\n", {"type<a>data<b>", "data<c>"}},
        {"an empty id", "id: 1\ndata: a\n\nid\ndata: b\n\n", {"id<1>data<a>", "id<>data<b>"}},
        {"NUL in an id", std::string("id: 1\nid: 2\0\ndata: a\n\n", 22), {"id<1>data<a>"}},
        {"retry is digits only", "retry: 1a\n\nretry: -1\n\nretry:\n\nretry: 3600000\n\n", {"retry<3600000>"}},
        {"retry is bounded", "retry: 3600001\n\nretry: 99999999999999999999999\n\nretry: 0007\n\n", {"retry<7>"}},
        {"an end without an empty line", "data: a\n\ndata: b\n", {"data<a>"}},
        {"an end within a line", "data: a\n\ndata: b", {"data<a>"}},
        {"an end within CRLF", "data: a\r\n\r\ndata: b\r", {"data<a>"}},
        {"empty lines", "\n\r\n\r\rdata: a\n\n\n\n", {"data<a>"}},
        {"long lines",
         "data: " + std::string(300, 'x') + "\r\ndata: " + std::string(70, 'y') + "\r\n\r\n",
         {"data<" + std::string(300, 'x') + "\n" + std::string(70, 'y') + ">"}},
    };
    return all;
}

} // namespace

TEST_CASE("a stream gives its events, however it is cut") {
    for (const Case& c : cases()) {
        INFO(c.name);
        Stream whole;
        whole.feed(c.octets);
        CHECK(whole.events == c.events);
        Stream single;
        for (const char octet : c.octets) single.feed({&octet, 1});
        CHECK(single.events == c.events);
        for (size_t cut = 0; cut <= c.octets.size(); ++cut) {
            Stream two;
            two.feed(std::string_view(c.octets).substr(0, cut));
            two.feed(std::string_view(c.octets).substr(cut));
            REQUIRE(two.events == c.events);
        }
    }
}

TEST_CASE("an event is complete at its empty line at once") {
    for (const char* octets : {"data: a\n\n", "data: a\r\r", "data: a\r\n\r", "data: a\n\r"}) {
        INFO(octets);
        Stream stream;
        stream.feed(octets);
        CHECK(stream.events.size() == 1);
        CHECK(stream.kept.empty());
        stream.feed("\n"); // at most the rest of a CRLF
        CHECK(stream.kept.empty());
        stream.feed("data: b\n\n");
        CHECK(stream.events.size() == 2);
    }
}

TEST_CASE("signs of life do not pile up") {
    Stream stream;
    stream.feed(": ping\n");
    CHECK(stream.kept.empty());
    CHECK(stream.blocks == 1);
    stream.feed(": ping\r\n\r\n");
    CHECK(stream.kept.empty());
    stream.feed(": ping\ndata: a\n: pong\n");
    CHECK(stream.events.empty()); // once a field has come, its event is waited for
    stream.feed("\n");
    CHECK(stream.events == std::vector<std::string>{"data<a>"});
}

TEST_CASE("data of one line is not copied") {
    BufferPool pool;
    PaddedBytes joined(pool);
    EventReader reader;
    const std::string octets = "id: 7\ndata: {\"a\":1}\n\n";
    const auto event = reader.next(octets, joined);
    REQUIRE(event);
    CHECK(event->data.data() == octets.data() + 12);
    CHECK(joined.empty());
}

TEST_CASE("an event beyond the limit is given up") {
    Stream stream(100);
    stream.feed("data: " + std::string(92, 'a') + "\n");
    CHECK(stream.error == Error::incomplete);
    stream.feed("\n");
    CHECK(stream.events.size() == 1);
    stream.feed("data: " + std::string(93, 'a') + "\n");
    CHECK(stream.error == Error::incomplete);
    stream.feed("\n");
    CHECK(stream.error == Error::upstream_too_large);
    Stream endless(100);
    endless.feed(std::string(101, 'a'));
    CHECK(endless.error == Error::upstream_too_large);
}

TEST_CASE("what is written is read back") {
    BufferPool pool;
    struct Written {
        EventParts parts;
        const char* octets;
        const char* read;
    };
    const Written all[] = {
        {{.id = "1", .retry_ms = 3000, .type = "message", .data = "{}"},
         "id: 1\nevent: message\nretry: 3000\ndata: {}\n\n",
         "id<1>type<message>retry<3000>data<{}>"},
        {{.data = ""}, "data: \n\n", "data<>"},
        {{.id = "", .data = " a"}, "id: \ndata:  a\n\n", "id<>data< a>"},
        {{.id = "7"}, "id: 7\n\n", "id<7>"},
        {{.data = "a\nb\r\nc\rd\n"}, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n", "data<a\nb\nc\nd\n>"},
        {{.data = "data: x\n\nid: 1"}, "data: data: x\ndata: \ndata: id: 1\n\n", "data<data: x\n\nid: 1>"},
    };
    for (const Written& w : all) {
        INFO(w.octets);
        PaddedBytes out(pool);
        REQUIRE(write_event(out, w.parts));
        CHECK(out.text() == w.octets);
        Stream stream;
        stream.feed(out.text());
        CHECK(stream.events == std::vector<std::string>{w.read});
    }
}

TEST_CASE("no id and no type can add a line") {
    BufferPool pool;
    PaddedBytes out(pool);
    out.append("before");
    for (const std::string_view text : {std::string_view("a\nb"), std::string_view("a\r"), std::string_view("\0", 1)}) {
        CHECK(write_event(out, {.id = text}).error() == Error::invalid);
        CHECK(write_event(out, {.type = text, .data = "x"}).error() == Error::invalid);
    }
    CHECK(out.text() == "before");
    out.clear();
    write_comment(out, "ping");
    CHECK(out.text() == ": ping\n\n");
}

TEST_CASE("the loops that look at sixteen octets see what the plain ones see") {
    // A text of good octets with one other at every place, at every offset and length around the block sizes.
    for (size_t size : {0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 130}) {
        for (size_t place = 0; place < size; ++place) {
            for (const int other : {0, 9, 10, 13, 31, 32, 58, 126, 127, 128, 255}) {
                std::string text(size, 'a');
                text[place] = static_cast<char>(other);
                const Exact exact(text);
                const char* const end = exact.data.get() + size;
                for (size_t from = 0; from <= place; from += 7) {
                    const char* const at = exact.data.get() + from;
                    bool high = false, plain_high = false;
                    REQUIRE(scan::value_end(at, end, high) == scan::portable::value_end(at, end, plain_high));
                    REQUIRE(high == plain_high);
                    REQUIRE(scan::line_end(at, end) == scan::portable::line_end(at, end));
                    if (end - at >= 32) REQUIRE(scan::colon(at) == scan::portable::colon(at));
                    const char* const words = scan::skip_words(at, end, '.');
                    REQUIRE(words <= at + (place - from) + (std::isdigit(other) || std::isalpha(other) ? size : 0));
                }
            }
        }
    }
}
