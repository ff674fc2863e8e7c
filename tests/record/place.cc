// tests/record/place.cc - see place.h.
#include "record/place.h"

#include "base/random.h"
#include "record/fields.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>

namespace weir::record::test {

Directory::Directory() {
    // In memory where that is to be had: what is tried here is the order of writes and syncs, not the disk.
    const std::string parent = std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
    path_ = parent + "/weir-record-XXXXXX";
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
}

Directory::~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void Directory::clear() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
}

std::vector<Kept> read_all(const std::string& directory) {
    auto reader = Reader::open(directory, {});
    REQUIRE(reader);
    std::vector<Kept> kept;
    for (;;) {
        const auto entry = reader->next();
        if (!entry) {
            INFO(reader->damage());
            REQUIRE(entry.error() == Error::not_found);
            return kept;
        }
        const Frame& frame = entry->frame;
        if (serves_format(frame.kind)) continue;
        kept.push_back({frame.seq, frame.kind, frame.exchange, std::string(frame.payload)});
    }
}

std::vector<Kept> appended_of(const std::vector<Kept>& all) {
    std::vector<Kept> kept;
    for (const Kept& entry : all) {
        if (entry.exchange != 0) kept.push_back(entry);
    }
    return kept;
}

WriterOptions options_in(const Directory& directory, Durability durability, uint64_t segment_bytes) {
    WriterOptions options;
    options.directory = directory.path();
    options.log = log_id;
    options.seed = 42;
    options.durability = durability;
    options.segment_bytes = segment_bytes;
    options.tail_bytes = 0; // But where a test is about it.
    return options;
}

Bench::Bench(const WriterOptions& options) {
    auto opened = Writer::open(ring, options);
    INFO((opened ? std::string() : opened.error()));
    REQUIRE(opened);
    writer = std::move(*opened);
}

Bench::~Bench() {
    if (writer) crash();
}

std::string body_of(uint64_t seq, size_t size) {
    Random random(seq);
    std::string body(size, ' ');
    for (char& byte : body) byte = static_cast<char>('a' + random.below(26));
    return body;
}

uint64_t Bench::ask(size_t size, uint32_t exchange) {
    Asked asked;
    asked.principal = "ann";
    asked.server = "acme";
    asked.method = "tools/call";
    const std::string body = body_of(writer->last_seq(), size);
    asked.body = body;
    const auto seq = writer->append(exchange, asked);
    if (!seq) return 0;
    appended[*seq] = body;
    return *seq;
}

void Bench::turn() {
    writer->flush();
    ring.turn(writer->next_due_ns());
}

void Bench::turns(unsigned count) {
    for (unsigned i = 0; i < count; ++i) turn();
}

bool Bench::until(uint64_t seq) {
    for (unsigned i = 0; i < 1000 && !writer->may_act_on(seq); ++i) turn();
    return writer->may_act_on(seq);
}

bool Bench::until_durable(uint64_t seq) {
    for (unsigned i = 0; i < 1000 && writer->durable_seq() < seq; ++i) turn();
    return writer->durable_seq() >= seq;
}

void Bench::close() {
    writer->close();
    for (unsigned i = 0; i < 10'000 && !writer->closed(); ++i) ring.turn(writer->next_due_ns());
    REQUIRE(writer->closed());
    writer.reset();
}

void Bench::crash() {
    ring.crash();
    writer.reset();
}

} // namespace weir::record::test
