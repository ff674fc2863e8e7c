// tests/gateway/admin_test.cc - the pages of the admin listener, and that docs/operating.md names every metric of them.
//
// Tried on two workers' counters; the metrics page must be Prometheus text, line by line.
#include "gateway/admin.h"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace weir;
using namespace weir::gateway;

namespace {

struct Both {
    Counters first, second;
    const Counters* all[2] = {&first, &second};
    AdminFacts facts{.workers = all,
                     .started_unix_ns = 1,
                     .now_unix_ns = 5'000'000'001,
                     .servers = 3,
                     .policies = 4,
                     .durability = "batch"};
};

Page page(const AdminFacts& facts, std::string_view path, std::string& text) {
    BufferPool pool;
    PaddedBytes out(pool);
    const Page made = write_page(path, facts, out);
    text = out.text();
    return made;
}

} // namespace

TEST_CASE("readiness ends with a drain and with a record that cannot be written") {
    Both both;
    std::string text;
    CHECK(page(both.facts, "/livez", text).status == 200);
    CHECK(page(both.facts, "/readyz", text).status == 200);
    both.second.record_failed.set(1);
    CHECK(page(both.facts, "/readyz", text).status == 503);
    CHECK(text.find("\"record_failed\":true") != std::string::npos);
    both.second.record_failed.set(0);
    both.facts.draining = true;
    CHECK(page(both.facts, "/readyz", text).status == 503);
    CHECK(page(both.facts, "/livez", text).status == 200);
    CHECK(page(both.facts, "/elsewhere", text).status == 404);
}

TEST_CASE("status and metrics add the workers up") {
    Both both;
    both.first.asked.add(2);
    both.second.asked.add(3);
    both.first.overhead.observe(1500);
    std::string text;
    CHECK(page(both.facts, "/status", text).status == 200);
    CHECK(text.find("\"asked\":5") != std::string::npos);
    CHECK(text.find("\"uptime_seconds\":5") != std::string::npos);
    CHECK(page(both.facts, "/metrics", text).type.starts_with("text/plain"));
    CHECK(text.find("\nweir_asked_total 5\n") != std::string::npos);
    CHECK(text.find("\nweir_overhead_seconds_count 1\n") != std::string::npos);
}

TEST_CASE("every metric has its help, its type and its line in the documentation") {
    std::ifstream file(WEIR_DOCS "/operating.md");
    REQUIRE(file);
    std::stringstream docs;
    docs << file.rdbuf();
    Both both;
    both.first.refused[0].add();
    std::string text, line;
    page(both.facts, "/metrics", text);
    std::istringstream lines(text);
    std::set<std::string> helped, typed;
    while (std::getline(lines, line)) {
        INFO(line);
        std::istringstream words(line);
        std::string hash, what, name;
        if (line.starts_with("# ")) {
            words >> hash >> what >> name;
            CHECK((what == "HELP" ? helped : typed).insert(name).second);
            CHECK((what == "HELP" || what == "TYPE"));
            const bool documented = docs.str().find("| `" + name + "` |") != std::string::npos ||
                                    docs.str().find("| `" + name + "{") != std::string::npos;
            CHECK(documented);
            continue;
        }
        name = line.substr(0, line.find_first_of("{ "));
        for (const char* end : {"_bucket", "_sum", "_count"}) {
            if (name.starts_with("weir_overhead_seconds") && name.ends_with(end))
                name.resize(name.size() - std::string(end).size());
        }
        CHECK(helped.contains(name));
        CHECK(typed.contains(name));
    }
    CHECK(helped.size() > 30);
    CHECK(helped == typed);
}
