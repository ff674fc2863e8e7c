// bench/micro/http_bench.cc - what the HTTP layer costs: heads, chunks, event streams, and writing them.
//
// The heads are those of real clients and servers of MCP. For instructions instead of time, which are exact:
//   valgrind --tool=callgrind --toggle-collect='*read_request_head*' bench_http --benchmark_filter=request/mcp
#include "http/body.h"
#include "http/head.h"
#include "http/sse.h"
#include "http/write.h"

#include <benchmark/benchmark.h>
#include <array>
#include <string>

namespace {

using namespace weir;
using namespace weir::http;

const std::string body =
    R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hi"}}})";

// 8 fields, 299 octets.
const std::string mcp_request =
    "POST /mcp/everything HTTP/1.1\r\nHost: gateway.example.com:8080\r\nUser-Agent: python-httpx/0.28.1\r\n"
    "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
    "Mcp-Session-Id: 6f1a8c3e9b2d47f0a5e8c1d2\r\nMCP-Protocol-Version: 2025-11-25\r\nConnection: keep-alive\r\n"
    "Content-Length: 101\r\n\r\n" +
    body;

// What a browser-like client adds, with a bearer token of 800 octets.
const std::string long_request =
    "POST /mcp/everything HTTP/1.1\r\nhost: gateway.example.com:8080\r\nconnection: keep-alive\r\n"
    "content-type: application/json\r\naccept: application/json, text/event-stream\r\nauthorization: Bearer " +
    std::string(800, 'x') +
    "\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: echo\r\n"
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\naccept-language: *\r\nsec-fetch-mode: "
    "cors\r\n"
    "user-agent: node\r\naccept-encoding: gzip, deflate\r\ncontent-length: 101\r\n\r\n" +
    body;

const std::string answer_json =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 101\r\nDate: Sat, 21 Nov 2026 02:00:00 "
    "GMT\r\n\r\n" +
    body;

const std::string answer_stream =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache, no-transform\r\nconnection: "
    "keep-alive\r\n"
    "mcp-session-id: 6f1a8c3e9b2d47f0a5e8c1d2\r\nDate: Sat, 21 Nov 2026 02:00:00 GMT\r\nKeep-Alive: timeout=5\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

void request(benchmark::State& state, const std::string& octets) {
    std::array<Field, 100> room;
    for (auto _ : state) {
        auto head = read_request_head(octets, room, {});
        benchmark::DoNotOptimize(head);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(octets.size()));
}
BENCHMARK_CAPTURE(request, mcp, mcp_request);
BENCHMARK_CAPTURE(request, long, long_request);

void answer(benchmark::State& state, const std::string& octets) {
    std::array<Field, 100> room;
    for (auto _ : state) {
        auto head = read_answer_head(octets, room, {});
        benchmark::DoNotOptimize(head);
    }
}
BENCHMARK_CAPTURE(answer, json, answer_json);
BENCHMARK_CAPTURE(answer, stream, answer_stream);

void chunked(benchmark::State& state) {
    BufferPool pool;
    PaddedBytes octets(pool);
    const std::string payload(static_cast<size_t>(state.range(0)), 'x');
    for (int i = 0; i < 4; ++i) write_chunk(octets, payload);
    write_last_chunk(octets);
    for (auto _ : state) {
        ChunkedReader reader;
        std::string_view rest = octets.text();
        while (!reader.done()) {
            auto piece = reader.next(rest);
            rest.remove_prefix(piece->consumed);
            benchmark::DoNotOptimize(piece);
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(octets.size()));
}
BENCHMARK(chunked)->Arg(100)->Arg(16 << 10);

void event(benchmark::State& state) {
    BufferPool pool;
    PaddedBytes joined(pool), octets(pool);
    const std::string data(static_cast<size_t>(state.range(0)), 'x');
    (void)write_event(octets, {.id = "42", .type = "message", .data = data});
    for (auto _ : state) {
        EventReader reader;
        auto found = reader.next(octets.text(), joined);
        benchmark::DoNotOptimize(found);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(octets.size()));
}
BENCHMARK(event)->Arg(100)->Arg(800)->Arg(1 << 20);

// One event of 1 MiB that comes in reads of 16 KiB: each octet is to be looked at once.
void event_in_pieces(benchmark::State& state) {
    BufferPool pool;
    PaddedBytes joined(pool), octets(pool);
    (void)write_event(octets, {.data = std::string(1 << 20, 'x')});
    for (auto _ : state) {
        EventReader reader;
        for (size_t size = 0; size < octets.size();) {
            size = std::min(size + (16 << 10), octets.size());
            auto found = reader.next(octets.text().substr(0, size), joined);
            benchmark::DoNotOptimize(found);
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(octets.size()));
}
BENCHMARK(event_in_pieces);

void write_request(benchmark::State& state) {
    BufferPool pool;
    PaddedBytes out(pool, 4096);
    for (auto _ : state) {
        out.clear();
        HeadWriter head(out);
        head.request(Method::post, "/mcp");
        head.field("Host", "127.0.0.1:9000");
        head.lines(
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nAccept-Encoding: "
            "identity\r\n");
        head.field("MCP-Protocol-Version", "2025-11-25");
        head.field("Mcp-Session-Id", "6f1a8c3e9b2d47f0a5e8c1d2");
        head.field("Content-Length", uint64_t{101});
        auto done = head.finish();
        benchmark::DoNotOptimize(done);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(write_request);

void write_answer(benchmark::State& state) {
    BufferPool pool;
    PaddedBytes out(pool, 4096);
    for (auto _ : state) {
        out.clear();
        HeadWriter head(out);
        head.answer(200);
        head.lines("Content-Type: application/json\r\n");
        head.field("Content-Length", uint64_t{800});
        auto done = head.finish();
        benchmark::DoNotOptimize(done);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(write_answer);

void write_one_event(benchmark::State& state) {
    BufferPool pool;
    PaddedBytes out(pool, 4096);
    const std::string data(800, 'x');
    for (auto _ : state) {
        out.clear();
        auto done = write_event(out, {.id = "42", .type = "message", .data = data});
        benchmark::DoNotOptimize(done);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(write_one_event);

} // namespace

BENCHMARK_MAIN();
