// tests/control/fetch_test.cc - a tool's request goes where it is sent and nowhere else, within bounds, and says why not.
#include "control/fetch.h"

#include "control/provider.h"

#include <catch2/catch_test_macros.hpp>

using namespace weir;
using namespace weir::control;
using test::Provider;

TEST_CASE("what is sent arrives, and what is answered comes back, whatever its status") {
    Provider there;
    there.answer("/a?b=c", R"({"x":1})", "409 Conflict");
    const auto answer = fetch(
        {.url = there.url + "/a?b=c", .post = true, .type = "application/json", .body = "{}", .bearer = "t.o-k~en"});
    REQUIRE(answer);
    CHECK(answer->status == 409);
    CHECK(answer->body == R"({"x":1})");
    const std::string said = there.said("/a?b=c");
    CHECK(said.starts_with("POST /a?b=c HTTP/1.1\r\n"));
    CHECK(said.find("\r\nAuthorization: Bearer t.o-k~en\r\n") != std::string::npos);
    CHECK(said.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
    CHECK(said.ends_with("\r\n\r\n{}"));
    there.answer("/", "plain");
    REQUIRE(fetch({.url = there.url + "/"}));
    CHECK(there.said("/").starts_with("GET / HTTP/1.1\r\n"));
    CHECK(there.said("/").find("Authorization") == std::string::npos);
}

TEST_CASE("a redirect is an answer, and its place is not asked") {
    Provider there;
    there.answer("/here", "", "302 Found", "Location: " + there.url + "/there\r\n");
    there.answer("/there", "stolen");
    const auto answer = fetch({.url = there.url + "/here", .bearer = "secret"});
    REQUIRE(answer);
    CHECK(answer->status == 302);
    CHECK(there.asked("/there") == 0);
}

TEST_CASE("what may not be fetched, is too large, too late or nobody's is a sentence without the token") {
    Provider there;
    there.answer("/big", std::string(2000, 'x'));
    const FetchRequest all[] = {
        {.url = "http://weir.example/", .bearer = "planted-secret"},
        {.url = "ftp://127.0.0.1/", .bearer = "planted-secret"},
        {.url = "https://user@127.0.0.1/", .bearer = "planted-secret"},
        {.url = there.url + "/a", .bearer = "planted-secret\r\nX: y"},
        {.url = there.url + "/big", .bearer = "planted-secret", .answer_bytes_max = 1999},
        {.url = there.url + "/never", .bearer = "planted-secret", .time_ns_max = 20'000'000},
        {.url = "http://127.0.0.1:1/", .bearer = "planted-secret"},
    };
    for (const FetchRequest& request : all) {
        INFO(request.url);
        const auto answer = fetch(request);
        REQUIRE_FALSE(answer);
        CHECK_FALSE(answer.error().empty());
        CHECK(answer.error().find("planted") == std::string::npos);
    }
    CHECK(there.asked("/a") == 0);
}

TEST_CASE("a form escapes what could end a value") {
    CHECK(form_of({{"a", "x y"}, {"b", "1&c=2"}, {"d", "\xc3\xa4~-._"}}) == "a=x%20y&b=1%26c%3D2&d=%C3%A4~-._");
    CHECK(form_of({}).empty());
}
