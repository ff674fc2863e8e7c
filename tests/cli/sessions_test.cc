// tests/cli/sessions_test.cc - `weir sessions` shows what stands in the record: whole values in a pipe, JSON that is
// JSON, ids by their beginning, text of clients that cannot steer a terminal, and an exit code for each outcome. Tried on
// a log that the real writer wrote, with standard output caught in a file.
#include "cli/sessions.h"
#include "cli/command_line.h"
#include "cli/entry_text.h"
#include "json/scan.h"
#include "record/place.h"

#include <unistd.h>
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::cli;
using namespace weir::record;

namespace {

constexpr std::string_view first_key = "aaaa1111bbbb2222cccc3333dddd4444",
                           second_key = "aaaa9999bbbb2222cccc3333dddd4444";

// Two sessions: one with a call that passed and one that was blocked, one with a single call.
struct Log {
    test::Directory directory;
    Log() {
        test::Bench bench(test::options_in(directory, record::Durability::batch));
        Writer& writer = *bench.writer;
        const auto opened = writer.append(
            0,
            SessionOpened{.principal = "ann", .client = "cl\x1b[31mient", .server = "acme", .session_key = first_key});
        REQUIRE(opened);
        const std::string_view policies[] = {"shop/open"};
        CHECK(writer.append(1, Asked{.session = *opened,
                                     .principal = "ann",
                                     .client = "cl\x1b[31mient",
                                     .server = "acme",
                                     .method = "tools/call",
                                     .name = "list\xe2\x80\xae",
                                     .body = "{\"line\":\n\"one\"}",
                                     .request_id = "7",
                                     .session_key = first_key}));
        CHECK(writer.append(1, Allowed{{.policies = policies, .generation = 1, .reason = "policy"}}));
        CHECK(writer.append(1, Forwarded{.server = "acme", .wire_bytes = 15}));
        CHECK(writer.append(
            1, Answered{.body = "{\"bad\":\"\xff\"}", .status = 200, .latency_ns = 1'500'000, .wire_bytes = 11}));
        CHECK(writer.append(
            2, Asked{.session = *opened, .method = "tools/call", .name = "drop", .session_key = first_key}));
        CHECK(writer.append(2, Blocked{{.code = 40301, .text = "no", .status = 200, .reason = "default"}}));
        bench.ring.wait(1'000'000'000);
        CHECK(writer.append(
            3, Asked{.principal = "bo", .server = "other", .method = "tools/list", .session_key = second_key}));
        bench.close();
    }
    SessionsOptions options() const {
        SessionsOptions options;
        options.segments = directory.path();
        options.follow = false;
        return options;
    }
};

struct Said {
    Exit exit;
    std::string text;
};

// What `run` prints to standard output.
Said catch_output(Exit (*run)(const SessionsOptions&), const SessionsOptions& options) {
    char name[] = "/tmp/weir-sessions-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    std::fflush(stdout);
    const int before = ::dup(STDOUT_FILENO);
    REQUIRE(::dup2(file, STDOUT_FILENO) >= 0);
    const Exit exit = run(options);
    std::fflush(stdout);
    REQUIRE(::dup2(before, STDOUT_FILENO) >= 0);
    ::close(before);
    ::close(file);
    std::ifstream stream(name, std::ios::binary);
    Said said{exit, {std::istreambuf_iterator<char>(stream), {}}};
    ::unlink(name);
    return said;
}

bool is_json(std::string_view text) {
    BufferPool pool;
    PaddedBytes bytes(pool);
    bytes.append(text);
    json::Scanner scanner{json::ScanLimits{}};
    return scanner.scan(bytes.padded()).has_value();
}

size_t lines_of(std::string_view text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

} // namespace

TEST_CASE("sessions are listed with what happened in them") {
    const Log log;
    const Said said = catch_output(sessions_list, log.options());
    CHECK(said.exit == Exit::ok);
    CHECK(lines_of(said.text) == 2);
    CHECK(said.text.starts_with("se_aaaa1111bbbb\t20"));
    CHECK(said.text.find("\tann\tcl\\u{1b}[31mient\tacme\t2\t1\t0\n") != std::string::npos);
    CHECK(said.text.find("\nse_aaaa9999bbbb\t") != std::string::npos);
    SessionsOptions json = log.options();
    json.json = true;
    const Said document = catch_output(sessions_list, json);
    CHECK(is_json(document.text));
    CHECK(document.text.find("\"asked\":2,\"allowed\":1,\"blocked\":1,\"answered\":1") != std::string::npos);
    json.limit = 1;
    CHECK(catch_output(sessions_list, json).text.find("\"left_out\":1") != std::string::npos);
}

TEST_CASE("a session is shown entry by entry, and cannot steer a terminal") {
    const Log log;
    SessionsOptions options = log.options();
    options.session = "se_aaaa1";
    options.bodies = true;
    const Said said = catch_output(sessions_show, options);
    CHECK(said.exit == Exit::ok);
    CHECK(said.text.find("\tasked\ttools/call list\\u{202e}, id 7, 15 B\n    {\"line\":\n    \"one\"}\n") !=
          std::string::npos);
    CHECK(said.text.find("\tallowed\tby shop/open, generation 1\n") != std::string::npos);
    CHECK(said.text.find("\tanswered\tHTTP 200, after 1.5 ms, 11 B\n") != std::string::npos);
    CHECK(said.text.find("\tblocked\tby the server's default, no, code 40301\n") != std::string::npos);
    CHECK(said.text.find("tools/list") == std::string::npos);
    CHECK(said.text.find('\x1b') == std::string::npos);
    options.json = true;
    const Said document = catch_output(sessions_show, options);
    CHECK(is_json(document.text));
    CHECK(document.text.find("\"policies\":[\"shop/open\"]") != std::string::npos);
    CHECK(document.text.find("\"body\":\"{\\\"bad\\\":\\\"\xef\xbf\xbd\\\"}\"") != std::string::npos);
    options.bodies = false;
    CHECK(catch_output(sessions_show, options).text.find("\"body\":") == std::string::npos);
}

TEST_CASE("a session is named by the beginning of its id, or as the last") {
    const Log log;
    SessionsOptions options = log.options();
    options.session = "last";
    CHECK(catch_output(sessions_show, options).text.find("tools/list") != std::string::npos);
    options.session = "aaaa9";
    CHECK(catch_output(sessions_show, options).exit == Exit::ok);
    options.session = "aaaa";
    CHECK(catch_output(sessions_show, options).exit == Exit::usage);
    options.session = "zz";
    CHECK(catch_output(sessions_show, options).exit == Exit::not_found);
    options.segments += "/nowhere";
    CHECK(catch_output(sessions_show, options).exit == Exit::not_found);
    CHECK(catch_output(sessions_list, options).exit == Exit::not_found);
}

TEST_CASE("damage is told by the exit code, and what can be read is shown") {
    test::Directory directory;
    {
        test::Bench bench(test::options_in(directory, record::Durability::strict));
        for (uint32_t i = 1; i <= 6; ++i) {
            const auto seq = bench.writer->append(
                i, Asked{.server = "acme", .method = "tools/call", .session_key = i < 4 ? first_key : second_key});
            REQUIRE(seq);
            REQUIRE(bench.until(*seq)); // So that later entries say of earlier ones that they were synced.
        }
        bench.close();
    }
    const std::string path = directory.stream() + "/" + segment_name(1);
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    {
        std::fstream bytes(path, std::ios::binary | std::ios::in | std::ios::out);
        bytes.seekp(segment_head_bytes + 41);
        bytes.put('\x55');
    }
    SessionsOptions options;
    options.segments = directory.path();
    options.session = "last";
    options.follow = false;
    const Said list = catch_output(sessions_list, options);
    CHECK(list.exit == Exit::failed);
    CHECK(lines_of(list.text) == 2);
    const Said show = catch_output(sessions_show, options);
    CHECK(show.exit == Exit::failed);
    CHECK(lines_of(show.text) == 3);
}

TEST_CASE("the last entries are told, of all sessions or of one") {
    const Log log;
    SessionsOptions options = log.options();
    options.lines = 2;
    options.session.clear();
    const Said two = catch_output(sessions_tail, options);
    CHECK(two.exit == Exit::ok);
    CHECK(lines_of(two.text) == 2);
    CHECK(two.text.find("tools/list") != std::string::npos);
    options.session = "aaaa1";
    options.json = true;
    const Said one = catch_output(sessions_tail, options);
    CHECK(lines_of(one.text) == 2);
    CHECK(one.text.find("\"kind\":\"blocked\"") != std::string::npos);
    CHECK(is_json(one.text.substr(0, one.text.find('\n'))));
    options.session = "zzz";
    options.follow = true; // It is not waited for: nothing that comes could be of it.
    const Said none = catch_output(sessions_tail, options);
    CHECK(none.exit == Exit::not_found);
    CHECK(none.text.empty());
}

TEST_CASE("numbers below nothing are refused") {
    const auto execute = [](std::vector<std::string> words) {
        CommandLine line;
        line.add(add_sessions);
        std::vector<char*> argv;
        for (std::string& word : words) argv.push_back(word.data());
        return line.execute(static_cast<int>(argv.size()), argv.data());
    };
    CHECK(execute({"weir", "sessions", "list", "--limit", "-1", "-c", "/nonexistent"}) == 2);
    CHECK(execute({"weir", "sessions", "tail", "--lines", "-1", "-c", "/nonexistent"}) == 2);
    CHECK(execute({"weir", "sessions", "list", "--limit", "1", "-c", "/nonexistent"}) == 3);
}

TEST_CASE("times and sizes are told as people read them") {
    CHECK(utc_time(1'700'000'000'123'456'789) == "2023-11-14T22:13:20.123456Z");
    CHECK(clock_time(1'700'000'000'123'456'789, true) == "22:13:20.123");
    CHECK(ago(10'000'000'000, 22'000'000'000) == "12s ago");
    CHECK(ago(0, 3'600'000'000'000) == "60m ago");
    CHECK(ago(0, 86'400'000'000'000) == "24h ago");
    CHECK(ago(0, 864'000'000'000'000) == "10d ago");
    CHECK(ago(9, 3) == "0s ago");
    CHECK(duration(1'500) == "2 us");
    CHECK(duration(1'234'567) == "1.2 ms");
    CHECK(duration(12'300'000'000) == "12.3 s");
    CHECK(size(612) == "612 B");
    CHECK(size(1'234) == "1.2 kB");
    CHECK(size(3'400'000) == "3.4 MB");
    CHECK(as_utf8("a\xff\xed\xa0\x80z\xc3\xa9") == "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xc3\xa9");
}
