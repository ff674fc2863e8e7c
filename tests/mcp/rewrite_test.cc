// tests/mcp/rewrite_test.cc - what must hold: what is hidden leaves a list and nothing else changes; what depends on who
// asks stops being public; discovery and initialize offer no more than weir speaks. Seen in the text that goes on.
#include "mcp/rewrite.h"
#include "bench.h"
#include "json/edit.h"
#include "schema.h"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace weir;
using namespace weir::mcp;

namespace {

std::string rewritten(Bench& bench, Edits& edits) {
    PaddedBytes out(bench.pool);
    json::serialise(bench.document, edits.sorted(), out);
    return std::string(out.text());
}

/// The list without what begins with "secret".
std::string filtered(std::string_view result, Method list, Era era, bool personal) {
    Bench bench;
    Edits edits(bench.space);
    const auto root = bench.scan(result).value();
    const auto dropped = filter_list(root, list, era, personal, edits,
                                     [](const Entry& entry) { return !entry.name.starts_with("secret"); });
    if (!dropped) return std::string(row_of(dropped.error()).name);
    if (edits.empty()) return "as it came";
    return rewritten(bench, edits);
}

} // namespace

TEST_CASE("a list loses what is hidden, and keeps order and cursor") {
    struct Row {
        const char* result;
        Method list;
        Era era;
        bool personal;
        const char* after;
    };
    const Row rows[] = {
        {R"({"tools":[{"name":"a"},{"name":"secret1"},{"name":"b","x":1.0}],"nextCursor":"c"})", Method::tools_list,
         Era::legacy, true, R"({"tools":[{"name":"a"},{"name":"b","x":1.0}],"nextCursor":"c"})"},
        {R"({"tools":[{"name":"s\u0065cret1"}],"nextCursor":"c"})", Method::tools_list, Era::legacy, true,
         R"({"tools":[],"nextCursor":"c"})"},
        {R"({"tools":[{"name":"a"}]})", Method::tools_list, Era::legacy, true, "as it came"},
        {R"({"tools":[]})", Method::tools_list, Era::legacy, true, "as it came"},
        {R"({"prompts":[{"name":"secret"},{"name":"p"}]})", Method::prompts_list, Era::legacy, false,
         R"({"prompts":[{"name":"p"}]})"},
        {R"({"resources":[{"uri":"secret:a","name":"n"},{"uri":"b","name":"secret"}]})", Method::resources_list,
         Era::legacy, false, R"({"resources":[{"uri":"b","name":"secret"}]})"},
        {R"({"resourceTemplates":[{"uriTemplate":"secret:{a}"},{"uriTemplate":"b:{c}"}]})",
         Method::resources_templates_list, Era::legacy, false, R"({"resourceTemplates":[{"uriTemplate":"b:{c}"}]})"},
        {R"({"resultType":"complete","tools":[{"name":"secret"},{"name":"a"}],"cacheScope":"public","ttlMs":300000})",
         Method::tools_list, Era::modern, false,
         R"({"resultType":"complete","tools":[{"name":"a"}],"cacheScope":"private","ttlMs":60000})"},
        {R"({"resultType":"complete","tools":[{"name":"a"}],"cacheScope":"public","ttlMs":1000})", Method::tools_list,
         Era::modern, true, R"({"resultType":"complete","tools":[{"name":"a"}],"cacheScope":"private","ttlMs":1000})"},
        {R"({"resultType":"complete","tools":[{"name":"a"}],"cacheScope":"public","ttlMs":300000})", Method::tools_list,
         Era::modern, false, "as it came"},
        {R"({"resultType":"complete","tools":[{"name":"a"}],"cacheScope":"private","ttlMs":60000})", Method::tools_list,
         Era::modern, true, "as it came"},
        {R"({"resultType":"complete","tools":[{"name":"a"}]})", Method::tools_list, Era::modern, true,
         R"({"resultType":"complete","tools":[{"name":"a"}],"cacheScope":"private","ttlMs":60000})"},
        {R"({"resultType":"complete","tools":[],"cacheScope":7,"ttlMs":"x"})", Method::tools_list, Era::modern, true,
         R"({"resultType":"complete","tools":[],"cacheScope":"private","ttlMs":60000})"},
        {R"({"resultType":"complete","tools":[],"cacheScope":"private","ttlMs":-1})", Method::tools_list, Era::modern,
         true, R"({"resultType":"complete","tools":[],"cacheScope":"private","ttlMs":60000})"},
        {R"({"tools":{}})", Method::tools_list, Era::legacy, true, "upstream_malformed"},
        {R"({"prompts":[]})", Method::tools_list, Era::legacy, true, "upstream_malformed"},
        {R"({"tools":[{"title":"nameless"}]})", Method::tools_list, Era::legacy, true, "upstream_malformed"},
        {R"({"tools":["a"]})", Method::tools_list, Era::legacy, true, "upstream_malformed"},
        {R"({"resources":[{"name":"n"}]})", Method::resources_list, Era::legacy, true, "upstream_malformed"},
        {R"({"tools":[]})", Method::tools_call, Era::legacy, true, "upstream_malformed"},
    };
    for (const Row& row : rows) {
        INFO(row.result);
        CHECK(filtered(row.result, row.list, row.era, row.personal) == row.after);
    }
}

