// tests/record/damage_test.cc - a log that was cut anywhere is taken up at a prefix; a bit that was flipped anywhere is
// told by the check of the log, and never read as something else.
#include "record/fields.h"
#include "record/place.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace weir::record::test {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, std::string_view bytes) {
    std::filesystem::remove(path);
    std::ofstream file(path, std::ios::binary);
    REQUIRE(file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())));
}

struct Small {
    Directory directory;
    std::map<uint64_t, std::string> appended;
    std::string path, bytes;

    // A log of one segment, stopped in order or not; cut behind its last byte that says something, if `trimmed`.
    Small(bool stopped, bool trimmed) {
        Bench bench(options_in(directory, Durability::strict, 16 << 10));
        for (size_t i = 0; i < 12; ++i) REQUIRE(bench.until(bench.ask(i * 11, 1)));
        appended = bench.appended;
        if (stopped) bench.close();
        else bench.crash();
        path = directory.stream() + "/" + segment_name(1);
        bytes = read_file(path);
        if (trimmed) bytes.resize(bytes.find_last_not_of('\0') / 8 * 8 + 8);
        write_file(path, bytes);
    }
};

} // namespace

TEST_CASE("a log that was cut at any byte is taken up at a prefix, and goes on") {
    Small small(false, true);
    for (size_t size = 0; size <= small.bytes.size(); size += size < segment_head_bytes         ? 97
                                                              : size + 400 < small.bytes.size() ? 7
                                                                                                : 1) {
        std::filesystem::remove_all(small.directory.stream());
        std::filesystem::create_directory(small.directory.stream());
        write_file(small.path, std::string_view(small.bytes).substr(0, size));
        INFO("cut at " << size);
        {
            Bench bench(options_in(small.directory, Durability::strict, 16 << 10));
            REQUIRE(bench.until(bench.ask(5, 2)));
            bench.close();
        }
        auto expected = small.appended.begin();
        for (const Kept& entry : appended_of(read_all(small.directory.path()))) {
            if (entry.exchange == 2) continue;
            REQUIRE(expected != small.appended.end());
            REQUIRE(entry.seq == expected->first);
            const auto fields = read_fields(entry.payload);
            REQUIRE(fields);
            REQUIRE(fields->text(Field::body) == expected->second);
            ++expected;
        }
        const auto verified = verify_log(small.directory.path());
        REQUIRE(verified);
        REQUIRE(verified->damages.empty());
        REQUIRE(verified->torn.empty());
    }
}

TEST_CASE("every flipped bit of a log that was stopped is told") {
    Small small(true, true);
    REQUIRE(verify_log(small.directory.path())->damages.empty());
    const size_t bits = small.bytes.size() * 8;
    const auto step = [&](size_t bit) { // All of the head that says something and of the end; every fifth between.
        if (bit > 1200 && bit < segment_head_bytes * 8 - 61) return size_t{61};
        return bit < 1200 || bit + 2000 > bits ? size_t{1} : size_t{5};
    };
    for (size_t bit = 0; bit < bits; bit += step(bit)) {
        std::string flipped = small.bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        write_file(small.path, flipped);
        INFO("byte " << bit / 8 << ", bit " << bit % 8);
        const auto verified = verify_log(small.directory.path());
        REQUIRE(verified);
        REQUIRE(verified->damages.size() + verified->torn.size() >= 1);
    }
}

