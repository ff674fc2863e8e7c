// tests/live/leaks_test.cc - after a hundred thousand calls of all manners weir holds nothing that it did not hold before.
//
// build/weir as a child between a crowd of clients and an upstream: good calls, refused and blocked ones, streams, clients
// that leave and upstreams that reset at every point. At rest: no exchange, no connection, no stream, all receive buffers
// with the kernel, nothing unwritten, the descriptors of before; and no memory but what is kept for the next, lap after lap:
// a library that is preloaded counts what it holds of malloc (live_bytes.cc).
#include "crowd.h"
#include "weir_process.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <cstdlib>
#include <vector>

using namespace weir;
using namespace weir::live;

namespace {

constexpr const char* policies = R"(
policy "live/names" { on = "request", match = { tools = "delete_*" }, decide = block("nothing is deleted here") }
policy "live/argument" {
  on = "request",
  match = { tools = "ask_*", args = { query = present } },
  decide = function(call)
    if call.tool == "ask_never" then return block("no") end
    return pass()
  end,
}
policy "live/answer" {
  on = "response",
  match = { tools = "show_*" },
  decide = mask { fields = { ["mail[*]"] = "[email]", ssn = "last4" } },
}
)";

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized =
    true; // What is freed stays in quarantine: memory tells nothing, and leaks are found at the end.
constexpr uint64_t calls_first = 2'000, calls_lap = 2'000;
constexpr size_t laps = 4;
#else
constexpr bool sanitized = false;
constexpr uint64_t calls_first = 10'000, calls_lap = 15'000;
constexpr size_t laps = 6;
#endif
// What weir holds less the buffers that it keeps, which grow with chance by some MiB until the fullest moment has been:
// between laps that moves by 20 KiB at most, up and down. A leak is in each lap; 4 octets a call are more than this.
constexpr int64_t growth_bytes_max = 32 << 10;
constexpr uint64_t rest_ns_max = 120 * bench::s_ns;
constexpr uint64_t rest_held_ns = 1500 * bench::ms_ns; // gauges are published once a second

std::string config(uint16_t port, uint16_t upstream) {
    return "[listen]\naddress = \"127.0.0.1:" + std::to_string(port) +
           "\"\nworkers = 1\n[record]\nbody_bytes_max = \"1KiB\"\nsegment_bytes = \"16MiB\"\nretain_bytes = \"64MiB\"\n"
           "[limits]\nupstream_idle_max = \"200ms\"\n[[server]]\nname = \"mcp\"\nurl = \"http://127.0.0.1:" +
           std::to_string(upstream) + "/mcp\"\npath = \"/mcp\"\nanonymous = true\ndefault = \"allow\"\n";
}

/// What of weir is not at rest, as text; empty when all is.
std::string unrest(const WeirProcess& weir) {
    const auto metrics = weir.metrics();
    std::string text;
    const auto expect = [&](const char* name, double wanted) {
        const auto found = metrics.find(name);
        if (found == metrics.end()) text += std::string(name) + " is missing; ";
        else if (found->second != wanted)
            text +=
                std::string(name) + " is " + std::to_string(found->second) + ", not " + std::to_string(wanted) + "; ";
    };
    expect("weir_connections_open", 1); // The one that asks.
    expect("weir_exchanges_open", 1);
    expect("weir_streams_open", 0);
    expect("weir_upstream_links_open", 0);
    expect("weir_upstream_links_idle", 0);
    expect("weir_buffer_bytes", 0);
    expect("weir_record_queue_bytes", 0);
    expect("weir_slabs_free", metrics.at("weir_slabs_total"));
    return text;
}

/// Weir when nobody calls: how many descriptors it holds, and what does not come to rest.
struct Rest {
    size_t descriptors;
    std::string unrest;
};

/// Waits until weir is at rest and holds as many descriptors as before, at most `wanted`, for a while.
Rest wait_for_rest(Crowd& crowd, const WeirProcess& weir, size_t wanted = SIZE_MAX) {
    const uint64_t began_ns = bench::clock_ns();
    uint64_t since_ns = began_ns;
    Rest rest{0, {}};
    for (;;) {
        crowd.rest();
        const size_t descriptors = weir.descriptors(); // Before the connection that asks is there.
        rest.unrest = unrest(weir);
        const uint64_t now_ns = bench::clock_ns();
        if (!rest.unrest.empty() || descriptors != rest.descriptors || descriptors > wanted) since_ns = now_ns;
        rest.descriptors = descriptors;
        if (now_ns - since_ns > rest_held_ns || now_ns - began_ns > rest_ns_max) return rest;
    }
}

} // namespace

TEST_CASE("a hundred thousand calls of all manners leave nothing behind") {
    const char* binary = std::getenv("WEIR");
    REQUIRE(binary != nullptr);
    const int listener = bench::listen_on(0);
    const bench::Reserved reserved;
    const uint16_t port = reserved.port();
    WeirProcess weir(binary, config(port, bench::port_of(listener)), policies);
    Crowd crowd(port, listener, 20'261'121);

    REQUIRE(crowd.run(calls_first)); // Files and pools are there after a few.
    const Rest first = wait_for_rest(crowd, weir);
    CHECK(first.unrest == "");
    std::array<int64_t, laps> held{};
    for (int64_t& bytes : held) {
        REQUIRE(crowd.run(calls_lap));
        const Rest rest = wait_for_rest(crowd, weir, first.descriptors);
        CHECK(rest.unrest == "");
        CHECK(rest.descriptors <= first.descriptors);
        CHECK(crowd.upstream_connections() == 0);
        bytes = weir.live_bytes() - static_cast<int64_t>(weir.metrics().at("weir_buffer_kept_bytes"));
    }
    int64_t least = INT64_MAX;
    for (size_t i = 1; i < laps; ++i) least = std::min(least, held[i] - held[i - 1]);
    INFO("held after the laps: " << Catch::StringMaker<std::vector<int64_t>>::convert({held.begin(), held.end()}));
    CHECK((sanitized || (held[0] != 0 && least <= growth_bytes_max)));
    for (size_t i = 0; i < manners; ++i) {
        INFO(name_of(static_cast<Manner>(i)) << "; first: " << crowd.first_wrong());
        CHECK(crowd.calls()[i] > 10); // Of the rarest, under the sanitizers.
        CHECK(crowd.wrong()[i] == 0);
    }
    CHECK(weir.end() == 0);
}
