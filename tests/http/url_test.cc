// tests/http/url_test.cc - authorities, origins, URLs, targets and media types, by tables.
#include "http/url.h"

#include "exact.h"
#include "http/media.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace weir;
using namespace weir::http;

TEST_CASE("an authority is a host and perhaps a port") {
    struct Case {
        const char* text;
        const char* host; // null: refused
        uint16_t port;
    };
    const Case cases[] = {
        {"gw.test", "gw.test", 0},
        {"GW.test:8080", "GW.test", 8080},
        {"127.0.0.1:1", "127.0.0.1", 1},
        {"a_b-c:65535", "a_b-c", 65535},
        {"[::1]", "[::1]", 0},
        {"[::]:80", "[::]", 80},
        {"[2001:DB8::ff00:42:8329]:443", "[2001:DB8::ff00:42:8329]", 443},
        {"[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", 0},
        {"[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", 0},
        {"[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", 0},
        {"[1:2:3:4:5:6:7:8:9]", nullptr, 0},
        {"[1:2:3:4:5:6:7]", nullptr, 0},
        {"[1::2::3]", nullptr, 0},
        {"[1:2:3:4:5:6:7:8::]", nullptr, 0},
        {"[:1]", nullptr, 0},
        {"[:::1]", nullptr, 0},
        {"[1:]", nullptr, 0},
        {"[12345::]", nullptr, 0},
        {"[::192.0.2.256]", nullptr, 0},
        {"[::192.0.02.1]", nullptr, 0},
        {"[fe80::1%eth0]", nullptr, 0},
        {"[]", nullptr, 0},
        {"[::1", nullptr, 0},
        {"[::1]x", nullptr, 0},
        {"", nullptr, 0},
        {":80", nullptr, 0},
        {"a:", nullptr, 0},
        {"a:0", nullptr, 0},
        {"a:080", nullptr, 0},
        {"a:65536", nullptr, 0},
        {"a:+1", nullptr, 0},
        {"a:1:2", nullptr, 0},
        {"u@a", nullptr, 0},
        {"a/b", nullptr, 0},
        {"a b", nullptr, 0},
        {"a%41", nullptr, 0},
        {"\xc3\xa9", nullptr, 0},
        {"::1", nullptr, 0},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        const Exact text(c.text);
        const auto authority = read_authority(text);
        REQUIRE(authority.has_value() == (c.host != nullptr));
        if (!authority) continue;
        CHECK(authority->host == c.host);
        CHECK(authority->port == c.port);
    }
    CHECK(read_authority(std::string(255, 'a')));
    CHECK(!read_authority(std::string(256, 'a')));
}

TEST_CASE("authorities are equal when host and port are, a missing port being the default one") {
    const auto equal = [](const char* a, const char* b, uint16_t port) {
        return authority_equal(*read_authority(a), *read_authority(b), port);
    };
    CHECK(equal("a.test", "A.TEST", 80));
    CHECK(equal("a.test:80", "a.test", 80));
    CHECK_FALSE(equal("a.test:80", "a.test", 443));
    CHECK_FALSE(equal("a.test", "b.test", 80));
    CHECK_FALSE(equal("a.test.", "a.test", 80));
    CHECK_FALSE(equal("a.test:81", "a.test:80", 80));
}

TEST_CASE("an origin is a scheme and an authority") {
    const auto equal = [](const char* a, const char* b) {
        const auto x = read_origin(a), y = read_origin(b);
        REQUIRE(x);
        REQUIRE(y);
        return origin_equal(*x, *y);
    };
    CHECK(equal("http://a.test", "HTTP://A.test:80"));
    CHECK(equal("https://a.test:443", "https://a.test"));
    CHECK(equal("vscode-webview://0a1b", "vscode-webview://0a1b"));
    CHECK_FALSE(equal("http://a.test", "https://a.test"));
    CHECK_FALSE(equal("http://a.test:443", "https://a.test:443"));
    CHECK_FALSE(equal("http://a.test", "http://a.test.evil.test"));
    for (const char* text : {"null", "", "a.test", "http://", "://a", "http://a.test/", "http://u@a.test", "1http://a",
                             "http://a.test http://b.test", "http://a.test, http://b.test", "h_p://a", "http:/a"}) {
        INFO(text);
        CHECK(!read_origin(Exact(text)));
    }
}

