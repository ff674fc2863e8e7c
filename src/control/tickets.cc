// control/tickets.cc - SQL and rows.
#include "control/tickets.h"

#include "base/workspace.h"
#include "json/text.h"

#include <sqlite3.h>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace weir::control {
namespace {

// The number of the schema stands in the database's own header (PRAGMA user_version).
constexpr uint64_t schema_version = 5;
constexpr const char* schema = R"(
CREATE TABLE ticket(
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL, digest BLOB NOT NULL, definition BLOB NOT NULL,
  principal TEXT NOT NULL, person TEXT NOT NULL, client TEXT NOT NULL, server TEXT NOT NULL, method TEXT NOT NULL,
  name TEXT NOT NULL, body TEXT NOT NULL, reason TEXT NOT NULL, session_key TEXT NOT NULL, deciders TEXT NOT NULL,
  policies TEXT NOT NULL, generation INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
  decided_by TEXT NOT NULL, decided_note TEXT NOT NULL, decided INTEGER NOT NULL, answer TEXT NOT NULL,
  stands INTEGER NOT NULL, told INTEGER NOT NULL) STRICT;
CREATE INDEX ticket_state ON ticket(state, stands);
CREATE TABLE outbox(
  number INTEGER PRIMARY KEY AUTOINCREMENT, ticket TEXT NOT NULL, version INTEGER NOT NULL, kind INTEGER NOT NULL,
  actor TEXT NOT NULL, note TEXT NOT NULL) STRICT;
PRAGMA user_version = 1;
)";
// Who asked and who decided, as tokens say it.
constexpr const char* schema_2 = R"(
ALTER TABLE ticket ADD COLUMN asker_issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE ticket ADD COLUMN asker_subjects TEXT NOT NULL DEFAULT '[]';
ALTER TABLE ticket ADD COLUMN asker_email TEXT NOT NULL DEFAULT '';
ALTER TABLE ticket ADD COLUMN decider_issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE ticket ADD COLUMN decider_subject TEXT NOT NULL DEFAULT '';
ALTER TABLE ticket ADD COLUMN decider_display TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN display TEXT NOT NULL DEFAULT '';
PRAGMA user_version = 2;
)";
// An index for each order in which tickets are looked through, and what was answered to decisions that had a key.
constexpr const char* schema_3 = R"(
DROP INDEX ticket_state;
CREATE INDEX ticket_waiting ON ticket(created, id) WHERE state IN ('pending','approved','executing');
CREATE INDEX ticket_over ON ticket(created, id) WHERE state NOT IN ('pending','approved','executing');
CREATE INDEX ticket_stands ON ticket(stands) WHERE state NOT IN ('pending','approved','executing');
CREATE TABLE said(
  number INTEGER PRIMARY KEY AUTOINCREMENT, actor TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL,
  answer TEXT NOT NULL, made INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX said_key ON said(actor, key);
PRAGMA user_version = 3;
)";
// The versions that people see, apart from those of rows; what was seen before is a version of before.
constexpr const char* schema_4 = R"(
ALTER TABLE ticket ADD COLUMN turns INTEGER NOT NULL DEFAULT 1;
UPDATE ticket SET turns = version;
PRAGMA user_version = 4;
)";
// The answers that are kept: of all tickets that are over these are few.
constexpr const char* schema_5 = R"(
CREATE INDEX ticket_answer ON ticket(stands) WHERE answer <> '';
PRAGMA user_version = 5;
)";
// The columns of a Ticket; of a list's without the text that may be long.
#define WEIR_COLUMNS(body) \
    "id, version, state, digest, definition, principal, person, client, server, method, name, " body \
    ", reason, session_key, deciders, policies, generation, created, expires, decided_by, decided_note, decided, stands, " \
    "told, asker_issuer, asker_subjects, asker_email, decider_issuer, decider_subject, decider_display, turns"
