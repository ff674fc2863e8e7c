// bench/micro/json_bench.cc - what the strict scan, the digest form and writing again cost.
//
// The texts: the tools/call of 600 octets and the answer of 800 that all figures of docs/ speak of (one long string),
// a call of many small members, and large ones: prose, source code (an escape every 40 octets), JSON in a string of
// JSON, nothing but numbers, and objects of 4,096 names. For instructions: valgrind --tool=callgrind --toggle-collect='*Scanner::scan*'.
#include "json/canonical.h"
#include "json/edit.h"
#include "json/names.h"
#include "json/scan.h"

#include <benchmark/benchmark.h>

#include <string>

using namespace weir;
using namespace weir::json;

namespace {

std::string filled(std::string_view head, std::string_view prose, std::string_view tail, size_t size) {
    std::string text(head);
    for (size_t i = 0; text.size() + tail.size() < size; ++i) text += prose[i % prose.size()];
    return text.append(tail);
}

std::string call_600() {
    return filled(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":"t1"},)"
                  R"("name":"search_docs","arguments":{"query":")",
                  "how do I rotate the signing key of the staging cluster without downtime ",
                  R"(","limit":10,"filters":{"lang":"en","tags":["a","b"]}}}})", 600);
}

std::string answer(size_t size, std::string_view prose) {
    return filled(R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":")", prose,
                  R"("}],"isError":false}})", size);
}

constexpr std::string_view fox = "The quick brown fox jumps over the lazy dog near the river bank. ";
constexpr std::string_view code = R"(    if (left != right) return false;\n    )";

constexpr std::string_view nested = R"({\"id\":17,\"name\":\"Jane Doe\",\"tags\":[\"a\",\"b\"]},)";

std::string call_members() {
    std::string text = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_order","arguments":{)";
    for (int i = 0; i < 26; ++i) text += "\"field_" + std::to_string(i * 37) + "\":" + std::to_string(i * 1001) + ",";
    return text + R"("customer":"Jane","express":true,"note":null}}})";
}

std::string numbers(size_t size) {
    std::string text = "[0";
    while (text.size() < size) text += ",1234.5";
    return text + "]";
}

std::string many_names(size_t objects) {
    std::string text = "[0";
    for (size_t i = 0; i < objects; ++i) {
        text += ",{\"\":0";
        for (int name = 0; name < 4095; ++name) text += ",\"name" + std::to_string(name) + "\":1";
        text += "}";
    }
    return text + "]";
}

struct Room {
    explicit Room(const std::string& text) : bytes(pool) { bytes.append(text); }
    BufferPool pool;
    PaddedBytes bytes;
    Scanner scanner{ScanLimits{}};
};

void scan(benchmark::State& state, const std::string& text) {
    Room room(text);
    for (auto _ : state) {
        auto document = room.scanner.scan(room.bytes.padded());
        if (!document) return state.SkipWithError("refused");
        benchmark::DoNotOptimize(document);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void write_canonical(benchmark::State& state, const std::string& text) {
    Room room(text);
    const auto document = room.scanner.scan(room.bytes.padded());
    Workspace space(room.pool);
    PaddedBytes out(room.pool);
    for (auto _ : state) {
        out.clear();
        benchmark::DoNotOptimize(canonical(Value::root(*document), 16 << 20, space, out));
        space.reset();
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void write_again(benchmark::State& state, const std::string& text) {
    Room room(text);
    const auto document = room.scanner.scan(room.bytes.padded());
    const Value root = Value::root(*document);
    const Edit edits[] = {Edit::insert(root, "extra", "{}")};
    PaddedBytes out(room.pool);
    for (auto _ : state) {
        out.clear();
        serialise(*document, edits, out);
        benchmark::DoNotOptimize(out.data());
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void decode_string(benchmark::State& state, const std::string& text) {
    Room room(text);
    const auto document = room.scanner.scan(room.bytes.padded());
    const Value string = Value::root(*document).find("result").find("content").at(0).find("text");
    Workspace space(room.pool);
    for (auto _ : state) {
        benchmark::DoNotOptimize(string.string(space));
        space.reset();
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void names(benchmark::State& state, const std::string& text) {
    Room room(text);
    const auto document = room.scanner.scan(room.bytes.padded());
    const Value root = Value::root(*document), params = root.find("params");
    Workspace space(room.pool);
    for (auto _ : state) {
        benchmark::DoNotOptimize(check_reserved_names(root, space));
        benchmark::DoNotOptimize(check_reserved_names(params, space));
        benchmark::DoNotOptimize(check_reserved_names(params.find("_meta"), space));
    }
}

BENCHMARK_CAPTURE(scan, call_600, call_600());
BENCHMARK_CAPTURE(scan, answer_800, answer(800, fox));
BENCHMARK_CAPTURE(scan, call_members, call_members());
BENCHMARK_CAPTURE(scan, prose_256k, answer(256 << 10, fox));
BENCHMARK_CAPTURE(scan, code_256k, answer(256 << 10, code));
BENCHMARK_CAPTURE(scan, nested_256k, answer(256 << 10, nested));
BENCHMARK_CAPTURE(scan, numbers_256k, numbers(256 << 10));
BENCHMARK_CAPTURE(scan, names_4096_x_8, many_names(8));
BENCHMARK_CAPTURE(names, call_600, call_600());
BENCHMARK_CAPTURE(write_canonical, call_600, call_600());
BENCHMARK_CAPTURE(write_canonical, call_members, call_members());
BENCHMARK_CAPTURE(write_again, call_600, call_600());
BENCHMARK_CAPTURE(write_again, code_256k, answer(256 << 10, code));
BENCHMARK_CAPTURE(decode_string, code_256k, answer(256 << 10, code));
BENCHMARK_CAPTURE(decode_string, nested_256k, answer(256 << 10, nested));
BENCHMARK_CAPTURE(write_again, nested_256k, answer(256 << 10, nested));

} // namespace

BENCHMARK_MAIN();
