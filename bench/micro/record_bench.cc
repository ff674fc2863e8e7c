// bench/micro/record_bench.cc - what the record costs a call: four entries, their checksums, and their share of a batch.
//
// The kernel is left out: writes and syncs complete at once and go nowhere. The argument is how many calls share a
// batch. One iteration is one call: asked with 600 octets, allowed, forwarded, answered with 800.
#include "crypto/sha256.h"
#include "record/frame.h"
#include "record/writer.h"

#include <benchmark/benchmark.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace weir;
using namespace weir::record;

/// Completes every file operation at the next turn, and does none.
class NowhereRing final : public ring::Ring {
  public:
    uint64_t turn_ns = 20'000;
    uint64_t now_ns() const override { return now_ns_; }
    uint64_t wall_ns() const override { return now_ns_; }
    uint64_t elapsed_ns() const override { return 0; }
    void turn(uint64_t, uint64_t = 0) override {
        now_ns_ += turn_ns;
        size_t count = ready_.size();
        for (size_t i = 0; i < count; ++i) {
            const auto [op, result] = ready_[i];
            op->with_kernel = false;
            op->done(*op, {.result = result, .last = true});
        }
        ready_.erase(ready_.begin(), ready_.begin() + static_cast<ptrdiff_t>(count));
    }
    void submit() override {}
    void close(int) override {}
    void open_file(ring::Op& op, int, const char*, int, uint32_t) override { complete(op, 1000); }
    void allocate(ring::Op& op, int, uint64_t, uint64_t) override { complete(op, 0); }
    void write(ring::Op& op, int, std::string_view bytes, uint64_t, ring::Op* synced) override {
        complete(op, static_cast<int32_t>(bytes.size()));
        if (synced != nullptr) complete(*synced, 0);
    }
    void write_directly(ring::Op& op, int, std::string_view bytes, uint64_t) override {
        complete(op, static_cast<int32_t>(bytes.size()));
    }
    bool takes_blocks(int) override { return true; }
    bool turn_direct(int, bool) override { return true; }
    void sync(ring::Op& op, int, bool) override { complete(op, 0); }
    void unlink(ring::Op& op, int, const char*) override { complete(op, 0); }
    int open_socket(int) override { std::abort(); }
    void shutdown(int, int) override { std::abort(); }
    ring::Address peer(int) override { std::abort(); }
    void accept(ring::Op&, int) override { std::abort(); }
    void receive(ring::Op&, int) override { std::abort(); }
    void connect(ring::Op&, int, const ring::Address&) override { std::abort(); }
    void send(ring::Op&, int, std::string_view) override { std::abort(); }
    void send_quietly(ring::Op&, int, std::string_view) override { std::abort(); }
    void send_pieces(ring::Op&, int, const msghdr&) override { std::abort(); }
    ssize_t receive_now(int, std::span<char>) override { std::abort(); }
    int look_ahead(int) override { std::abort(); }
    void cancel(ring::Op&) override { std::abort(); }
    void on_wake(ring::Op*) override { std::abort(); }
    ring::Slab adopt(const ring::Completion&) override { std::abort(); }
    uint32_t slabs_free() const override { return 0; }
    uint32_t slabs_total() const override { return 0; }

  protected:
    void give_back(uint16_t) override {}

  private:
    void complete(ring::Op& op, int32_t result) {
        op.with_kernel = true;
        ready_.push_back({&op, result});
    }
    uint64_t now_ns_ = 1'700'000'000'000'000'000;
    std::vector<std::pair<ring::Op*, int32_t>> ready_;
};

void call(benchmark::State& state) {
    char directory[] = "/tmp/weir-record-bench-XXXXXX";
    if (::mkdtemp(directory) == nullptr) return state.SkipWithError("no temporary directory");
    {
        NowhereRing ring;
        WriterOptions options;
        options.directory = directory;
        auto writer = Writer::open(ring, options);
        if (!writer) return state.SkipWithError(writer.error().c_str());
        Writer& record = **writer;
        for (int i = 0; i < 10; ++i) record.flush(), ring.turn(0);
        const std::string request(600, 'q'), answer(800, 'a');
        const std::string_view policies[] = {"prod/reads"};
        const int64_t calls_per_batch = state.range(0);
        ring.turn_ns = static_cast<uint64_t>(calls_per_batch) * 10'000; // 100,000 calls a second
        uint32_t exchange = 0;
        int64_t in_batch = 0;
        for (auto _ : state) {
            ++exchange;
            const bool good =
                record.append(exchange, Asked{.session = 7,
                                              .principal = "ann@acme.example",
                                              .client = "claude-code 2.1",
                                              .server = "acme",
                                              .method = "tools/call",
                                              .name = "list_customers",
                                              .body = request,
                                              .wire_bytes = 600,
                                              .revision = "2025-11-25",
                                              .request_id = "17",
                                              .session_key = "0123456789abcdef0123456789abcdef"}) &&
                record.append(exchange, Allowed{{.policies = policies, .generation = 1, .reason = "policy"}}) &&
                record.append(exchange, Forwarded{.server = "acme", .wire_bytes = 600}) &&
                record.append(exchange,
                              Answered{.body = answer, .status = 200, .latency_ns = 1'234'567, .wire_bytes = 800});
            if (!good) {
                state.SkipWithError("refused");
                break;
            }
            if (++in_batch == calls_per_batch) {
                in_batch = 0;
                record.flush();
                ring.turn(0);
            }
        }
        state.SetBytesProcessed(static_cast<int64_t>(record.figures().bytes));
        record.close();
        while (!record.closed()) ring.turn(0);
    }
    std::filesystem::remove_all(directory);
}
BENCHMARK(call)->Arg(1)->Arg(4)->Arg(16)->Arg(64);

void frame(benchmark::State& state) {
    std::string bytes(static_cast<size_t>(state.range(0)) + 64, 'x');
    uint64_t seq = 0;
    for (auto _ : state) {
        FrameHead head;
        head.seq = ++seq;
        head.kind = Kind::asked;
        benchmark::DoNotOptimize(finish_frame(bytes.data(), head, static_cast<uint32_t>(state.range(0)), 1));
    }
    state.SetBytesProcessed(static_cast<int64_t>(seq) * state.range(0));
}
BENCHMARK(frame)->Arg(64)->Arg(800)->Arg(64 << 10);

void batch_hash(benchmark::State& state) {
    const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
    Digest chain{};
    int64_t hashed = 0;
    for (auto _ : state) {
        BatchHash hash;
        hash.update(bytes);
        chain = hash.chain(chain);
        benchmark::DoNotOptimize(chain);
        hashed += state.range(0);
    }
    state.SetBytesProcessed(hashed);
}
BENCHMARK(batch_hash)->Arg(2000)->Arg(64 << 10);

} // namespace

BENCHMARK_MAIN();
