// tests/sim/database.cc - a VFS of SQLite's, in memory.
#include "database.h"

#include "ledger.h"

#include <sqlite3.h>
#include <algorithm>
#include <cstring>
#include <new>

namespace weir::sim {
namespace {

Database* in_use = nullptr;

} // namespace

/// What SQLite calls; everything is done by the Database in use.
struct Vfs {
    struct Handle {
        sqlite3_file base;
        std::string name;
        bool lists = false;  // its first sync also syncs its directory
        bool passes = false; // goes away when it is closed
    };
    using Kind = Trouble::Kind;
    static Handle& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
    static std::string& bytes(sqlite3_file* file) { return in_use->files_[of(file).name].bytes; }
    static std::string directory_of(const std::string& name) { return name.substr(0, name.rfind('/')); }

    static int close(sqlite3_file* file) {
        Handle& handle = of(file);
        if (handle.passes && in_use != nullptr) in_use->files_.erase(handle.name);
        handle.~Handle();
        return SQLITE_OK;
    }
    static int read(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
        if (in_use->fails(Kind::read_fails)) return SQLITE_IOERR_READ;
        const std::string& all = bytes(file);
        const auto at = std::min(static_cast<size_t>(offset), all.size());
        const size_t got = std::min(static_cast<size_t>(count), all.size() - at);
        std::memcpy(into, all.data() + at, got);
        std::memset(static_cast<char*>(into) + got, 0, static_cast<size_t>(count) - got);
        return got == static_cast<size_t>(count) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
    }
    static int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
        const std::string& name = of(file).name;
        size_t size = static_cast<size_t>(count);
        if (in_use->fails(Kind::read_only)) return SQLITE_READONLY;
        const bool full = in_use->fails(Kind::full), broken = !full && in_use->fails(Kind::write_fails);
        if (full || broken) size = in_use->net_.random.below(size); // so much was there
        in_use->operation();
        const auto at = static_cast<size_t>(offset);
        std::string& all = bytes(file);
        if (all.size() < at + size && size != 0) all.resize(at + size);
        all.replace(std::min(at, all.size()), size, static_cast<const char*>(from), size);
        if (in_use->told_to_disk(name))
            in_use->net_.disk.done(name, in_use->net_.disk.write(name, at, {static_cast<const char*>(from), size}));
        return full ? SQLITE_FULL : broken ? SQLITE_IOERR_WRITE : SQLITE_OK;
    }
    static int truncate(sqlite3_file* file, sqlite3_int64 size) {
        const std::string& name = of(file).name;
        if (in_use->fails(Kind::write_fails)) return SQLITE_IOERR_TRUNCATE;
        in_use->operation();
        bytes(file).resize(static_cast<size_t>(size));
        if (in_use->told_to_disk(name))
            in_use->net_.disk.done(name, in_use->net_.disk.truncate(name, static_cast<uint64_t>(size)));
        return SQLITE_OK;
    }
    static int sync(sqlite3_file* file, int) {
        Handle& handle = of(file);
        const bool bad = in_use->fails(Kind::sync_fails);
        in_use->operation();
        if (!in_use->told_to_disk(handle.name)) return SQLITE_OK;
        auto& disk = in_use->net_.disk;
        if (!in_use->forgets_syncs_) disk.end_sync(handle.name, disk.begin_sync(handle.name), !bad);
        if (bad) return SQLITE_IOERR_FSYNC;
        if (std::exchange(handle.lists, false)) disk.sync_directory(directory_of(handle.name));
        return SQLITE_OK;
    }
    static int size(sqlite3_file* file, sqlite3_int64* size) {
        *size = static_cast<sqlite3_int64>(bytes(file).size());
        return SQLITE_OK;
    }
    static int lock(sqlite3_file*, int) { return SQLITE_OK; }
    static int reserved(sqlite3_file*, int* is) { return *is = 0, SQLITE_OK; }
    static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
    // As SQLite takes it of a Linux file system.
    static int sector_size(sqlite3_file*) { return 4096; }
    static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