TEST_CASE("the URL of an upstream is taken apart, or refused") {
    const auto url = read_url("http://127.0.0.1:9000/mcp?key=a%20b");
    REQUIRE(url);
    CHECK_FALSE(url->tls);
    CHECK(url->authority == "127.0.0.1:9000");
    CHECK(url->host == "127.0.0.1");
    CHECK(url->port == 9000);
    CHECK(url->target == "/mcp?key=a%20b");
    const auto bare = read_url("HTTPS://[::1]");
    REQUIRE(bare);
    CHECK(bare->tls);
    CHECK(bare->host == "[::1]");
    CHECK(bare->port == 443);
    CHECK(bare->target == "/");
    for (const char* text : {"", "http://", "http:///a", "ftp://a/", "a.test", "//a.test/", "http://a.test/#x",
                             "http://a:b/", "http://u:p@a.test/", "http://a.test/a b", "http://a.test/../b",
                             "http://a.test?x", "http://a.test/%zz", "http://a.test:0/", "http://a.test/\n"}) {
        INFO(text);
        CHECK(!read_url(Exact(text)));
    }
}

TEST_CASE("a media type is one of the two, in UTF-8, or another") {
    struct Case {
        const char* text;
        MediaType type;
    };
    const Case cases[] = {
        {"application/json", MediaType::json},
        {"Application/JSON", MediaType::json},
        {"application/json;charset=utf-8", MediaType::json},
        {"application/json ; Charset=\"UTF-8\" ;", MediaType::json},
        {"text/event-stream", MediaType::event_stream},
        {"text/event-stream; charset=UTF-8", MediaType::event_stream},
        {"application/json; charset=latin1", MediaType::other},
        {"application/json; charset=utf-8; charset=utf-8", MediaType::other},
        {"application/json; boundary=a", MediaType::other},
        {"application/json; charset= utf-8", MediaType::other},
        {"application/json-rpc", MediaType::other},
        {"application/jso", MediaType::other},
        {"application/json, text/html", MediaType::other},
        {"text/plain", MediaType::other},
        {"", MediaType::other},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        CHECK(media_type(Exact(c.text)) == c.type);
    }
}

TEST_CASE("Accept says which of the two a client takes") {
    struct Case {
        const char* text;
        bool json, event_stream;
    };
    const Case cases[] = {
        {"application/json, text/event-stream", true, true},
        {"text/event-stream,application/json", true, true},
        {"application/json", true, false},
        {"text/event-stream", false, true},
        {"*/*", true, true},
        {"text/*", false, true},
        {"application/*;q=0.001, TEXT/event-stream;q=1.000", true, true},
        {"*/*;q=0", false, false},
        {"*/*, application/json;q=0", false, true},
        {"application/json;q=0, application/*, */*;q=0.5", false, true},
        {"application/json;q=2, text/event-stream;q=", false, false},
        {"application/json;q=0.0000", false, false},
        {"application/json;q=1.5", false, false},
        {"application/json;profile=\"a,b\", text/html", true, false},
        {"application/jsonx, text/event-streams", false, false},
        {"text/html", false, false},
        {"", false, false},
        {",,", false, false},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        Accepting accepting;
        accepting.line(Exact(c.text));
        CHECK(accepting.result().json == c.json);
        CHECK(accepting.result().event_stream == c.event_stream);
    }
    CHECK(Accepting().result().json);
    CHECK(Accepting().result().event_stream);
}
