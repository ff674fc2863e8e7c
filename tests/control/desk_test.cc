// tests/control/desk_test.cc - the desk answers one request a connection, to its owner, within limits, and ends at once.
//
// Real sockets in a temporary directory; the answering function says what it was asked.
#include "control/desk.h"

#include <catch2/catch_test_macros.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cstdlib>
#include <cstring>
#include <filesystem>

using namespace weir;
using namespace weir::control;

namespace {

struct Place {
    std::string dir = "/tmp/weir-desk-XXXXXX";
    Place() { REQUIRE(mkdtemp(dir.data()) != nullptr); }
    ~Place() {
        std::error_code ignored;
        std::filesystem::remove_all(dir, ignored);
    }
    std::string socket() const { return dir + "/control.sock"; }
};

DeskReply echo(const DeskRequest& request) {
    DeskReply reply;
    reply.status = request.path == "/missing" ? 404 : 200;
    reply.body = std::string(http::name_of(request.method)) + " " + std::string(request.path) + "?" +
                 std::string(request.query) + " [" + std::string(request.body) + "] uid " +
                 std::to_string(request.visitor.uid) + (request.visitor.name.empty() ? " nameless" : "");
    return reply;
}

std::unique_ptr<Desk> open(const Place& place, DeskOptions options = {}) {
    options.path = place.socket();
    if (!options.answer) options.answer = echo;
    auto desk = Desk::open(std::move(options));
    REQUIRE(desk);
    return std::move(*desk);
}

struct Peer {
    int fd = -1;
    explicit Peer(const Place& place) : fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, place.socket().data(), place.socket().size());
        REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { ::close(fd); }
    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            bytes.remove_prefix(static_cast<size_t>(sent));
        }
    }
    /// All that comes until the desk closes.
    std::string rest() const {
        std::string all;
        char some[4096];
        for (ssize_t got; (got = ::recv(fd, some, sizeof some, 0)) > 0;) all.append(some, static_cast<size_t>(got));
        return all;
    }
};

std::string ask(const Place& place, std::string_view bytes) {
    const Peer peer(place);
    peer.send(bytes);
    return peer.rest();
}

std::string body_of(const std::string& answer) {
    const size_t at = answer.find("\r\n\r\n");
    return at == std::string::npos ? "" : answer.substr(at + 4);
}

const std::string who = " uid " + std::to_string(getuid());

} // namespace

TEST_CASE("a request is answered with what the function says, and the connection is closed") {
    const Place place;
    const auto desk = open(place);
    const std::string got = ask(place, "GET /status?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(got.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(got.find("Content-Type: application/json\r\n") != std::string::npos);
    CHECK(got.find("Connection: close\r\n") != std::string::npos);
    CHECK(body_of(got) == "GET /status?a=1 []" + who);
    CHECK(ask(place, "GET /missing HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 404 "));
}

TEST_CASE("a body is read whole, however it arrives") {
    const Place place;
    const auto desk = open(place);
    const std::string request = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
    for (size_t cut = 0; cut <= request.size(); ++cut) {
        const Peer peer(place);
        peer.send(std::string_view(request).substr(0, cut));
        peer.send(std::string_view(request).substr(cut));
        REQUIRE(body_of(peer.rest()) == "POST /x? [hello]" + who);
    }
}

TEST_CASE("what is not a request, or too much of one, is told so") {
    const Place place;
    const auto desk = open(place, {.body_bytes_max = 8});
    const struct {
        std::string bytes;
        const char* begins;
    } cases[] = {
        {"nonsense\r\n\r\n", "HTTP/1.1 400 "},
        {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
        {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 "},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n", "HTTP/1.1 431 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789", "HTTP/1.1 413 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "HTTP/1.1 411 "},
    };
    for (const auto& each : cases) {
        INFO(each.bytes.substr(0, 60));
        const std::string got = ask(place, each.bytes);
        CHECK(got.starts_with(each.begins));
        CHECK(body_of(got).starts_with("{\"error\":\""));
    }
    CHECK(body_of(ask(place, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n12345678")) ==
          "POST /? [12345678]" + who);
}

TEST_CASE("who stalls is let go of after the deadline, and the next one is served") {
    const Place place;
    const auto desk = open(place, {.read_ns_max = 2 * s_ns});
    const Peer slow(place);
    slow.send("GET / HTTP");
    CHECK(body_of(ask(place, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")) == "GET /next? []" + who);
    CHECK(slow.rest().starts_with("HTTP/1.1 408 "));
}

TEST_CASE("who leaves early, or reads nothing of a large answer, harms nobody") {
    const Place place;
    const auto desk = open(place, {.write_ns_max = 200 * ms_ns, .answer = [](const DeskRequest& request) {
                                       DeskReply reply = echo(request);
                                       if (request.path == "/large") reply.body.assign(size_t{16} << 20, 'x');
                                       return reply;
                                   }});
    { const Peer silent(place); }
    {
        const Peer half(place);
        half.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx");
    }
    const Peer deaf(place);
    deaf.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(body_of(ask(place, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")) == "GET /next? []" + who);
}

TEST_CASE("a large answer comes whole to who reads it") {
    const Place place;
    const auto desk = open(place, {.answer = [](const DeskRequest&) {
                               DeskReply reply;
                               reply.body.assign(size_t{16} << 20, 'x');
                               return reply;
                           }});
    CHECK(body_of(ask(place, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")).size() == size_t{16} << 20);
}

TEST_CASE("the socket is its owner's alone, and is gone with the desk") {
    const Place place;
    {
        const auto desk = open(place);
        struct stat file{};
        REQUIRE(stat(place.socket().c_str(), &file) == 0);
        CHECK((file.st_mode & 0777) == 0600);
    }
    CHECK(access(place.socket().c_str(), F_OK) != 0);
}

TEST_CASE("a socket that a dead weir left is replaced, and a path that is too long is refused") {
    const Place place;
    {
        const auto dead = open(place);
        std::filesystem::rename(place.socket(), place.dir + "/kept");
    }
    std::filesystem::rename(place.dir + "/kept", place.socket());
    const auto again = open(place);
    CHECK(body_of(ask(place, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")) == "GET /? []" + who);
    const auto refused = Desk::open({.path = place.dir + "/" + std::string(200, 'x'), .answer = echo});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().find("too long") != std::string::npos);
    const auto nowhere = Desk::open({.path = place.dir + "/none/control.sock", .answer = echo});
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().find("none/control.sock") != std::string::npos);
}

TEST_CASE("a desk ends at once, also with a peer in the middle of its request") {
    const Place place;
    auto desk = open(place, {.read_ns_max = 3600 * s_ns});
    const Peer served(place);
    served.send("GET / HTTP");
    desk.reset();
    CHECK_FALSE(served.rest().starts_with("HTTP/1.1 200"));
}
