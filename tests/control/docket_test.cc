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

/// A docket, and what it has told.
struct Turned {
    Turned() {
        std::string why;
        const auto log = record::log_identity((directory.path / "segments").string(), why);
        REQUIRE(log);
        auto opened = Docket::open({.database = (directory.path / "weir.db").string(),
                                    .segments = (directory.path / "segments").string(),
                                    .log = *log,
                                    .limits = {},
                                    .tell = [&](uint32_t, ApprovalNews&& news) { told.push_back(std::move(news)); }},
                                   *ring, mailbox);
        REQUIRE(opened);
        docket = std::move(*opened);
    }
    ~Turned() {
        docket->close();
        for (int turns = 0; turns < 300 && !docket->closed(); ++turns) docket->turn();
    }
    Turned(const Turned&) = delete;
    Turned& operator=(const Turned&) = delete;

    void post(ApprovalAsk&& ask) { REQUIRE(post_ask(mailbox, std::move(ask))); }
    void submit(uint32_t waiter, uint8_t digest) {
        post({.kind = Kind::submit, .waiter = {waiter, 1}, .call = held_call(digest)});
    }
    void turn_until(size_t count) {
        turn_while([&] { return told.size() < count; });
    }
    void turn_over_mail() {
        turn_while([&, before = docket->mail_taken()] { return docket->mail_taken() == before; });
    }
    void turn_while(const std::function<bool()>& goes_on) {
        for (int turns = 0; goes_on(); ++turns) {
            REQUIRE(turns < 300); // Each waits a second at most.
            docket->turn();
        }
    }

    const Directory directory;
    std::shared_ptr<ring::Waker> waker = *ring::make_waker();
    std::unique_ptr<ring::Ring> ring =
        *ring::make_kernel_ring({.submissions = 64, .completions = 256, .slabs = 4}, waker);
    DocketMailbox mailbox{100, [this] { waker->wake(); }};
    std::vector<ApprovalNews> told;
    std::unique_ptr<Docket> docket;
};

/// While it is there no line of the outbox can be written.
class Refusing {
  public:
    explicit Refusing(const Turned& place) : shell_(place.directory.path / "weir.db") {
        REQUIRE(shell_.run("CREATE TRIGGER refuse BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'refused'); END") ==
                SQLITE_OK);
    }
    ~Refusing() { CHECK(shell_.run("DROP TRIGGER refuse") == SQLITE_OK); }
    Refusing(const Refusing&) = delete;
    Refusing& operator=(const Refusing&) = delete;

  private:
    Shell shell_;
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
    Turned place;
    place.submit(1, 1);
    place.turn_until(1);
    CHECK(place.told[0].state == TicketState::pending);
    CHECK(place.docket->waiters() == 1);
    {
        const Refusing refusing(place);
        place.submit(2, 1); // joins, and needs no line
        place.submit(3, 2); // fails, and so does the group of both
        place.turn_until(3);
        CHECK(place.told[1].state == TicketState::unavailable);
        CHECK(place.told[2].state == TicketState::unavailable);
        CHECK(place.docket->waiters() == 1);
    }
    place.submit(2, 1);
    place.turn_until(4);
    CHECK(place.told[3].state == TicketState::pending);
    CHECK(place.docket->waiters() == 2);
}

TEST_CASE("that an answer was received is written behind the answer, though that could not be written at once") {
    Turned place;
    place.submit(1, 1);
    place.turn_until(1);
    const std::string ticket = place.told[0].ticket;
    auto answer = std::make_shared<std::promise<Decided>>();
    auto decided = answer->get_future();
    REQUIRE(place.mailbox.post(DecideQuestion{ticket, Verb::approve, {"unix:0:root"}, {}, std::move(answer)}));
    place.turn_until(2);
    CHECK(decided.get().outcome == Outcome::done);
    place.post({.kind = Kind::claim, .waiter = {1, 1}, .ticket = ticket});
    place.turn_until(3);
    REQUIRE(place.told[2].granted);
    {
        const Refusing refusing(place);
        place.post({.kind = Kind::finish, .waiter = {1, 1}, .ticket = ticket, .body = "kept"});
        place.turn_over_mail();
        place.post({.kind = Kind::delivered, .waiter = {1, 1}, .ticket = ticket});
        place.turn_over_mail();
        CHECK(place.docket->executing() == 1);
    }
    place.turn_until(4);
    CHECK(place.told[3].state == TicketState::answered);
    place.submit(2, 1);
    place.turn_until(5);
    CHECK(place.told[4].state == TicketState::pending);
    CHECK(place.told[4].ticket != ticket);
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
