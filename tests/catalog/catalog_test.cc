// tests/catalog/catalog_test.cc - what must hold: a definition's hash changes with what it says and not with how it is
// spelled; mirrored arguments are found where MCP allows them and refused elsewhere; the catalogue stays bounded.
#include "catalog/catalog.h"
#include "json/scan.h"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace weir;
using namespace weir::catalog;
using News = Catalog::News;

namespace {

struct Bench {
    BufferPool pool;
    Workspace space{pool};
    json::Scanner scanner{json::ScanLimits{}};
    PaddedBytes text{pool};
    json::Document document;

    json::Value scan(std::string_view source) {
        text.clear();
        text.append(source);
        const auto scanned = scanner.scan(text.padded());
        REQUIRE(scanned.has_value());
        document = *scanned;
        return json::Value::root(document);
    }
    Result<std::vector<Mirrored>> mirrored(std::string_view schema) { return mirrored_arguments(scan(schema), space); }
};

} // namespace

TEST_CASE("a definition is the same however it is spelled, and changed when it says something else") {
    Bench bench;
    Catalog catalog(bench.pool);
    CHECK(catalog.learn(0, bench.scan(R"({"name":"read","description":"a","inputSchema":{"type":"object"}})"),
                        bench.space) == News::fresh);
    const auto hash = catalog.find(0, "read")->hash;
    CHECK(catalog.learn(0, bench.scan(R"({"name":"read","description":"a","inputSchema":{"type":"object"}})"),
                        bench.space) == News::same);
    CHECK(catalog.learn(0, bench.scan(R"({ "inputSchema": {"type":"object"}, "description":"\u0061", "name":"read" })"),
                        bench.space) == News::same);
    CHECK(catalog.find(0, "read")->hash == hash);
    CHECK(catalog.learn(1, bench.scan(R"({"name":"read","description":"a","inputSchema":{"type":"object"}})"),
                        bench.space) == News::fresh);
    CHECK(catalog.find(1, "read")->hash == hash);
    CHECK(catalog.learn(0, bench.scan(R"({"name":"read","description":"b","inputSchema":{"type":"object"}})"),
                        bench.space) == News::changed);
    CHECK(catalog.find(0, "read")->hash != hash);
    CHECK(catalog.count() == 2);
    catalog.forget(0, "read");
    CHECK(catalog.find(0, "read") == nullptr);
    CHECK(catalog.find(1, "read") != nullptr);
    CHECK(catalog.learn(0, bench.scan(R"({"description":"b"})"), bench.space).error() == Error::upstream_malformed);
    CHECK(catalog.learn(0, bench.scan(R"([])"), bench.space).error() == Error::upstream_malformed);
}

TEST_CASE("what another worker has learned is known here, until something newer goes by") {
    Bench bench;
    Catalog one(bench.pool), other(bench.pool);
    const std::string_view first = R"({"name":"read","description":"a"})",
                           second = R"({"name":"read","description":"b"})";
    CHECK(one.learn(0, bench.scan(first), bench.space) == News::fresh);
    other.adopt(*one.find(0, "read"));
    REQUIRE(other.find(0, "read") != nullptr);
    CHECK(other.find(0, "read")->hash == one.find(0, "read")->hash);
    CHECK(other.learn(0, bench.scan(first), bench.space) == News::same);
    CHECK(other.learn(0, bench.scan(second), bench.space) == News::changed);
    one.adopt(*other.find(0, "read"));
    CHECK(one.find(0, "read")->hash == other.find(0, "read")->hash);
    CHECK(one.count() == 1);
}

TEST_CASE("the oldest definition makes room, and one too large is forgotten") {
    Bench bench;
    Catalog catalog(bench.pool, 3);
    const auto learn = [&](int number) {
        return catalog.learn(0, bench.scan(R"({"name":"t)" + std::to_string(number) + "\"}"), bench.space);
    };
    for (int i = 0; i < 5; ++i) CHECK(learn(i) == News::fresh);
    CHECK(catalog.count() == 3);
    CHECK(catalog.find(0, "t1") == nullptr);
    CHECK(catalog.find(0, "t2") != nullptr);
    CHECK(catalog.find(0, "t4") != nullptr);
    const std::string large(Catalog::definition_bytes_max, 'x');
    CHECK(catalog.learn(0, bench.scan(R"({"name":"t4","description":")" + large + "\"}"), bench.space).error() ==
          Error::limit_reached);
    CHECK(catalog.find(0, "t4") == nullptr);
    for (int i = 10; i < 100; ++i) CHECK(learn(i) == News::fresh);
    CHECK(catalog.count() == 3);
}

TEST_CASE("mirrored arguments are found through properties alone") {
    Bench bench;
    const auto found = bench.mirrored(R"({"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "n":{"type":"integer","x-mcp-header":"N"},
        "plain":{"type":"number"},
        "deep":{"type":"object","properties":{"er":{"type":"object","properties":{"flag":{"type":"boolean","x-mcp-header":"Flag"}}},"x":{"type":"string"}}},
        "list":{"type":"array","items":{"type":"string","x-mcp-header":"Item"}},
        "any":{"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}},
        "allOf":[{"properties":{"b":{"type":"string","x-mcp-header":"B"}}}]})");
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 3);
    CHECK((*found)[0].header == "Region");
    CHECK((*found)[0].path == std::vector<std::string>{"region"});
    CHECK((*found)[1].path == std::vector<std::string>{"n"});
    CHECK((*found)[2].path == std::vector<std::string>{"deep", "er", "flag"});
    CHECK((*found)[2].is_called("fLAG"));
    CHECK_FALSE((*found)[2].is_called("Flags"));
    const auto arguments = bench.scan(R"({"deep":{"er":{"flag":true}},"n":null})");
    CHECK((*found)[2].find(arguments).raw() == "true");
    CHECK((*found)[1].find(arguments).raw() == "null");
    CHECK_FALSE((*found)[0].find(arguments));
}

TEST_CASE("annotations that MCP does not allow make a tool ill-annotated") {
    Bench bench;
    for (
        const std::string_view property : {
            R"("a":{"type":"number","x-mcp-header":"A"})",
            R"("a":{"type":"object","x-mcp-header":"A"})",
            R"("a":{"type":["string","null"],"x-mcp-header":"A"})",
            R"("a":{"x-mcp-header":"A"})",
            R"("a":{"type":"string","x-mcp-header":""})",
            R"("a":{"type":"string","x-mcp-header":"A B"})",
            R"("a":{"type":"string","x-mcp-header":"A\r\nB"})",
            R"("a":{"type":"string","x-mcp-header":"A\u0000"})",
            R"("a":{"type":"string","x-mcp-header":5})",
            R"("a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"})",
            R"("a":{"type":"string","x-mcp-header":"A"},"b":{"properties":{"c":{"type":"string","x-mcp-header":"a"}}})",
        }) {
        INFO(property);
        CHECK(bench.mirrored(R"({"properties":{)" + std::string(property) + "}}").error() == Error::invalid);
    }
    CHECK(bench.mirrored("{}")->empty());
    CHECK(bench.mirrored("5")->empty());
    CHECK(mirrored_arguments({}, bench.space)->empty());
    Catalog catalog(bench.pool);
    CHECK(catalog.learn(
              0, bench.scan(R"({"name":"t","inputSchema":{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}})"),
              bench.space) == News::fresh);
    CHECK(catalog.find(0, "t")->ill_annotated);
}