TEST_CASE(
    "a flipped bit in what is known to be synced is damage: the writer refuses and the reader goes on behind it") {
    Small small(false, false);
    auto file = SegmentFile::open(small.path);
    REQUIRE(file);
    uint64_t tried = 0;
    std::vector<std::pair<uint64_t, uint64_t>> frames; // offset, seq
    while (const auto frame = file->next()) frames.emplace_back(file->offset() - frame->bytes, frame->seq);
    REQUIRE(frames.size() > 20);
    for (const auto& [offset, seq] : frames) {
        if (seq + 6 > frames.back().second) break; // The last batches are synced too, but no entry says so yet.
        ++tried;
        std::string flipped = small.bytes;
        flipped[offset + 41] ^= 4;
        write_file(small.path, flipped);
        INFO("seq " << seq);
        FileRing ring;
        const auto opened = Writer::open(ring, options_in(small.directory, Durability::strict, 16 << 10));
        REQUIRE_FALSE(opened);
        CHECK(opened.error().find("seq " + std::to_string(seq) + " ") != std::string::npos);
        const auto verified = verify_log(small.directory.path());
        REQUIRE(verified);
        REQUIRE_FALSE(verified->damages.empty());
        CHECK(verified->damages[0].find("seq " + std::to_string(seq) + " ") != std::string::npos);
        CHECK(verified->entries == frames.size() - 1);
    }
    CHECK(tried > 10);
}

TEST_CASE("a forged entry with a right checksum breaks the chain") {
    Small small(true, true);
    auto file = SegmentFile::open(small.path);
    REQUIRE(file);
    const auto first = file->next();
    REQUIRE(first);
    std::string forged = small.bytes;
    char* frame = forged.data() + segment_head_bytes;
    frame[36] = 77; // of another exchange
    salt_again(frame, first->bytes, file->salt_crc());
    write_file(small.path, forged);
    const auto verified = verify_log(small.directory.path());
    REQUIRE(verified);
    REQUIRE(verified->damages.size() == 1);
    CHECK(verified->damages[0].find("chain") != std::string::npos);
    FileRing ring;
    CHECK_FALSE(Writer::open(ring, options_in(small.directory, Durability::strict, 16 << 10)));
}

TEST_CASE("a segment that is missing, of another log, or whose head is gone, is told") {
    Directory directory;
    {
        Bench bench(options_in(directory, Durability::strict, 16 << 10));
        for (int i = 0; i < 60; ++i) REQUIRE(bench.until(bench.ask(1000)));
        bench.close();
    }
    const auto numbers = list_segments(directory.stream());
    REQUIRE(numbers);
    REQUIRE(numbers->size() >= 4);
    const std::string second = directory.stream() + "/" + segment_name((*numbers)[1]);
    const std::string bytes = read_file(second);
    const auto check_told = [&](const char* what) {
        INFO(what);
        const auto verified = verify_log(directory.path());
        REQUIRE(verified);
        CHECK_FALSE(verified->damages.empty());
        FileRing ring;
        CHECK_FALSE(Writer::open(ring, options_in(directory, Durability::strict, 16 << 10)));
    };
    std::filesystem::remove(second);
    check_told("missing");
    std::string headless = bytes;
    headless.replace(0, segment_head_bytes, std::string(segment_head_bytes, '\0'));
    write_file(second, headless);
    check_told("head gone");
    headless[20] = 1;
    write_file(second, headless);
    check_told("head damaged");
    write_file(second, bytes);
    CHECK(verify_log(directory.path())->damages.empty());
    const std::string first = directory.stream() + "/" + segment_name(numbers->front()), kept = read_file(first);
    write_file(first, ""); // Nobody reads it any more, and yet it was not pruned: then it would be gone.
    {
        FileRing ring;
        CHECK_FALSE(Writer::open(ring, options_in(directory, Durability::strict, 16 << 10)));
    }
    write_file(first, kept);
    auto options = options_in(directory, Durability::strict, 16 << 10);
    options.log[0] = 99;
    FileRing ring;
    const auto other = Writer::open(ring, options);
    REQUIRE_FALSE(other);
    CHECK(other.error().find("another") != std::string::npos);
}

TEST_CASE("a log's identity is made once") {
    Directory directory;
    std::string why;
    const auto first = log_identity(directory.path(), why);
    REQUIRE(first);
    CHECK(log_identity(directory.path(), why) == first);
    write_file(directory.path() + "/log-id", "nonsense\n");
    CHECK(log_identity(directory.path(), why).error() == Error::corrupt);
    CHECK(why.find("log-id") != std::string::npos);
    CHECK(log_identity(directory.path() + "/nowhere", why).error() == Error::io_failed);
}

} // namespace weir::record::test
