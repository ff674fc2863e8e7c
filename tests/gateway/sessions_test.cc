// tests/gateway/sessions_test.cc - who a session is stays in the record for as long as the session is used.
#include "gateway/sessions.h"
#include "record/fields.h"
#include "record/place.h"

#include <catch2/catch_test_macros.hpp>

namespace weir::gateway {
namespace {

using namespace record::test;

/// What the record says of persons, by session key: one for each session_opened.
std::multimap<std::string, std::string> persons_in(const Directory& directory) {
    std::multimap<std::string, std::string> persons;
    for (const Kept& entry : read_all(directory.path())) {
        if (entry.kind != record::Kind::session_opened) continue;
        const auto fields = record::read_fields(entry.payload);
        REQUIRE(fields);
        persons.emplace(fields->text(record::Field::session_key), fields->text(record::Field::person));
    }
    return persons;
}

} // namespace

TEST_CASE("a session whose first entry was removed with its segment is recorded once more when it is used") {
    Directory directory;
    auto options = options_in(directory, record::Durability::batch, 64 << 10);
    record::Retention retention(5 * options.segment_bytes, 0, 1);
    options.retention = &retention;
    Bench bench(options);
    Sessions sessions(bench.writer.get(), {}, 30 * 60 * s_ns, 1);
    identity::Principal ann;
    ann.display = "ann";
    const SessionFacts facts{
        .principal = "token:1", .client = "a/1", .server = "acme", .revision = {}, .mcp_session = {}, .who = &ann};
    const Session* const session = sessions.find(facts, bench.ring.now_ns());
    REQUIRE(session != nullptr);
    const uint64_t opened_seq = session->opened_seq;
    const std::string key(session->id());
    for (int i = 0; i < 900 && bench.writer->first_seq() <= opened_seq; ++i) {
        REQUIRE(sessions.find(facts, bench.ring.now_ns()) == session);
        CHECK(session->opened_seq == opened_seq); // It is still there.
        REQUIRE(bench.until(bench.ask(1000)));
        bench.turns(2);
    }
    REQUIRE(bench.writer->first_seq() > opened_seq);
    REQUIRE(sessions.find(facts, bench.ring.now_ns()) == session);
    CHECK(session->opened_seq > opened_seq);
    CHECK(session->id() == key);
    const uint64_t again_seq = session->opened_seq;
    REQUIRE(sessions.find(facts, bench.ring.now_ns()) == session);
    CHECK(session->opened_seq == again_seq);
    bench.close();
    CHECK(persons_in(directory) == std::multimap<std::string, std::string>{{key, "ann"}});
}

} // namespace weir::gateway
