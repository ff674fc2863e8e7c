// tests/live/allocations_test.cc - after the start and a warm-up, a call allocates nothing.
//
// A gateway of one worker in this process, its upstream and its clients on the test's own thread. malloc and its kin are
// replaced by ones that count what any thread of the gateway takes (operator new comes by them too) and then do what glibc
// does. Not counted: what Lua takes for its arena, which has a cap of its own.
#include "gateway/gateway.h"
#include "identity/mint.h"
#include "live/libc_blocks.h"
#include "policy/memory.h"
#include "traffic/client.h"
#include "traffic/server.h"

#include <arpa/inet.h>
#include <execinfo.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

namespace {

std::atomic<bool> counting{false};
std::atomic<uint64_t> counted{0};
constexpr uint64_t shown_max = 3; // of the first ones, where they come from
thread_local bool ours = false;   // this thread is the test's, or is busy telling
constexpr uintptr_t allocate_bytes_max = 512;
constexpr int runs_max = 6;

/// An allocation that was asked for by the code at `caller`.
void note(const void* caller) {
    if (!counting.load(std::memory_order_relaxed) || ours) return;
    const auto lua = reinterpret_cast<uintptr_t>(&weir::policy::Memory::allocate);
    if (reinterpret_cast<uintptr_t>(caller) - lua < allocate_bytes_max) return;
    if (counted.fetch_add(1) >= shown_max) return;
    ours = true;
    std::array<void*, 16> frames{};
    const int count = backtrace(frames.data(), static_cast<int>(frames.size()));
    backtrace_symbols_fd(frames.data(), count, STDERR_FILENO);
    std::fputs("--\n", stderr);
    ours = false;
}

} // namespace

extern "C" {
void* malloc(size_t size) {
    note(__builtin_return_address(0));
    return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
    note(__builtin_return_address(0));
    return __libc_calloc(count, size);
}
void* realloc(void* block, size_t size) {
    note(__builtin_return_address(0));
    return __libc_realloc(block, size);
}
void* memalign(size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** block, size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    *block = __libc_memalign(alignment, size);
    return *block == nullptr ? ENOMEM : 0;
}
void free(void* block) { __libc_free(block); }
}

namespace {

using namespace weir;

constexpr const char* policies = R"(
policy "live/names" { on = "request", match = { tools = "delete_*" }, decide = block("nothing is deleted here") }
policy "live/argument" {
  on = "request",
  match = { tools = "ask_*", args = { query = present } },
  decide = function(call)
    if call.tool == "ask_never" or call.args.query == "drop" then return block("no") end
    return pass()
  end,
}
)";

/// A gateway, its upstream, and a thread for both sides of it: this one.
class Stage {
  public:
    /// `access`: who may call, lines of each [[server]]; `issuers`: tables before them.
    Stage(bool with_policies, std::string_view durability, const std::string& access = "anonymous = true\n",
          const std::string& issuers = {})
        : server_(loop_, listener_) {
        ours = true;
        std::string made = std::filesystem::temp_directory_path() / "weir-live-XXXXXX";
        REQUIRE(::mkdtemp(made.data()) != nullptr);
        directory_ = made;
        std::string text = "[listen]\naddress = \"127.0.0.1:" + std::to_string(reserved_.port()) + "\"\nworkers = 1\n";
        text.append("[record]\ndurability = \"").append(durability).append("\"\n");
        if (with_policies) {
            text.append("[policies]\ndir = \"policies\"\n");
            std::filesystem::create_directory(directory_ / "policies");
            std::ofstream(directory_ / "policies" / "live.lua") << policies;
        }
        text.append("[state]\ndir = \"").append((directory_ / "state").string()).append("\"\n");
        text += issuers;
        for (const std::string name : {"mcp", "burst", "large"})
            text += "[[server]]\nname = \"" + name +
                    "\"\nurl = \"http://127.0.0.1:" + std::to_string(bench::port_of(listener_)) + "/" + name +
                    "\"\npath = \"/" + name + "\"\ndefault = \"allow\"\n" + access;
        auto config = gateway::parse_config(text, "weir.toml", directory_.string());
        REQUIRE(config);
        auto started = gateway::Gateway::start(std::move(*config));
        REQUIRE(started);
        gateway_ = std::move(*started);
    }
    ~Stage() {
        gateway_.reset();
        std::filesystem::remove_all(directory_);
    }
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    /// All calls of `load`, answered.
    void run(bench::Load load) {
        load.port = reserved_.port();
        load.ms = 600'000;
        bench::Client client(loop_, load);
        for (;;) {
            server_.tick();
            if (!client.step()) break;
            loop_.turn(client.due_ns());
        }
        const auto figures = client.figures();
        CHECK(figures.errors == 0);
        CHECK(figures.requests == load.requests);
    }
    /// What the gateway allocates for `load` once its pools are as large as such a load makes them: how many buffers are
    /// lent at once differs from run to run, so a run that takes more than any before is a warm-up, too.
    uint64_t allocations_of(const bench::Load& load) {
        run(load);
        uint64_t fewest = UINT64_MAX;
        for (int i = 0; i < runs_max && fewest != 0; ++i) {
            counted = 0;
            counting = true;
            run(load);
            counting = false;
            fewest = std::min(fewest, counted.load());
        }
        return fewest;
    }
    /// How many of one call of `tool` reach the upstream.
    uint64_t arrivals_of(const std::string& tool) {
        const uint64_t before = server_.arrived();
        run({.tool = tool, .connections = 1, .requests = 1});
        return server_.arrived() - before;
    }

