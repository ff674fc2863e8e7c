// tests/sim/database.h - the files of the tickets' database in a simulated weir: what SQLite sees when it opens one.
//
// A VFS of its own, in memory. What is written is told to the Net's disk, and so is what is synced; the power can go between
// any two of these, in the middle of a transaction. For a while the disk may be full, broken or read-only, or the database
// locked by somebody else. One at a time in the process: the last that was made is the one that SQLite uses. What it ends with
// says nothing of what is on disk afterwards: that is the disk's to say (record/disk.h).
#pragma once

#include "sim_ring.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::sim {

/// What goes wrong with the database's files, and until when.
struct Trouble {
    enum class Kind : uint8_t { none, full, write_fails, sync_fails, read_fails, read_only, locked } kind = Kind::none;
    bool always = false; // else every now and then
    uint64_t since_ns = 0, until_ns = 0;
    /// Nothing can be committed while this lasts.
    bool stops_all() const { return always && kind != Kind::none && kind != Kind::read_fails; }
};

class Database {
  public:
    using Left = std::map<std::string, record::test::Content>; // by path
    /// `forgets_syncs`: what it calls synced is not (mutants.h).
    Database(Net& net, bool forgets_syncs);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Something goes wrong from now on, perhaps.
    void draw_trouble();
    /// What goes wrong now; nothing when it is over or faults have stopped.
    const Trouble& trouble();
    /// When the last trouble was over; while there is one, UINT64_MAX.
    uint64_t well_since_ns();
    uint64_t troubles() const { return troubles_; }
    /// How long SQLite slept since this was asked last.
    uint64_t take_slept_ns() { return std::exchange(slept_ns_, 0); }

    /// The power goes now, or within the operation of SQLite that is the `count`-th from now on.
    void strike();
    void strike_in(uint64_t count) { strike_in_ = count; }
    bool struck() const { return left_.has_value(); }
    /// The power is back: gives what is on the disk but for the database's own, which are here again.
    Left power_back(const std::string& database);
    /// The process is gone, and with it what only it knew.
    void die();

    bool exists(const std::string& name) const { return files_.contains(name); }
    /// A copy of the database under another name, to look at; nobody else is told of it.
    void copy(const std::string& from, const std::string& to);

  private:
    friend struct Vfs;
    struct File {
        std::string bytes;
        std::vector<std::unique_ptr<char[]>> shared; // the index of its write-ahead log, while somebody has it open
    };
    bool fails(Trouble::Kind kind);
    /// One more operation that changes something begins.
    void operation();
    bool told_to_disk(const std::string& name) const {
        return !name.ends_with(".look") && !name.ends_with(".look-wal");
    }

    Net& net_;
    const bool forgets_syncs_;
    std::map<std::string, File> files_;
    Trouble trouble_;
    uint64_t ended_ns_ = 0, slept_ns_ = 0, troubles_ = 0;
    uint64_t strike_in_ = 0; // 0: not
    std::optional<Left> left_;
    uint64_t unnamed_ = 0;
    Random random_; // SQLite's own
};

} // namespace weir::sim