#define WEIR_WAITING "state IN ('pending','approved','executing')"
#define WEIR_OVER "state NOT IN ('pending','approved','executing')"

// In the order of Order.
constexpr std::array<const char*, 4> in_order = {
    "SELECT " WEIR_COLUMNS("''") " FROM ticket WHERE " WEIR_WAITING
                                 " AND (created, id) > (?, ?) ORDER BY created, id LIMIT ?",
    "SELECT " WEIR_COLUMNS("''") " FROM ticket WHERE " WEIR_WAITING
                                 " AND (created, id) < (?, ?) ORDER BY created DESC, id DESC LIMIT ?",
    "SELECT " WEIR_COLUMNS("''") " FROM ticket WHERE " WEIR_OVER
                                 " AND (created, id) < (?, ?) ORDER BY created DESC, id DESC LIMIT ?",
    "SELECT " WEIR_COLUMNS("''") " FROM ticket WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
};

std::string lists_text(const std::vector<std::vector<std::string>>& lists) {
    json::Text text;
    text.begin_array();
    for (const auto& list : lists) {
        text.begin_array();
        for (const auto& one : list) text.string(one);
        text.end_array();
    }
    text.end_array();
    return text.text();
}

} // namespace

Place Place::first(Order order) {
    const bool down = order == Order::waiting_newest || order == Order::over_newest;
    return {.order = order, .created_ns = down ? UINT64_MAX >> 1 : 0};
}

/// A prepared statement with what is bound to it, in order, and its columns, in order.
class Tickets::Statement {
  public:
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement() {
        sqlite3_reset(statement_);
        sqlite3_clear_bindings(statement_); // What was bound is not kept.
    }

    Statement& bind(std::string_view text) {
        sqlite3_bind_text64(statement_, ++bound_, text.data() == nullptr ? "" : text.data(), text.size(),
                            SQLITE_TRANSIENT, SQLITE_UTF8);
        return *this;
    }
    Statement& bind(uint64_t number) {
        sqlite3_bind_int64(statement_, ++bound_, static_cast<sqlite3_int64>(number));
        return *this;
    }
    Statement& bind(const std::array<uint8_t, 32>& bytes) {
        sqlite3_bind_blob(statement_, ++bound_, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
        return *this;
    }
    int step() {
        column_ = 0;
        return sqlite3_step(statement_);
    }
    std::string text() {
        const auto* at = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column_));
        const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column_++));
        return at == nullptr ? std::string() : std::string(at, size);
    }
    uint64_t number() { return static_cast<uint64_t>(sqlite3_column_int64(statement_, column_++)); }
    std::array<uint8_t, 32> bytes() {
        std::array<uint8_t, 32> read{};
        const void* at = sqlite3_column_blob(statement_, column_);
        const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column_++));
        if (at != nullptr) std::memcpy(read.data(), at, std::min(size, read.size()));
        return read;
    }

  private:
    sqlite3_stmt* statement_;
    int bound_ = 0, column_ = 0;
};