TEST_CASE("a filtered list of a thousand tools is still valid") {
    std::string result = R"({"resultType":"complete","ttlMs":1,"cacheScope":"public","tools":[)", kept = result;
    kept.replace(kept.find("public"), 6, "private");
    for (int i = 0; i < 1000; ++i) {
        const std::string tool = R"({"name":")" + std::string(i % 3 == 0 ? "secret" : "t") + std::to_string(i) +
                                 R"(","inputSchema":{"type":"object"}})";
        result += (i == 0 ? "" : ",") + tool;
        if (i % 3 != 0) kept += (kept.back() == '[' ? "" : ",") + tool;
    }
    result += "]}", kept += "]}";
    const auto after = filtered(result, Method::tools_list, Era::modern, false);
    CHECK(after == kept);
    CHECK(Schema("2026-07-28").check_text("ListToolsResult", after) == "");
}

TEST_CASE("discovery offers what both sides speak") {
    struct Row {
        const char* result;
        bool personal;
        const char* after;
    };
    const Row rows[] = {
        {R"({"resultType":"complete","supportedVersions":["2099-01-01","2026-07-28","2025-06-18","x"],"capabilities":{},"ttlMs":1,"cacheScope":"public"})",
         false,
         R"({"resultType":"complete","supportedVersions":["2026-07-28","2025-06-18"],"capabilities":{},"ttlMs":1,"cacheScope":"public"})"},
        {R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":1,"cacheScope":"public"})",
         true,
         R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":1,"cacheScope":"private"})"},
        {R"({"resultType":"complete","supportedVersions":["2026-07-28"]})", false, "as it came"},
        {R"({"resultType":"complete","supportedVersions":["2099-01-01"]})", false,
         R"({"resultType":"complete","supportedVersions":[]})"},
        {R"({"supportedVersions":"2026-07-28"})", false, "upstream_malformed"},
        {R"({"supportedVersions":[5]})", false, "upstream_malformed"},
        {R"({})", false, "upstream_malformed"},
    };
    for (const Row& row : rows) {
        INFO(row.result);
        Bench bench;
        Edits edits(bench.space);
        const auto narrowed = narrow_discovery(bench.scan(row.result).value(), row.personal, edits);
        const std::string after = !narrowed       ? std::string(row_of(narrowed.error()).name)
                                  : edits.empty() ? "as it came"
                                                  : rewritten(bench, edits);
        CHECK(after == row.after);
    }
}

TEST_CASE("initialize agrees on a legacy revision that weir speaks, or fails") {
    Bench bench;
    const auto agreed = [&](const char* result) { return agreed_revision(bench.scan(result).value(), bench.space); };
    CHECK(agreed(R"({"protocolVersion":"2025-06-18"})").value() == "2025-06-18");
    CHECK(agreed(R"({"protocolVersion":"2024\u002d11-05"})").value() == "2024-11-05");
    CHECK(agreed(R"({"protocolVersion":"2024-10-07"})").error() == Error::protocol_unsupported);
    CHECK(agreed(R"({"protocolVersion":"2026-07-28"})").error() == Error::protocol_unsupported);
    CHECK(agreed(R"({"protocolVersion":20250618})").error() == Error::upstream_malformed);
    CHECK(agreed(R"({})").error() == Error::upstream_malformed);
}

TEST_CASE("a listen filter loses the URIs that are denied") {
    struct Row {
        const char* notifications;
        const char* after;
    };
    const Row rows[] = {
        {R"({"toolsListChanged":true,"resourceSubscriptions":["a:1","secret:1","a:2"]})",
         R"({"toolsListChanged":true,"resourceSubscriptions":["a:1","a:2"]})"},
        {R"({"resourceSubscriptions":["secret:1"]})", R"({"resourceSubscriptions":[]})"},
        {R"({"toolsListChanged":true})", "as it came"},
        {R"({"resourceSubscriptions":["a:1"]})", "as it came"},
        {R"({"resourceSubscriptions":"secret:1"})", "rpc_params"},
        {R"({"resourceSubscriptions":[1]})", "rpc_params"},
        {R"([])", "rpc_params"},
    };
    for (const Row& row : rows) {
        INFO(row.notifications);
        Bench bench;
        Edits edits(bench.space);
        const std::string begin =
            R"({"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":)";
        const auto message = bench.read(begin + row.notifications + "}}");
        REQUIRE(message.has_value());
        const auto dropped =
            filter_listen(*message, edits, [](std::string_view uri) { return !uri.starts_with("secret"); });
        std::string after = "as it came";
        if (!dropped) after = row_of(dropped.error()).name;
        else if (*dropped != 0) after = rewritten(bench, edits);
        CHECK((after == row.after || after == begin + row.after + "}}"));
    }
}
