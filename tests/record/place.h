// tests/record/place.h - a directory for one test, a writer in it, and what a reader finds there afterwards.
#pragma once

#include "record/file_ring.h"
#include "record/reader.h"
#include "record/writer.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weir::record::test {

inline constexpr LogId log_id{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/// A temporary directory that goes with its owner.
class Directory {
  public:
    Directory();
    ~Directory();
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    const std::string& path() const { return path_; }
    std::string stream() const { return path_ + "/worker-0"; }
    /// Takes everything out.
    void clear();

  private:
    std::string path_;
};

struct Kept { // an entry as it was read
    uint64_t seq;
    Kind kind;
    uint32_t exchange;
    std::string payload;
    bool operator==(const Kept&) const = default;
};

/// All entries of the log but marks and seals. Damage fails the test.
std::vector<Kept> read_all(const std::string& directory);
/// Those of them that an exchange made: what a test appended.
std::vector<Kept> appended_of(const std::vector<Kept>& all);

WriterOptions options_in(const Directory& directory, Durability durability, uint64_t segment_bytes = 1 << 20);

/// A writer with its ring. What is appended is remembered by seq.
class Bench {
  public:
    explicit Bench(const WriterOptions& options);
    ~Bench();
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    FileRing ring;
    std::unique_ptr<Writer> writer;
    std::map<uint64_t, std::string> appended; // body by seq

    /// Appends an `asked` with a body of `size` bytes drawn from its number. 0 when it was refused.
    uint64_t ask(size_t size, uint32_t exchange = 1);
    void turn();
    void turns(unsigned count);
    /// Turns until `seq` may be acted on; false after 1,000 turns.
    bool until(uint64_t seq);
    bool until_durable(uint64_t seq);
    /// Closes and lets it finish.
    void close();
    /// The process dies.
    void crash();
};

/// The body that `ask` gives the entry after `seq` others.
std::string body_of(uint64_t seq, size_t size);

} // namespace weir::record::test