namespace {

/// Writes the log of a former run once more where it is, and syncs it. What stands in it may be in the kernel's cache alone,
/// after a sync that failed or that a kill came before, and SQLite would take it for committed: it would be told of, and gone
/// with the power. (A sync alone is no cure: one that failed is not repeated by the next.) Only while `database` has the lock of
/// who writes: a person's sqlite3 would change it meanwhile. False: it cannot be done.
bool make_log_certain(sqlite3* database) {
    const char* const log =
        sqlite3_filename_wal(sqlite3_db_filename(database, "main")); // where the links of its path lead
    sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
    int there = 0;
    if (vfs == nullptr || vfs->xAccess(vfs, log, SQLITE_ACCESS_EXISTS, &there) != SQLITE_OK) return false;
    if (there == 0) return true;
    constexpr int certain_name =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL; // its sync is the directory's too
    std::vector<std::max_align_t> room(static_cast<size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
    auto* const file = reinterpret_cast<sqlite3_file*>(room.data());
    if (vfs->xOpen(vfs, log, file, certain_name, nullptr) != SQLITE_OK) return false;
    std::array<char, 65'536> piece;
    sqlite3_int64 size = 0;
    bool good = file->pMethods->xFileSize(file, &size) == SQLITE_OK;
    for (sqlite3_int64 at = 0; good && at < size; at += piece.size()) {
        const int count = static_cast<int>(std::min<sqlite3_int64>(size - at, piece.size()));
        good = file->pMethods->xRead(file, piece.data(), count, at) == SQLITE_OK &&
               file->pMethods->xWrite(file, piece.data(), count, at) == SQLITE_OK;
    }
    good = good && file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
    file->pMethods->xClose(file);
    return good;
}

} // namespace

OrText<std::unique_ptr<Tickets>> Tickets::open(const std::string& path) {
    sqlite3* database = nullptr;
    const int opened = sqlite3_open_v2(path.c_str(), &database,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    auto tickets = std::unique_ptr<Tickets>(new Tickets(database));
    const auto told = [&path](const std::string& why) { return std::unexpected(path + ": " + why); };
    if (opened != SQLITE_OK) return told(tickets->failed().error());
    // No other weir writes here (the state directory is locked); a person with sqlite3 at hand is waited for this long.
    sqlite3_busy_timeout(database, 2000);
    if (const auto begun = tickets->begin(); !begun) return told(begun.error());
    const bool certain = make_log_certain(database);
    tickets->rollback();
    if (!certain) return told("what a former run wrote last cannot be brought to the disk");
    for (const char* setting :
         {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA trusted_schema = OFF"})
        if (const auto set = tickets->run(setting); !set) return told(set.error());
    auto prepared = tickets->prepare("PRAGMA user_version");
    if (!prepared) return told(prepared.error());
    uint64_t version = 0;
    {
        Statement statement(*prepared);
        if (statement.step() == SQLITE_ROW) version = statement.number();
    }
    if (version > schema_version) return told("it was written by a newer weir");
    if (const auto made = tickets->upgrade(version); !made) return told(made.error());
    return tickets;
}

/// From the schema of `version` (0: none) to the one of now, in one step or not at all.
OrText<void> Tickets::upgrade(uint64_t version) {
    if (version == schema_version) return {};
    std::string steps = "BEGIN IMMEDIATE;";
    if (version < 1) steps += schema;
    if (version < 2) steps += schema_2;
    if (version < 3) steps += schema_3;
    if (version < 4) steps += schema_4;
    if (version < 5) steps += schema_5;
    return run((steps + "COMMIT").c_str());
}

Tickets::~Tickets() {
    for (const auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
    sqlite3_close(database_);
}

std::unexpected<std::string> Tickets::failed() const {
    return std::unexpected(std::string(database_ == nullptr ? "no memory" : sqlite3_errmsg(database_)));
}

OrText<void> Tickets::run(const char* sql) {
    if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failed();
    return {};
}

/// Prepares `sql`, a constant, once.
OrText<sqlite3_stmt*> Tickets::prepare(const char* sql) {
    sqlite3_stmt*& statement = prepared_[sql];
    if (statement == nullptr &&
        sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
        return failed();
    return statement;
}

OrText<void> Tickets::begin() { return run("BEGIN IMMEDIATE"); }
OrText<void> Tickets::commit() { return run("COMMIT"); }
void Tickets::rollback() {
    if (sqlite3_get_autocommit(database_) == 0) static_cast<void>(run("ROLLBACK"));
}

OrText<void> Tickets::insert(const Ticket& t) {
    const auto prepared = prepare("INSERT INTO ticket(" WEIR_COLUMNS(
        "body") ", answer) VALUES("
                "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'')");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    s.bind(t.id).bind(t.version).bind(approve::name_of(t.state)).bind(t.digest).bind(t.definition);
    s.bind(t.principal).bind(t.person).bind(t.client).bind(t.server).bind(t.method).bind(t.name).bind(t.body);
    s.bind(t.reason).bind(t.session_key).bind(lists_text(t.by)).bind(lists_text({t.policies})).bind(t.generation);
    s.bind(t.created_ns).bind(t.expires_ns).bind(t.decided_by).bind(t.decided_note).bind(t.decided_ns);
    s.bind(t.stands_ns).bind(uint64_t{t.told});
    s.bind(t.asker.issuer).bind(lists_text({t.asker.subjects})).bind(t.asker.email);
    s.bind(t.decider.issuer).bind(t.decider.subject).bind(t.decider.display).bind(t.turns);
    if (s.step() != SQLITE_DONE) return failed();
    return {};
}

OrText<bool> Tickets::update(const Ticket& t, uint64_t version) {
    const auto prepared = prepare(
        "UPDATE ticket SET version=?, state=?, expires=?, decided_by=?, decided_note=?, decided=?, "
        "stands=?, told=?, decider_issuer=?, decider_subject=?, decider_display=?, turns=? "
        "WHERE id=? AND version=?");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    s.bind(t.version).bind(approve::name_of(t.state)).bind(t.expires_ns).bind(t.decided_by).bind(t.decided_note);
    s.bind(t.decided_ns).bind(t.stands_ns).bind(uint64_t{t.told});
    s.bind(t.decider.issuer).bind(t.decider.subject).bind(t.decider.display).bind(t.turns).bind(t.id).bind(version);
    if (s.step() != SQLITE_DONE) return failed();
    return sqlite3_changes(database_) == 1;
}

OrText<void> Tickets::keep_answer(std::string_view id, std::string_view answer) {
    const auto prepared = prepare("UPDATE ticket SET answer=? WHERE id=?");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    s.bind(answer).bind(id);
    if (s.step() != SQLITE_DONE) return failed();
    return {};
}

OrText<void> Tickets::drop_answer(std::string_view id) {
    const auto prepared = prepare("UPDATE ticket SET answer='' WHERE id=? AND answer <> ''");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    if (s.bind(id).step() != SQLITE_DONE) return failed();
    return {};
}

OrText<void> Tickets::drop_answers(uint64_t now_ns) {
    const auto prepared = prepare("UPDATE ticket SET answer='' WHERE " WEIR_OVER " AND stands <= ? AND answer <> ''");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    if (s.bind(now_ns).step() != SQLITE_DONE) return failed();
    return {};
}

OrText<void> Tickets::remember(const OutboxLine& line) {
    const auto prepared = prepare(
        "INSERT INTO outbox(ticket, version, kind, actor, note, issuer, subject, display) VALUES(?,?,?,?,?,?,?,?)");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    s.bind(line.ticket).bind(line.version).bind(uint64_t{line.kind}).bind(line.by).bind(line.text);
    s.bind(line.person.issuer).bind(line.person.subject).bind(line.person.display);
    if (s.step() != SQLITE_DONE) return failed();
    return {};
}

OrText<void> Tickets::forget(int64_t up_to_number) {
    const auto prepared = prepare("DELETE FROM outbox WHERE number <= ?");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    s.bind(static_cast<uint64_t>(up_to_number));
    if (s.step() != SQLITE_DONE) return failed();
    return {};
}

OrText<std::vector<OutboxLine>> Tickets::outbox(int64_t number) {
    const auto prepared = prepare(
        "SELECT number, ticket, version, kind, actor, note, issuer, subject, display FROM outbox "
        "WHERE number > ? ORDER BY number");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    s.bind(static_cast<uint64_t>(number));
    std::vector<OutboxLine> lines;
    int stepped = 0;
    while ((stepped = s.step()) == SQLITE_ROW) {
        OutboxLine line;
        line.number = static_cast<int64_t>(s.number());
        line.ticket = s.text();
        line.version = s.number();
        line.kind = static_cast<uint16_t>(s.number());
        line.by = s.text();
        line.text = s.text();
        for (std::string* text : {&line.person.issuer, &line.person.subject, &line.person.display}) *text = s.text();
        lines.push_back(std::move(line));
    }
    if (stepped != SQLITE_DONE) return failed();
    return lines;
}

/// The inverse of lists_text(); whatever is not such a text has nothing in it.
std::vector<std::vector<std::string>> Tickets::read_lists(std::string_view stored) {
    PaddedBytes text(pool_);
    Workspace space(pool_);
    text.append(stored);
    std::vector<std::vector<std::string>> lists;
    const auto document = scanner_.scan(text.padded());
    if (!document) return lists;
    for (const auto list : json::Value::root(*document).elements()) {
        lists.emplace_back();
        for (const auto one : list.elements()) lists.back().emplace_back(one.string(space));
    }
    return lists;
}

/// The columns that every question about tickets begins with: id, version, state, digest, definition.
template <class T> OrText<void> Tickets::read_begin(Statement& s, T& t) {
    t.id = s.text();
    t.version = s.number();
    const auto state = approve::state_of(s.text());
    if (!state) return std::unexpected("ticket " + t.id + " is in no state that this weir knows");
    t.state = *state;
    t.digest = s.bytes();
    t.definition = s.bytes();
    return {};
}

/// The row that `s` has come to, its columns as WEIR_COLUMNS has them.
OrText<Ticket> Tickets::read(Statement& s) {
    Ticket t;
    if (const auto known = read_begin(s, t); !known) return std::unexpected(known.error());
    for (std::string* text :
         {&t.principal, &t.person, &t.client, &t.server, &t.method, &t.name, &t.body, &t.reason, &t.session_key})
        *text = s.text();
    t.by = read_lists(s.text());
    if (auto policies = read_lists(s.text()); !policies.empty()) t.policies = std::move(policies.front());
    t.generation = s.number();
    t.created_ns = s.number();
    t.expires_ns = s.number();
    t.decided_by = s.text();
    t.decided_note = s.text();
    t.decided_ns = s.number();
    t.stands_ns = s.number();
    t.told = s.number() != 0;
    t.asker.issuer = s.text();
    if (auto subjects = read_lists(s.text()); !subjects.empty()) t.asker.subjects = std::move(subjects.front());
    for (std::string* text : {&t.asker.email, &t.decider.issuer, &t.decider.subject, &t.decider.display})
        *text = s.text();
    t.turns = s.number();
    return t;
}

OrText<std::vector<Standing>> Tickets::standing(uint64_t now_ns) {
    const auto prepared = prepare(
        "SELECT id, version, state, digest, definition, principal, expires, stands, told, created "
        "FROM ticket WHERE " WEIR_WAITING
        " UNION ALL "
        "SELECT id, version, state, digest, definition, principal, expires, stands, told, created "
        "FROM ticket WHERE " WEIR_OVER " AND stands > ? ORDER BY created, id");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    s.bind(now_ns);
    std::vector<Standing> all;
    int stepped = 0;
    while ((stepped = s.step()) == SQLITE_ROW) {
        Standing t;
        if (const auto known = read_begin(s, t); !known) return std::unexpected(known.error());
        t.principal = s.text();
        t.expires_ns = s.number();
        t.stands_ns = s.number();
        t.told = s.number() != 0;
        all.push_back(std::move(t));
    }
    if (stepped != SQLITE_DONE) return failed();
    return all;
}

OrText<std::optional<Ticket>> Tickets::find(std::string_view id, bool with_body) {
    const auto prepared = prepare(with_body ? "SELECT " WEIR_COLUMNS("body") " FROM ticket WHERE id = ?"
                                            : "SELECT " WEIR_COLUMNS("''") " FROM ticket WHERE id = ?");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    const int stepped = s.bind(id).step();
    if (stepped == SQLITE_DONE) return std::nullopt;
    if (stepped != SQLITE_ROW) return failed();
    auto found = read(s);
    if (!found) return std::unexpected(found.error());
    return std::move(*found);
}

OrText<std::string> Tickets::text(std::string_view id, TicketText which) {
    constexpr std::array<const char*, 3> questions = {"SELECT body FROM ticket WHERE id = ?",
                                                      "SELECT answer FROM ticket WHERE id = ?",
                                                      "SELECT decided_note FROM ticket WHERE id = ?"};
    const auto prepared = prepare(questions[static_cast<size_t>(which)]);
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    const int stepped = s.bind(id).step();
    if (stepped == SQLITE_DONE) return std::string();
    if (stepped != SQLITE_ROW) return failed();
    return s.text();
}

OrText<size_t> Tickets::each(const Place& place, std::string_view prefix, size_t rows_max,
                             const std::function<bool(Ticket&&)>& visit) {
    const auto prepared = prepare(in_order[static_cast<size_t>(place.order)]);
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    if (place.order == Order::by_id) { // ids are ASCII; one bound below, so that later pages begin where they begin
        const std::string behind = place.id + '\x01';
        s.bind(std::max(prefix, std::string_view(behind))).bind(std::string(prefix) + '\x7f');
    } else {
        s.bind(place.created_ns).bind(place.id);
    }
    s.bind(uint64_t{rows_max});
    size_t rows = 0;
    int stepped = 0;
    while ((stepped = s.step()) == SQLITE_ROW) {
        auto ticket = read(s);
        if (!ticket) return std::unexpected(ticket.error());
        ++rows;
        if (!visit(std::move(*ticket))) return rows;
    }
    if (stepped != SQLITE_DONE) return failed();
    return rows;
}

OrText<std::optional<Said>> Tickets::said(std::string_view by, std::string_view key) {
    const auto prepared = prepare("SELECT digest, answer, made FROM said WHERE actor = ? AND key = ?");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    const int stepped = s.bind(by).bind(key).step();
    if (stepped == SQLITE_DONE) return std::nullopt;
    if (stepped != SQLITE_ROW) return failed();
    Said said;
    said.digest = s.bytes();
    said.answer = s.text();
    said.made_ns = s.number();
    return said;
}

OrText<void> Tickets::say(std::string_view by, std::string_view key, const Said& said, uint64_t count_max) {
    const auto prepared = prepare("INSERT OR REPLACE INTO said(actor, key, digest, answer, made) VALUES(?,?,?,?,?)");
    const auto forgetting = prepare("DELETE FROM said WHERE number <= ?");
    if (!prepared) return std::unexpected(prepared.error());
    if (!forgetting) return std::unexpected(forgetting.error());
    Statement s(*prepared);
    s.bind(by).bind(key).bind(said.digest).bind(said.answer).bind(said.made_ns);
    if (s.step() != SQLITE_DONE) return failed();
    const auto newest = static_cast<uint64_t>(sqlite3_last_insert_rowid(database_));
    if (newest <= count_max) return {};
    Statement forget(*forgetting);
    forget.bind(newest - count_max);
    if (forget.step() != SQLITE_DONE) return failed();
    return {};
}

OrText<void> Tickets::forget_said(uint64_t before_ns) {
    const auto prepared = prepare("DELETE FROM said WHERE made < ?");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    s.bind(before_ns);
    if (s.step() != SQLITE_DONE) return failed();
    return {};
}

OrText<void> Tickets::prune(uint64_t before_ns) {
    const auto prepared = prepare("DELETE FROM ticket WHERE " WEIR_OVER
                                  " AND stands < ? AND created < ? "
                                  "AND id NOT IN (SELECT ticket FROM outbox)");
    if (!prepared) return std::unexpected(prepared.error());
    Statement s(*prepared);
    s.bind(before_ns).bind(before_ns);
    if (s.step() != SQLITE_DONE) return failed();
    return {};
}

} // namespace weir::control
