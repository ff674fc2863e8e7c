// tests/control/upstream_tokens_test.cc - what must hold: tokens come by client credentials as RFC 6749 has it, are replaced when
// their server refuses them, and whatever else a provider answers gives none and says why without a secret in it.
//
// Tried against a server on a thread of the test. Nothing sleeps: what is told is waited for.
#include "control/upstream_tokens.h"

#include "crypto/base64.h"
#include "crypto/signing_key.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <deque>

using namespace weir;
using namespace weir::control;

namespace {

/// A token endpoint that gives one answer, and keeps what it was asked.
class Endpoint {
  public:
    explicit Endpoint(std::string answer) : answer_(std::move(answer)) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(listen(listener_, 16) == 0);
        socklen_t size = sizeof address;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/token";
        thread_ = std::thread([this] { serve(); });
    }
    ~Endpoint() {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }
    std::vector<std::string> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    std::string url;

  private:
    void serve() {
        for (;;) {
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) return;
            std::string request;
            size_t whole = SIZE_MAX;
            while (request.size() < whole) {
                char room[4096];
                const ssize_t got = read(fd, room, sizeof room);
                if (got <= 0) break;
                request.append(room, static_cast<size_t>(got));
                const size_t end = request.find("\r\n\r\n"), length = request.find("Content-Length: ");
                if (end != std::string::npos && length < end) whole = end + 4 + std::stoul(request.substr(length + 16));
            }
            {
                const std::lock_guard lock(mutex_);
                requests_.push_back(request);
            }
            for (size_t at = 0; at < answer_.size();) {
                const ssize_t sent = send(fd, answer_.data() + at, answer_.size() - at, MSG_NOSIGNAL);
                if (sent <= 0) break;
                at += static_cast<size_t>(sent);
            }
            close(fd);
        }
    }
    const std::string answer_;
    int listener_ = -1;
    std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

std::string answer(const std::string& body, const std::string& status = "200 OK", const std::string& more = {}) {
    return "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + more +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class Ear {
  public:
    void hear(TokenNews news) {
        const std::lock_guard lock(mutex_);
        told_.push_back(std::move(news));
        came_.notify_all();
    }
    TokenNews next() {
        std::unique_lock lock(mutex_);
        REQUIRE(came_.wait_for(lock, std::chrono::seconds(120), [&] { return !told_.empty(); }));
        TokenNews news = std::move(told_.front());
        told_.pop_front();
        return news;
    }

  private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<TokenNews> told_;
};

TokenSource source(const std::string& url) {
    return {.name = "shop",
            .token_url = url,
            .client_id = "we:ir",
            .auth = ClientAuth::basic,
            .secret = "s3 cret&",
            .secret_file = {},
            .scope = "a b",
            .resource = "https://shop.test/mcp",
            .audience = {}};
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

const std::string granted = R"({"access_token":"t0ken","token_type":"bearer","expires_in":600})";

} // namespace

TEST_CASE("a client with a key shows what it signs, another for each request, and no secret") {
    Endpoint endpoint(answer(granted));
    TokenSource signing = source(endpoint.url);
    signing.auth = ClientAuth::private_key_jwt;
    // Made for this test.
    signing.secret =
        "-----BEGIN PRIVATE KEY-----\n"
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIA6G87t7vxaH9pgR\n"
        "lgEuf9f0CU86FeRnJjdtc7Su52yhRANCAAS70UXMnUL6lS5lW7O0wtklZt8F4y4Z\n"
        "FfM3yJGHiudZecQ1c7RRP9lbZu4OU/vTawwfd2W0bfJ/63LUKL20Q0DE\n"
        "-----END PRIVATE KEY-----\n";
    signing.key_id = "2026-\"a\"";
    TokenSource other = signing;
    other.assertion_audience = "https://idp.test";
    for (const auto& each : {signing, other}) {
        Ear ear;
        const UpstreamTokens tokens({each}, [&](uint32_t, TokenNews news) { ear.hear(std::move(news)); });
        CHECK(ear.next().token == "t0ken");
    }
    const auto requests = endpoint.requests();
    REQUIRE(requests.size() == 2);
    std::string before;
    for (const std::string& request : requests) {
        CHECK_FALSE(has(request, "Authorization"));
        CHECK_FALSE(has(request, "client_secret"));
        CHECK(has(request,
                  "&client_id=we%3Air&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3A"
                  "jwt-bearer&client_assertion="));
        const std::string token = request.substr(request.find("client_assertion=") + 17);
        CHECK(token != before);
        before = token;
        const size_t first = token.find('.'), second = token.rfind('.');
        REQUIRE(first < second);
        const auto decoded = [](std::string text) {
            text.resize(crypto::decode_base64url(text, text.data()).value());
            return text;
        };
        CHECK(decoded(token.substr(0, first)) == R"({"alg":"ES256","typ":"JWT","kid":"2026-\"a\""})");
        const std::string claims = decoded(token.substr(first + 1, second - first - 1));
        CHECK(claims.starts_with(R"({"iss":"we:ir","sub":"we:ir","aud":")" +
                                 (request == requests[0] ? endpoint.url : "https://idp.test") + R"(","jti":")"));
        CHECK(decoded(token.substr(second + 1)).size() == 64);
    }
}

