// tests/json/path_test.cc - paths are read strictly, and lead to what they say, each value once.
#include "json/path.h"
#include "scanned.h"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

using namespace weir;
using namespace weir::json;

TEST_CASE("paths are read or refused") {
    for (const char* good :
         {"", "a", "a.b", "a[0]", "a[*].b", "**", "**.a", "a.**", "a[0][1].b", "a.**.b[*]", "[0]", "a-b.c d", "ü"}) {
        INFO(good);
        CHECK(Path::parse(good));
    }
    for (const char* bad : {".", "a.", ".a", "a..b", "a[", "a[]", "a[-1]", "a[1", "a[x]", "a]", "*", "a*", "a.*",
                            "a.***", "**.**", "a[0]b", "a.[0]", "a[4294967296]", "a[1 ]"}) {
        INFO(bad);
        CHECK_FALSE(Path::parse(bad));
    }
    std::string deep = "a";
    for (int i = 1; i < 32; ++i) deep += ".a";
    CHECK(Path::parse(deep));
    CHECK_FALSE(Path::parse(deep + ".a"));
    CHECK(Path::parse(std::string(Path::text_bytes_max, 'x')));
    CHECK_FALSE(Path::parse(std::string(Path::text_bytes_max + 1, 'x')));
}

TEST_CASE("a path leads to what it says, also as a copy") {
    Scanned text(R"({"a":{"b":[1,{"c":2},[3]]},"c":[{"c":4}],"\u0061b":5})");
    const struct {
        const char* path;
        std::vector<std::string> values;
        bool wildcard;
    } rows[] = {
        {"a.b[0]", {"1"}, false},
        {"a.b[3]", {}, false},
        {"a.b[*]", {"1", R"({"c":2})", "[3]"}, true},
        {"a.b[*].c", {"2"}, true},
        {"a[*]", {}, true},
        {"ab", {"5"}, false},
        {"**.c", {R"([{"c":4}])", "2", "4"}, true},
        {"a.b.**", {R"([1,{"c":2},[3]])", "1", R"({"c":2})", "2", "[3]", "3"}, true},
        {"**[0]", {"1", "3", R"({"c":4})"}, true},
        {"x.y", {}, false},
    };
    BufferPool pool;
    Workspace space(pool);
    for (const auto& row : rows) {
        INFO(row.path);
        const auto path = Path::parse(row.path);
        REQUIRE(path);
        const PathView copy = path->view().copy_to(space);
        CHECK(copy.text() == row.path);
        CHECK(copy.has_wildcard() == row.wildcard);
        std::vector<std::string> values;
        copy.each(text.root(), [&](Value value) {
            values.emplace_back(value.raw());
            return true;
        });
        CHECK(values == row.values);
        size_t first = 0;
        path->each(text.root(), [&](Value) { return ++first == 0; });
        CHECK(first == (row.values.empty() ? 0 : 1));
    }
    size_t of_nothing = 0;
    Path::parse("**")->each(Value(), [&](Value) { return ++of_nothing != 0; });
    CHECK(of_nothing == 0);
}
