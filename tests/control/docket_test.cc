// tests/control/docket_test.cc - what must hold of a docket that the test turns itself: a group that fails leaves nobody waiting,
// and a log that somebody else has open too is made certain where it is, while nobody may write to it.
#include "control/docket.h"

#include "control/store_desk.h"
#include "ring/kernel_ring.h"

#include <sqlite3.h>
#include <algorithm>

using namespace weir;
using namespace weir::control;
using namespace weir::control::trial;

namespace {

struct Directory {
    Directory() {
        std::string text = std::filesystem::temp_directory_path().string() + "/weir-docket-XXXXXX";
        REQUIRE(::mkdtemp(text.data()) != nullptr);
        path = text;
        std::filesystem::create_directory(path / "segments");
    }
    ~Directory() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

/// Somebody's own sqlite3.
struct Shell {
    explicit Shell(const std::filesystem::path& file) {
        REQUIRE(sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READWRITE, "unix") == SQLITE_OK);
    }
    ~Shell() { sqlite3_close(database); }
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;
    int run(const char* sql) const { return sqlite3_exec(database, sql, nullptr, nullptr, nullptr); }
    sqlite3* database = nullptr;
};

/// SQLite's own VFS, which says where logs are opened, and asks `during` each time.
struct Watch {
    Watch() {
        in_use = this;
        vfs = *sqlite3_vfs_find("unix");
        vfs.zName = "watched";
        vfs.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
            if ((flags & SQLITE_OPEN_WAL) != 0) {
                in_use->opened.emplace_back(name);
                if (in_use->during) in_use->during();
            }
            sqlite3_vfs* const unix = sqlite3_vfs_find("unix");
            return unix->xOpen(unix, name, file, flags, out);
        };
        REQUIRE(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
    }
    ~Watch() {
        sqlite3_vfs_register(sqlite3_vfs_find("unix"), 1);
        sqlite3_vfs_unregister(&vfs);
        in_use = nullptr;
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    static inline Watch* in_use = nullptr;
    sqlite3_vfs vfs{};
    std::vector<std::string> opened;
    std::function<void()> during;
};

} // namespace

TEST_CASE("who joined a ticket in a group that failed does not wait for it") {
    const Directory directory;
    auto waker = ring::make_waker();
    REQUIRE(waker);
    auto ring = ring::make_kernel_ring({.submissions = 64, .completions = 256, .slabs = 4}, *waker);
    REQUIRE(ring);
    DocketMailbox mailbox(100, [&] { (*waker)->wake(); });
    std::vector<ApprovalNews> told;
    std::string why;
    const auto log = record::log_identity((directory.path / "segments").string(), why);
    REQUIRE(log);
    auto docket = Docket::open({.database = (directory.path / "weir.db").string(),
                                .segments = (directory.path / "segments").string(),
                                .log = *log,
                                .limits = {},
                                .tell = [&](uint32_t, ApprovalNews&& news) { told.push_back(std::move(news)); }},
                               **ring, mailbox);
    REQUIRE(docket);
    const auto ask = [&](uint32_t waiter, uint8_t digest) {
        REQUIRE(post_ask(mailbox, {.kind = Kind::submit, .waiter = {waiter, 1}, .call = held_call(digest)}));
    };
    const auto turn_until = [&](size_t count) {
        for (int turns = 0; told.size() < count; ++turns) {
            REQUIRE(turns < 10'000);
            (*docket)->turn();
        }
    };
    ask(1, 1);
    turn_until(1);
    CHECK(told[0].state == TicketState::pending);
    CHECK((*docket)->waiters() == 1);
    {
        const Shell shell(directory.path / "weir.db");
        REQUIRE(shell.run("CREATE TRIGGER refuse BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'refused'); END") ==
                SQLITE_OK);
        ask(2, 1); // joins, and needs no line
        ask(3, 2); // fails, and so does the group of both
        turn_until(3);
        CHECK(told[1].state == TicketState::unavailable);
        CHECK(told[2].state == TicketState::unavailable);
        CHECK((*docket)->waiters() == 1);
        REQUIRE(shell.run("DROP TRIGGER refuse") == SQLITE_OK);
    }
    ask(2, 1);
    turn_until(4);
    CHECK(told[3].state == TicketState::pending);
    CHECK((*docket)->waiters() == 2);
    (*docket)->close();
    for (int turns = 0; !(*docket)->closed(); ++turns) {
        REQUIRE(turns < 10'000);
        (*docket)->turn();
    }
}

TEST_CASE("the log of a former run is brought to the disk where links lead, and nobody writes to it meanwhile") {
    const Directory directory;
    const auto real = directory.path / "real.db", link = directory.path / "weir.db";
    REQUIRE(Tickets::open(real.string()));
    std::filesystem::create_symlink("real.db", link);
    const Shell shell(real); // Keeps the log from going when weir ends.
    REQUIRE(shell.run("CREATE TABLE own(n)") == SQLITE_OK);
    Watch watch;
    std::vector<int> tries;
    watch.during = [&] { tries.push_back(shell.run("INSERT INTO own VALUES(1)")); };
    REQUIRE(Tickets::open(link.string()));
    const std::string log = real.string() + "-wal";
    CHECK(watch.opened == std::vector{log, log}); // SQLite's own look, and the one that writes it again
    CHECK(tries == std::vector{SQLITE_OK, SQLITE_BUSY});
    CHECK(shell.run("INSERT INTO own VALUES(2)") == SQLITE_OK);
    REQUIRE(Tickets::open(link.string()));
}
