// tests/record/disk.h - what of some files is certain, and what a power cut may leave of the rest.
//
// The model: a sector of 512 octets is written whole or not at all; what was written and not synced since is there, or not,
// sector by sector; a file that was created is there once its directory was synced, before that perhaps; its size and its
// removal likewise. A sync covers what was done when it began. One that fails drops what it was about: a later one that
// succeeds does not bring it back. Not the files themselves: whoever writes them says here what was written.
#pragma once

#include "base/random.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::record::test {

/// How the sectors that are not synced are chosen.
enum class Luck : uint8_t { none, all, random, mostly, rarely, late_only };

/// Of a file: what was written, and how long it is; zeros fill the rest.
struct Content {
    std::string bytes{};
    uint64_t size = 0;
};

class Disk {
  public:
    using Number = uint64_t; // of a write, in their order

    void create(const std::string& name);
    /// It has been handed over; it may be on disk from now on.
    Number write(const std::string& name, uint64_t offset, std::string_view bytes);
    Number allocate(const std::string& name, uint64_t size);
    Number truncate(const std::string& name, uint64_t size);
    /// It has returned: a sync that begins from now on covers it.
    void done(const std::string& name, Number number);
    void all_done();

    /// A sync of `name` begins; its number is for end_sync, which tells how it went.
    Number begin_sync(const std::string& name);
    void end_sync(const std::string& name, Number sync, bool good);
    void sync_directory(std::string_view directory);
    void unlink(const std::string& name);

    bool knows(const std::string& name) const { return files_.contains(name); }
    /// What would be left if the power went now, by name.
    std::map<std::string, Content> left(Luck luck, Random& random) const;
    /// The power is back: this is what there is, and it is certain.
    void begin_anew(const std::map<std::string, Content>& left);

  private:
    struct Pending {
        enum class Kind : uint8_t { write, allocate, truncate } kind;
        Number number = 0, sync = 0; // sync: the first that covers it
        bool done = false, dropped = false;
        uint64_t offset = 0; // write: where; else the size
        std::string bytes{};
    };
    struct File {
        Content synced{};
        std::vector<Pending> pending{};
        bool listed = false;   // its name is certain
        bool unlinked = false; // perhaps
    };
    Number add(const std::string& name, Pending pending);
    static void put(Content& content, uint64_t offset, std::string_view bytes);
    static void apply(Content& content, const Pending& pending);
    static void apply_in_part(Content& content, const Pending& pending, Luck luck, Random& random, size_t index,
                              size_t count);
    static void make_certain(File& file, size_t index);

    std::map<std::string, File> files_;
    Number last_ = 0;
};

} // namespace weir::record::test
