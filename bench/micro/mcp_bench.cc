// bench/micro/mcp_bench.cc - what it costs to know what a message asks, to open and seal ids, to deny, to shorten a list.
//
// The calls: a tools/call of 600 octets of both eras. The scan is not in it (bench/micro/json_bench.cc). For
// instructions: valgrind --tool=callgrind --toggle-collect='*read_message*'.
#include "json/edit.h"
#include "json/scan.h"
#include "mcp/era.h"
#include "mcp/reply.h"
#include "mcp/rewrite.h"
#include "mcp/sealed.h"

#include <benchmark/benchmark.h>

#include <string>

using namespace weir;
using namespace weir::mcp;

namespace {

std::string filled(std::string_view head, std::string_view tail) {
    return std::string(head) + std::string(600 - head.size() - tail.size(), 'x') + std::string(tail);
}

std::string legacy_call() {
    return filled(
        R"({"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"search_docs","arguments":{"query":")",
        R"("},"_meta":{"progressToken":17}}})");
}

std::string modern_call() {
    return filled(
        R"({"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"search_docs","arguments":{"query":")",
        R"("},"_meta":{"progressToken":17,"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
        R"("io.modelcontextprotocol/clientCapabilities":{},)"
        R"("io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}}})");
}

std::string tools(int count) {
    std::string text = R"({"resultType":"complete","ttlMs":300000,"cacheScope":"public","tools":[)";
    for (int i = 0; i < count; ++i)
        text +=
            (i == 0 ? "" : ",") + std::string(R"({"name":"tool_)") + std::to_string(i) +
            R"(","description":"what it does","inputSchema":{"type":"object","properties":{"a":{"type":"string"}}}})";
    return text + "]}";
}

struct Room {
    explicit Room(const std::string& text) : bytes(pool), space(pool), out(pool) {
        bytes.append(text);
        document = *scanner.scan(bytes.padded());
    }
    BufferPool pool;
    PaddedBytes bytes;
    Workspace space;
    PaddedBytes out;
    json::Scanner scanner{json::ScanLimits{}};
    json::Document document;
};

void read(benchmark::State& state, const std::string& text) {
    Room room(text);
    for (auto _ : state) benchmark::DoNotOptimize(read_message(json::Value::root(room.document), room.space));
}

void tell_era(benchmark::State& state, const std::string& text, const RoutingHeaders& headers) {
    Room room(text);
    const auto message = read_message(json::Value::root(room.document), room.space);
    std::string_view detail;
    for (auto _ : state) benchmark::DoNotOptimize(classify(*message, headers, room.space, detail));
}

void deny_tool(benchmark::State& state) {
    Room room("{}");
    for (auto _ : state) {
        room.out.clear();
        write_denial(room.out, {.id = "17",
                                .method = Method::tools_call,
                                .name = "search_docs",
                                .code = "no_prod",
                                .text = "no writes to production on Fridays",
                                .hint = "use the staging cluster"});
        benchmark::DoNotOptimize(room.out.data());
    }
}

void filter_tools(benchmark::State& state) {
    Room room(tools(100));
    for (auto _ : state) {
        Edits edits(room.space);
        const auto kept = [](const Entry& entry) { return !entry.name.ends_with("7"); };
        benchmark::DoNotOptimize(
            filter_list(json::Value::root(room.document), Method::tools_list, Era::modern, true, edits, kept));
        room.out.clear();
        json::serialise(room.document, edits.sorted(), room.out);
        benchmark::DoNotOptimize(room.out.data());
        room.space.reset();
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * room.bytes.size()));
}

const Bond bond{"0123456789abcdef0123456789abcdef", "everything", "7b1c9f0e-2f3a-4f6b-9a59-0d6cf2d2a6f1"};

Sealer one_sealer() {
    KeyRing ring;
    ring.add(1, {});
    return Sealer(ring);
}

void seal_event(benchmark::State& state) {
    Room room("{}");
    Sealer sealer = one_sealer();
    for (auto _ : state) {
        room.out.clear();
        benchmark::DoNotOptimize(
            sealer.seal_event({"stream_1_event_2", Method::tools_call, "search_docs"}, bond, room.out));
    }
}

/// The same id again and again is remembered; an event's never is.
template <bool remembered> void open_id(benchmark::State& state) {
    Room room("{}");
    Sealer sealer = one_sealer();
    static_cast<void>(remembered ? sealer.seal_session({"7b1c9f0e", "2025-06-18", "client/1"}, bond, room.out)
                                 : sealer.seal_event({"7b1c9f0e", Method::tools_call, "client/1"}, bond, room.out));
    for (auto _ : state) {
        if (remembered) benchmark::DoNotOptimize(sealer.open_session(room.out.text(), bond, room.space));
        else benchmark::DoNotOptimize(sealer.open_event(room.out.text(), bond, room.space));
        room.space.reset();
    }
}

BENCHMARK_CAPTURE(read, legacy_call, legacy_call());
BENCHMARK_CAPTURE(read, modern_call, modern_call());
BENCHMARK_CAPTURE(tell_era, legacy, legacy_call(), RoutingHeaders{});
BENCHMARK_CAPTURE(tell_era, modern, modern_call(),
                  RoutingHeaders{{true, "2026-07-28"}, {true, "tools/call"}, {true, "search_docs"}});
BENCHMARK(deny_tool);
BENCHMARK(filter_tools);
BENCHMARK(seal_event);
BENCHMARK(open_id<false>);
BENCHMARK(open_id<true>);

} // namespace

BENCHMARK_MAIN();