  private:
    bench::Loop loop_{256, 16 << 10};
    const int listener_ = bench::listen_on(0);
    bench::Server server_;
    const bench::Reserved reserved_;
    std::filesystem::path directory_;
    std::unique_ptr<gateway::Gateway> gateway_;
};

/// An issuer, as far as weir needs one: its keys, on a thread of its own, and a token of somebody.
class Issuer {
  public:
    Issuer() {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(listener_, 8) == 0);
        REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        const std::string keys = identity::key_set_text({mint_.jwk("k").text()});
        answer_ = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(keys.size()) +
                  "\r\n\r\n" + keys;
        thread_ = std::thread([this] {
            ours = true;
            for (int fd; (fd = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(fd)) {
                char head[4096];
                const bool asked = ::read(fd, head, sizeof head) > 0;
                if (asked && ::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0) continue;
            }
        });
    }
    ~Issuer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    Issuer(const Issuer&) = delete;
    Issuer& operator=(const Issuer&) = delete;

    std::string table() const {
        return "[[issuer]]\nname = \"i\"\nurl = \"" + url_ + "\"\nkeys_url = \"" + url_ + "/keys\"\n";
    }
    std::string token() const {
        const std::string now = std::to_string(::time(nullptr)), end = std::to_string(::time(nullptr) + 3600);
        return mint_.token(crypto::SignatureAlgorithm::es256, R"({"alg":"ES256","typ":"at+jwt","kid":"k"})",
                           R"({"iss":")" + url_ + R"(","sub":"ann","aud":"here","client_id":"ide","iat":)" + now +
                               R"(,"exp":)" + end + R"(,"scope":"use call"})");
    }

  private:
    const identity::Mint mint_ = identity::Mint::ec(crypto::Curve::p256);
    int listener_ = -1;
    std::string url_, answer_;
    std::thread thread_;
};

constexpr uint64_t calls = 2000;
constexpr uint32_t clients = 16;

void check_all(Stage& stage, const std::string& tool, const std::vector<std::string>& paths) {
    for (const std::string era : {"legacy", "modern"})
        for (const std::string& path : paths) {
            const uint64_t requests = path == "/mcp" ? calls : calls / 4;
            const bench::Load load{
                .path = path, .era = era, .tool = tool, .connections = clients, .requests = requests};
            INFO(era << " tools/call of " << tool << ", answered by " << path);
            CHECK(stage.allocations_of(load) == 0);
        }
}

} // namespace

TEST_CASE("the counter counts") {
    ours = false;
    counted = 0;
    counting = true;
    delete new std::function<void()>([] {});
    std::free(std::malloc(100));
    counting = false;
    CHECK(counted == 2);
}

TEST_CASE("without policies and record a call allocates nothing") {
    Stage stage(false, "off");
    check_all(stage, "search_docs", {"/mcp", "/burst", "/large"});
}

TEST_CASE("a call that a policy decides by its tool's name, recorded in batches, allocates nothing") {
    Stage stage(true, "batch");
    check_all(stage, "search_docs", {"/mcp", "/burst"});
    CHECK(stage.arrivals_of("delete_docs") == 0);
}

TEST_CASE("a call that a handler decides by an argument, recorded in batches, allocates nothing but for Lua's arena") {
    Stage stage(true, "batch");
    check_all(stage, "ask_docs", {"/mcp", "/burst"});
    CHECK(stage.arrivals_of("ask_never") == 0);
    CHECK(stage.arrivals_of("ask_docs") == 1);
}

TEST_CASE("a call with a token that is known allocates nothing") {
    const Issuer issuer;
    Stage stage(true, "batch", "audience = \"here\"\nscopes = \"use\"\ntool_scopes = { \"search_*\" = \"call\" }\n",
                issuer.table());
    // The client of the benches has no place for more fields; behind the path there is one.
    const std::string path = "/mcp HTTP/1.1\r\nAuthorization: Bearer " + issuer.token() + "\r\nX-Rest:";
    for (const std::string era : {"legacy", "modern"}) {
        const bench::Load load{.path = path, .era = era, .connections = clients, .requests = calls};
        CHECK(stage.allocations_of(load) == 0);
    }
}

TEST_CASE("a strict record allocates nothing") {
    Stage stage(false, "strict");
    check_all(stage, "search_docs", {"/mcp"});
}

TEST_CASE("a connection for each call allocates nothing") {
    Stage stage(false, "off");
    CHECK(stage.allocations_of({.connections = clients, .requests = calls, .fresh = true}) == 0);
}