TEST_CASE("a key that cannot sign gives no token, and is in no word about it") {
    Endpoint endpoint(answer(granted));
    TokenSource signing = source(endpoint.url);
    signing.auth = ClientAuth::private_key_jwt;
    Ear ear;
    const UpstreamTokens tokens({signing}, [&](uint32_t, TokenNews news) { ear.hear(std::move(news)); });
    CHECK(ear.next().token.empty());
    CHECK(endpoint.requests().empty());
}

TEST_CASE("a token is got with the client's secret in the header, or in the form") {
    Endpoint endpoint(answer(granted));
    Ear basic, post;
    {
        const UpstreamTokens tokens({source(endpoint.url)},
                                    [&](uint32_t, TokenNews news) { basic.hear(std::move(news)); });
        const TokenNews news = basic.next();
        CHECK(news.token == "t0ken");
        CHECK(news.number == 1);
    }
    TokenSource in_form = source(endpoint.url);
    in_form.auth = ClientAuth::post;
    {
        const UpstreamTokens tokens({in_form}, [&](uint32_t, TokenNews news) { post.hear(std::move(news)); });
        CHECK(post.next().token == "t0ken");
    }
    const auto requests = endpoint.requests();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].starts_with("POST /token HTTP/1.1\r\n"));
    CHECK(has(requests[0], "Authorization: Basic d2UlM0FpcjpzMytjcmV0JTI2\r\n")); // we%3Air:s3+cret%26
    CHECK(has(requests[0], "Content-Type: application/x-www-form-urlencoded\r\n"));
    CHECK(requests[0].ends_with(
        "\r\n\r\ngrant_type=client_credentials&scope=a+b&resource=https%3A%2F%2Fshop.test%2Fmcp"));
    CHECK_FALSE(has(requests[1], "Authorization"));
    CHECK(requests[1].ends_with("&client_id=we%3Air&client_secret=s3+cret%26"));
}

TEST_CASE("who wants a token while one is there, or while the provider is let rest, hears at once") {
    Endpoint endpoint(answer(granted));
    Ear ear;
    UpstreamTokens tokens({source(endpoint.url)}, [&](uint32_t, TokenNews news) { ear.hear(std::move(news)); });
    CHECK(ear.next().token == "t0ken");
    tokens.want(0);
    CHECK(ear.next().token == "t0ken");
    tokens.refused(0, 7); // Another than the one in use, and too soon.
    tokens.refused(0, 1);
    tokens.want(0);
    CHECK(ear.next().token == "t0ken");
    CHECK(endpoint.requests().size() == 1);
}

TEST_CASE("what else a provider answers gives no token") {
    for (const auto& text :
         {answer(R"({"error":"invalid_client"})", "401 Unauthorized"),
          answer({}, "302 Found", "Location: http://127.0.0.1/\r\n"), answer("{}"), answer("[1"),
          answer(R"({"access_token":"t","token_type":"mac"})"),
          answer(R"({"access_token":"t t","token_type":"bearer"})"),
          answer(R"({"access_token":1,"token_type":"bearer"})"),
          answer(R"({"access_token":"t","access_token":"u","token_type":"bearer"})"),
          answer(R"({"access_token":"t","token_type":"bearer","expires_in":0})"),
          answer(R"({"access_token":"t","token_type":"bearer","expires_in":-1})"),
          answer(std::string(UpstreamTokens::answer_bytes_max + 1, ' ')), std::string("junk"), std::string()}) {
        INFO(text.substr(0, 200));
        Endpoint endpoint(text);
        Ear ear;
        const UpstreamTokens tokens({source(endpoint.url)},
                                    [&](uint32_t, TokenNews news) { ear.hear(std::move(news)); });
        CHECK(ear.next().token.empty());
        CHECK(endpoint.requests().size() == 1);
    }
}

TEST_CASE("how long a token is good is a number, its digits, or left out") {
    const auto seconds = [](const std::string& more) {
        return read_token_answer(R"({"token_type":"Bearer","access_token":"t")" + more + "}").granted.seconds;
    };
    CHECK(seconds("") == 300);
    CHECK(seconds(R"(,"expires_in":3599)") == 3599);
    CHECK(seconds(R"(,"expires_in":"3599")") == 3599);
    CHECK(seconds(R"(,"expires_in":99999999999999999999999)") == 30 * 86'400);
    CHECK(seconds(R"(,"expires_in":1.5)") == 0);
    CHECK(seconds(R"(,"expires_in":null)") == 0);
}

TEST_CASE("of a refusal only its code is told") {
    CHECK(token_error_code(R"({"error":"invalid_client","error_description":"s3cret"})") == "invalid_client");
    for (const char* text : {"", "{}", R"({"error":1})", R"({"error":"Bad secret s3cret"})", R"({"error":{}})"})
        CHECK(token_error_code(text).empty());
}
