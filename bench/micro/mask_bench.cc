// bench/micro/mask_bench.cc - what masking an answer costs, beside the strict scan that it needs first.
//
// The answers: 800 octets with a structuredContent of one customer and its copy as JSON text, 100 customers with a copy,
// and 1 MB of prose beside 200 removed values. The mask: three fields, one of them below **.
#include "json/edit.h"
#include "json/scan.h"
#include "mask/masker.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

using namespace weir;

namespace {

std::string customers(int count) {
    std::string list = R"({"customers":[)";
    for (int i = 0; i < count; ++i)
        list += std::string(i == 0 ? "" : ",") + R"({"id":)" + std::to_string(i) + R"(,"name":"Jane Doe )" +
                std::to_string(i) + R"(","ssn":"078-05-)" + std::to_string(1000 + i) + R"(","salary":)" +
                std::to_string(50'000 + i) + R"(.50,"phone":"+49 170 12345)" + std::to_string(100 + i) +
                R"(","notes":"prefers mail, has two open tickets about invoices"})";
    return list + "]}";
}

std::string quoted(const std::string& text) {
    std::string made = "\"";
    for (const char c : text) made += c == '"' ? "\\\"" : std::string(1, c);
    return made + "\"";
}

std::string answer(int count, size_t prose) {
    std::string text;
    while (text.size() < prose) text += "The quick brown fox jumps over 13 lazy dogs near the river bank of 1999. ";
    return R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":)" +
           (prose == 0 ? quoted(customers(count)) : quoted(text)) + R"(}],"structuredContent":)" + customers(count) +
           "}}";
}

struct Bench {
    explicit Bench(const std::string& text) : bytes(pool), out(pool), space(pool), masker(Limits{}, pool) {
        bytes.append(text);
        for (const char* path : {"**.ssn", "customers[*].salary", "customers[*].phone"})
            paths.push_back(*json::Path::parse(path));
        fields = {{paths[0].view(), mask::Act::drop, {}},
                  {paths[1].view(), mask::Act::null, {}},
                  {paths[2].view(), mask::Act::last4, {}}};
    }
    BufferPool pool;
    PaddedBytes bytes, out;
    Workspace space;
    json::Scanner scanner{json::ScanLimits{}};
    mask::Masker masker;
    std::vector<json::Path> paths;
    std::vector<mask::Field> fields;
};

void scan(benchmark::State& state, const std::string& text) {
    Bench bench(text);
    for (auto _ : state) benchmark::DoNotOptimize(bench.scanner.scan(bench.bytes.padded()));
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

/// The strict scan, the mask and the new text.
void mask_whole(benchmark::State& state, const std::string& text, const std::vector<const char*>& names = {}) {
    Bench bench(text);
    if (!names.empty()) {
        bench.paths.clear();
        bench.fields.clear();
        for (const char* path : names) bench.paths.push_back(*json::Path::parse(path));
        for (const auto& path : bench.paths) bench.fields.push_back({path.view(), mask::Act::drop, {}});
    }
    for (auto _ : state) {
        bench.space.reset();
        bench.out.clear();
        const auto document = bench.scanner.scan(bench.bytes.padded());
        const auto outcome = bench.masker.mask(json::Value::root(*document), bench.fields, bench.space);
        if (!outcome) return state.SkipWithError("it failed");
        json::serialise(*document, outcome->edits, bench.out);
        benchmark::DoNotOptimize(bench.out.data());
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

} // namespace

int main(int argc, char** argv) {
    const std::string small = answer(2, 0), large = answer(100, 0), prose = answer(200, 1 << 20);
    const auto add = [](const char* name, auto run) { benchmark::RegisterBenchmark(name, run); };
    add("small/scan", [&](benchmark::State& state) { scan(state, small); });
    add("small/mask", [&](benchmark::State& state) { mask_whole(state, small); });
    add("small/nothing to mask", [&](benchmark::State& state) { mask_whole(state, small, {"a.b", "x[*].y", "ssn"}); });
    add("large/scan", [&](benchmark::State& state) { scan(state, large); });
    add("large/mask", [&](benchmark::State& state) { mask_whole(state, large); });
    add("prose/scan", [&](benchmark::State& state) { scan(state, prose); });
    add("prose/mask", [&](benchmark::State& state) { mask_whole(state, prose); });
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
