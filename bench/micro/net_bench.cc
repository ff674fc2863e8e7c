// bench/micro/net_bench.cc - what TLS costs the side that accepts: a handshake, full and resumed, with each kind of key; its
// longest step, which is as long as a worker can be kept from everything else; and a megabyte sent.
//
// The client's steps are not measured. Certificates are made by openssl(1) first.
#include "base/file.h"
#include "base/limits.h"
#include "net/tls.h"

#include <benchmark/benchmark.h>

#include <time.h>
#include <cstdlib>
#include <filesystem>
#include <string>

using namespace weir;
using namespace weir::net;

namespace {

/// CPU time of this thread: a step is as long as it is, however busy the machine.
uint64_t cpu_ns() {
    timespec at{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return static_cast<uint64_t>(at.tv_sec) * s_ns + static_cast<uint64_t>(at.tv_nsec);
}

const TlsTicketSecret secret{.octets = {1, 2, 3}, .period_s = 3600};

/// A certificate for bench.example by itself, and those who trust it.
struct Sides {
    explicit Sides(const std::string& kind) {
        char pattern[] = "/tmp/weir-bench-tls-XXXXXX";
        if (mkdtemp(pattern) == nullptr) std::abort();
        const std::string at(pattern);
        const std::string command = "cd " + at + " && openssl req -x509 -newkey " + kind +
                                    " -nodes -keyout key -out chain -subj /CN=bench -days 2 -addext "
                                    "subjectAltName=DNS:bench.example 2>log";
        if (std::system(command.c_str()) != 0) std::abort();
        const auto chain = read_whole_file(at + "/chain", 1 << 20).value();
        auto made =
            TlsServer::make({.certificates = {{.chain = chain, .key = read_whole_file(at + "/key", 1 << 20).value()}},
                             .tickets = &secret});
        auto trusting = TlsClient::make({.name = "bench.example", .authorities = chain, .resume = true});
        auto fresh = TlsClient::make({.name = "bench.example", .authorities = chain, .resume = false});
        std::filesystem::remove_all(at);
        if (!made || !trusting || !fresh) std::abort();
        server = *made;
        client = *trusting;
        client_that_forgets = *fresh;
    }
    std::shared_ptr<TlsServer> server;
    std::shared_ptr<TlsClient> client, client_that_forgets;
};

const Sides& sides(int64_t kind) {
    static const Sides ec("ec -pkeyopt ec_paramgen_curve:P-256");
    static const Sides ec384("ec -pkeyopt ec_paramgen_curve:P-384");
    static const Sides rsa2048("rsa:2048");
    static const Sides rsa4096("rsa:4096");
    return kind == 256 ? ec : kind == 384 ? ec384 : kind == 2048 ? rsa2048 : rsa4096;
}

/// A connection between two sides, and what the one that accepts spent.
struct Pair {
    Pair(const std::shared_ptr<TlsServer>& by, const std::shared_ptr<TlsClient>& to)
        : server(Tls::accept(by, buffers)), client(Tls::connect(to, buffers)), plain(buffers) {}
    void take_steps(Tls& side, bool measured) {
        while (side.can_step()) {
            const uint64_t began = cpu_ns();
            side.step();
            const uint64_t took = cpu_ns() - began;
            if (measured) spent_ns += took, longest_ns = std::max(longest_ns, took);
        }
        if (!side.handshaking()) side.read(plain);
    }
    bool carry(Tls& from, Tls& to, bool measured) {
        if (from.wire().empty()) return false;
        to.feed(from.wire().text());
        take_steps(to, measured); // before what was fed goes
        from.wire().clear();
        return true;
    }
    void shake_hands() {
        take_steps(*client, false);
        for (bool moved = true; moved;) {
            moved = carry(*client, *server, true);
            moved = carry(*server, *client, false) || moved;
        }
    }
    BufferPool buffers;
    std::unique_ptr<Tls> server, client;
    PaddedBytes plain;
    uint64_t spent_ns = 0, longest_ns = 0;
};

void shake(benchmark::State& state, bool resumed) {
    const Sides& with = sides(state.range(0));
    const auto& client = resumed ? with.client : with.client_that_forgets;
    if (resumed) Pair(with.server, client).shake_hands();
    uint64_t longest_ns = 0, spent_ns = 0;
    for (auto _ : state) {
        Pair pair(with.server, client);
        pair.shake_hands();
        if (pair.server->state() != Tls::State::open || pair.server->resumed() != resumed)
            return state.SkipWithError("no such handshake");
        longest_ns += pair.longest_ns;
        spent_ns += pair.spent_ns;
        state.SetIterationTime(static_cast<double>(pair.spent_ns) / 1e9);
    }
    const auto count = static_cast<double>(state.iterations());
    state.counters["longest_step_us"] = static_cast<double>(longest_ns) / 1000 / count;
    state.counters["a_second"] = 1e9 * count / static_cast<double>(spent_ns);
}
void handshake_full(benchmark::State& state) { shake(state, false); }
void handshake_resumed(benchmark::State& state) { shake(state, true); }
BENCHMARK(handshake_full)->ArgName("key")->Arg(256)->Arg(384)->Arg(2048)->Arg(4096)->UseManualTime();
BENCHMARK(handshake_resumed)->ArgName("key")->Arg(256)->Arg(2048)->UseManualTime();

void megabyte_sent(benchmark::State& state) {
    const Sides& with = sides(256);
    Pair pair(with.server, with.client);
    pair.shake_hands();
    const std::string piece(16 << 10, 'x');
    for (auto _ : state) {
        for (int i = 0; i < 64; ++i) {
            pair.server->write(piece);
            benchmark::DoNotOptimize(pair.server->wire().data());
            pair.server->wire().clear();
        }
    }
    state.SetBytesProcessed(state.iterations() * (1 << 20));
}
BENCHMARK(megabyte_sent);

} // namespace

BENCHMARK_MAIN();