    static int shared_map(sqlite3_file* file, int number, int size, int extend, void volatile** at) {
        auto& regions = in_use->files_[of(file).name].shared;
        const auto wanted = static_cast<size_t>(number);
        while (extend != 0 && regions.size() <= wanted)
            regions.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));
        *at = wanted < regions.size() ? regions[wanted].get() : nullptr;
        return SQLITE_OK;
    }
    static int shared_lock(sqlite3_file*, int first, int, int flags) {
        constexpr int writer = 0; // the lock of who writes
        const bool taken = first == writer && flags == (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
        return taken && in_use->fails(Kind::locked) ? SQLITE_BUSY : SQLITE_OK;
    }
    static void shared_barrier(sqlite3_file*) {}
    static int shared_unmap(sqlite3_file* file, int) { return in_use->files_[of(file).name].shared.clear(), SQLITE_OK; }

    static int open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out_flags) {
        auto& database = *in_use;
        const std::string name = path == nullptr ? "unnamed-" + std::to_string(++database.unnamed_) : path;
        file->pMethods = nullptr;
        const bool there = database.files_.contains(name);
        if (!there && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
        if (!there && path != nullptr && database.fails(Kind::read_only)) return SQLITE_CANTOPEN;
        database.files_[name];
        const bool named = path != nullptr && (flags & SQLITE_OPEN_DELETEONCLOSE) == 0;
        if (!there && named && database.told_to_disk(name)) database.net_.disk.create(name);
        static const sqlite3_io_methods methods{2,
                                                close,
                                                read,
                                                write,
                                                truncate,
                                                sync,
                                                size,
                                                lock,
                                                lock,
                                                reserved,
                                                control,
                                                sector_size,
                                                characteristics,
                                                shared_map,
                                                shared_lock,
                                                shared_barrier,
                                                shared_unmap,
                                                nullptr,
                                                nullptr};
        new (file) Handle{.base = {.pMethods = &methods},
                          .name = name,
                          .lists = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0,
                          .passes = !named};
        if (!named) database.files_[name].bytes.clear();
        if (out_flags != nullptr) *out_flags = flags;
        return SQLITE_OK;
    }
    static int remove(sqlite3_vfs*, const char* path, int sync_directory) {
        in_use->operation();
        if (in_use->files_.erase(path) == 0) return SQLITE_IOERR_DELETE_NOENT;
        if (!in_use->told_to_disk(path)) return SQLITE_OK;
        in_use->net_.disk.unlink(path);
        if (sync_directory != 0) in_use->net_.disk.sync_directory(directory_of(path));
        return SQLITE_OK;
    }
    static int access(sqlite3_vfs*, const char* path, int, int* result) {
        *result = in_use->files_.contains(path) ? 1 : 0;
        return SQLITE_OK;
    }
    static int full_path(sqlite3_vfs*, const char* path, int size, char* into) {
        sqlite3_snprintf(size, into, "%s", path);
        return SQLITE_OK;
    }
    static int randomness(sqlite3_vfs*, int count, char* into) {
        for (int i = 0; i < count; ++i) into[i] = static_cast<char>(in_use == nullptr ? 0 : in_use->random_.below(256));
        return count;
    }
    static int pass_time(sqlite3_vfs*, int us) {
        in_use->slept_ns_ += static_cast<uint64_t>(us) * 1000;
        return us;
    }
    static int time_64(sqlite3_vfs*, sqlite3_int64* now) { return *now = 210'866'760'000'000, SQLITE_OK; }
    static int time(sqlite3_vfs*, double* now) { return *now = 2'440'587.5, SQLITE_OK; }
    static int last_error(sqlite3_vfs*, int, char*) { return 0; }

    static void make_known() {
        static sqlite3_vfs vfs{};
        vfs.iVersion = 2;
        vfs.szOsFile = sizeof(Handle);
        vfs.mxPathname = 512;
        vfs.zName = "sim";
        vfs.xOpen = open;
        vfs.xDelete = remove;
        vfs.xAccess = access;
        vfs.xFullPathname = full_path;
        vfs.xRandomness = randomness;
        vfs.xSleep = pass_time;
        vfs.xCurrentTime = time;
        vfs.xGetLastError = last_error;
        vfs.xCurrentTimeInt64 = time_64;
        if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK) broken("SQLite takes no VFS");
    }
};

Database::Database(Net& net, bool forgets_syncs)
    : net_(net), forgets_syncs_(forgets_syncs), random_(net.random.next()) {
    in_use = this;
    Vfs::make_known();
    sqlite3_randomness(0, nullptr); // anew, so that a world is the same whichever was before it
}

Database::~Database() { in_use = nullptr; }

const Trouble& Database::trouble() {
    static const Trouble none;
    if (trouble_.kind != Trouble::Kind::none && (net_.now_ns >= trouble_.until_ns || !net_.faults_on)) {
        ended_ns_ = net_.now_ns;
        trouble_ = {};
    }
    return trouble_.kind == Trouble::Kind::none ? none : trouble_;
}

uint64_t Database::well_since_ns() { return trouble().kind == Trouble::Kind::none ? ended_ns_ : UINT64_MAX; }

void Database::draw_trouble() {
    if (trouble().kind != Trouble::Kind::none || !net_.roll(net_.faults.database_permille, 1000)) return;
    Random& random = net_.random;
    ++troubles_;
    trouble_.kind = static_cast<Trouble::Kind>(1 + random.below(6));
    trouble_.always = random.chance(2, 3);
    trouble_.since_ns = net_.now_ns;
    trouble_.until_ns = net_.now_ns + random.below(random.chance(1, 4) ? 10 * s_ns : 300 * ms_ns);
}

bool Database::fails(Trouble::Kind kind) {
    if (struck() || trouble().kind != kind) return false;
    return trouble_.always || net_.random.chance(1, 3);
}

void Database::operation() {
    if (strike_in_ != 0 && --strike_in_ == 0) strike();
}

void Database::strike() {
    using record::test::Luck;
    constexpr Luck lucks[] = {Luck::none,   Luck::all,       Luck::random, Luck::mostly,
                              Luck::rarely, Luck::late_only, Luck::random};
    strike_in_ = 0;
    if (!left_) left_ = net_.disk.left(lucks[net_.random.below(std::size(lucks))], net_.random);
}

void Database::die() {
    trouble_ = {}; // Who starts a weir sees to its disk first.
    ended_ns_ = net_.now_ns;
    net_.disk.all_done();
    for (auto& [name, file] : files_) file.shared.clear();
}

Database::Left Database::power_back(const std::string& database) {
    auto left = std::move(*left_);
    left_.reset();
    net_.disk.begin_anew(left);
    files_.clear();
    for (auto file = left.begin(); file != left.end();) {
        const bool mine = file->first.starts_with(database);
        if (mine) {
            file->second.bytes.resize(file->second.size);
            files_[file->first].bytes = std::move(file->second.bytes);
        }
        file = mine ? left.erase(file) : std::next(file);
    }
    return left;
}

void Database::copy(const std::string& from, const std::string& to) {
    for (const char* part : {"", "-wal", "-journal"})
        if (const auto found = files_.find(from + part); found != files_.end())
            files_[to + part].bytes = found->second.bytes;
}

} // namespace weir::sim
