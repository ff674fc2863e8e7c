// tests/sim/survival.cc - streams and rows against what was told.
#include "survival.h"

#include "control/tickets.h"
#include "ledger.h"
#include "record/fields.h"
#include "record/reader.h"

#include <sqlite3.h>
#include <algorithm>

namespace weir::sim {
namespace {

using Versions = std::map<std::string, uint64_t>; // of tickets, by id

/// The last entry of a stream, behind which nothing is; `versions` are those that its entries tell of.
uint64_t read_stream(const std::string& directory, uint32_t stream, uint64_t durable_seq, Versions* versions) {
    const std::string name = record::stream_name(stream);
    auto reader = record::StreamReader::open(directory + "/" + name, {});
    uint64_t last_seq = 0;
    std::string damage;
    while (reader) {
        const auto entry = reader->next();
        if (!entry) {
            if (entry.error() == Error::corrupt || entry.error() == Error::io_failed) damage = reader->damage();
            break;
        }
        last_seq = entry->frame.seq;
        if (versions == nullptr) continue;
        const auto fields = record::read_fields(entry->frame.payload);
        if (!fields) broken("an entry of the record cannot be read");
        if (!fields->has(record::Field::ticket)) continue;
        uint64_t& version = (*versions)[std::string(fields->text(record::Field::ticket))];
        version = std::max(version, fields->number(record::Field::count));
    }
    if (last_seq < durable_seq)
        broken("the power was cut, and " + name + " ends at " + std::to_string(last_seq) + " though " +
               std::to_string(durable_seq) + " was durable");
    if (!damage.empty()) broken("the power was cut, and that looks like damage: " + damage);
    return last_seq;
}

void hold_rows(Database& files, const std::string& database, const Versions& versions) {
    const std::string look = database + ".look";
    files.copy(database, look);
    sqlite3* connection = nullptr;
    std::string verdict;
    const auto note = [](void* into, int, char** values, char**) {
        return *static_cast<std::string*>(into) = values[0], 0;
    };
    if (sqlite3_open(look.c_str(), &connection) != SQLITE_OK ||
        sqlite3_exec(connection, "PRAGMA integrity_check", note, &verdict, nullptr) != SQLITE_OK)
        broken(std::string("the power was cut, and the database cannot be read: ") + sqlite3_errmsg(connection));
    sqlite3_close(connection);
    if (verdict != "ok") broken("the power was cut, and the database is damaged: " + verdict);

    const auto table = control::Tickets::open(look);
    if (!table) broken("the power was cut, and the database does not open: " + table.error());
    const auto tickets = (*table)->standing(0);
    if (!tickets) broken("the power was cut, and tickets cannot be read: " + tickets.error());
    Versions rows;
    for (const auto& ticket : *tickets) rows[ticket.id] = ticket.version;
    for (const auto& [id, version] : versions)
        if (const auto row = rows.find(id); row == rows.end() || row->second < version)
            broken("the power was cut, and the database has lost version " + std::to_string(version) + " of ticket " +
                   id + ", which the record has");
}

} // namespace

std::vector<uint64_t> hold_what_is_left(const std::string& directory, Database& files, const std::string& database,
                                        const Told& told) {
    std::vector<uint64_t> last_seqs;
    for (uint32_t i = 0; i < told.durable_seqs.size(); ++i)
        last_seqs.push_back(read_stream(directory, i, told.durable_seqs[i], nullptr));
    Versions versions;
    read_stream(directory, record::control_stream, told.control_seq, &versions);
    hold_rows(files, database, versions);
    return last_seqs;
}

} // namespace weir::sim
