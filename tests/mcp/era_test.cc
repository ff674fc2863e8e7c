// tests/mcp/era_test.cc - what must hold: the body tells the era and the HTTP fields must agree with it, in every
// combination; a field's encoding has one reading. Tried by tables.
#include "mcp/era.h"
#include "bench.h"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace weir;
using namespace weir::mcp;

namespace {

constexpr const char* absent = nullptr;

Header header(const char* text) { return text == absent ? Header{} : Header{true, text}; }

struct Row {
    const char* body;
    const char* version;
    const char* method;
    const char* name;
    Error error = Error::invalid; // none
    Era era = Era::legacy;
    const char* revision = "";
    const char* detail = ""; // must be part of it
};

void check(const Row& row) {
    Bench bench;
    INFO(row.body << " | " << (row.version ? row.version : "-") << " | " << (row.method ? row.method : "-") << " | "
                  << (row.name ? row.name : "-"));
    const auto message = bench.read(row.body);
    INFO(bench.problem);
    REQUIRE(message.has_value());
    std::string_view detail;
    const auto told =
        classify(*message, {header(row.version), header(row.method), header(row.name)}, bench.space, detail);
    if (row.error == Error::invalid) {
        INFO(detail);
        REQUIRE(told.has_value());
        CHECK(told->era == row.era);
        CHECK(told->revision == row.revision);
        CHECK(is_known_revision(told->revision));
    } else {
        REQUIRE_FALSE(told.has_value());
        CHECK(told.error() == row.error);
        CHECK(detail.find(row.detail) != std::string_view::npos);
        CHECK_FALSE(detail.empty());
    }
}

#define META(version) R"("_meta":{"io.modelcontextprotocol/protocolVersion":)" version R"(,"io.modelcontextprotocol/clientCapabilities":{}})"
#define CALL(version) R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read",)" META(version) "}}"
constexpr const char* modern_call = CALL("\"2026-07-28\"");
constexpr const char* legacy_call = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}})";
constexpr const char* initialize =
    R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}})";
constexpr const char* notification = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
constexpr const char* response = R"({"jsonrpc":"2.0","id":1,"result":{}})";

} // namespace

TEST_CASE("twelve combinations of claim and field") {
    // Three bodies (a modern claim, none, a claim of a legacy revision) and four fields (none, legacy, modern, nonsense).
    const Row rows[] = {
        {modern_call, absent, "tools/call", "read", Error::header_mismatch, {}, "", "missing"},
        {modern_call, "2025-06-18", "tools/call", "read", Error::header_mismatch, {}, "", "MCP-Protocol-Version"},
        {modern_call, "2026-07-28", "tools/call", "read", Error::invalid, Era::modern, "2026-07-28"},
        {modern_call, "1999-01-01", "tools/call", "read", Error::header_mismatch, {}, "", "MCP-Protocol-Version"},
        {legacy_call, absent, absent, absent, Error::invalid, Era::legacy, "2025-03-26"},
        {legacy_call, "2025-11-25", absent, absent, Error::invalid, Era::legacy, "2025-11-25"},
        {legacy_call,
         "2026-07-28",
         "tools/call",
         "read",
         Error::rpc_params,
         {},
         "",
         "protocolVersion and io.modelcontextprotocol/clientCapabilities"},
        {legacy_call, "1999-01-01", absent, absent, Error::protocol_unsupported, {}, "", "1999-01-01"},
        {CALL("\"2025-06-18\""), absent, "tools/call", "read", Error::header_mismatch, {}, "", "missing"},
        {CALL("\"2025-06-18\""), "2025-06-18", "tools/call", "read", Error::protocol_unsupported, {}, "", "2025-06-18"},
        {CALL("\"2025-06-18\""),
         "2026-07-28",
         "tools/call",
         "read",
         Error::header_mismatch,
         {},
         "",
         "MCP-Protocol-Version"},
        {CALL("\"2025-06-18\""),
         "1999-01-01",
         "tools/call",
         "read",
         Error::header_mismatch,
         {},
         "",
         "MCP-Protocol-Version"},
    };
    for (const Row& row : rows) check(row);
}

TEST_CASE("what else a body may be") {
    const Row rows[] = {
        {initialize, absent, absent, absent, Error::invalid, Era::legacy, "2025-03-26"},
        {initialize, "2025-06-18", absent, absent, Error::invalid, Era::legacy, "2025-06-18"},
        {initialize, "2026-07-28", absent, absent, Error::header_mismatch, {}, "", "initialize"},
        {R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{)" META("\"2026-07-28\"") "}}", "2026-07-28",
         "initialize", absent, Error::invalid, Era::modern, "2026-07-28"},
        {notification, absent, absent, absent, Error::invalid, Era::legacy, "2025-03-26"},
        {notification, "2024-11-05", absent, absent, Error::invalid, Era::legacy, "2024-11-05"},
        {notification, "2026-07-28", absent, absent, Error::invalid, Era::modern, "2026-07-28"},
        {notification, "2026-07-28", "notifications/initialized", absent, Error::invalid, Era::modern, "2026-07-28"},
        {notification, "2026-07-28", "notifications/cancelled", absent, Error::header_mismatch, {}, "", "Mcp-Method"},
        {notification, "2027-01-01", absent, absent, Error::protocol_unsupported, {}, "", "2027-01-01"},
        {response, absent, absent, absent, Error::invalid, Era::legacy, "2025-03-26"},
        {response, "2025-06-18", absent, absent, Error::invalid, Era::legacy, "2025-06-18"},
        {response, "2026-07-28", absent, absent, Error::rpc_invalid, {}, "", "responses"},
        {R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}})",
         "2026-07-28",
         absent,
         absent,
         Error::rpc_invalid,
         {},
         "",
         "responses"},
        {CALL("\"2027-01-01\""), "2027-01-01", "tools/call", "read", Error::protocol_unsupported, {}, "", "2027-01-01"},
        {CALL("20260728"), "2026-07-28", "tools/call", "read", Error::rpc_params, {}, "", "string"},
        {CALL("null"), "2026-07-28", "tools/call", "read", Error::rpc_params, {}, "", "string"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})",
         "2026-07-28",
         "ping",
         absent,
         Error::rpc_params,
         {},
         "",
         "lacks io.modelcontextprotocol/clientCapabilities"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}}})",
         "2026-07-28",
         "ping",
         absent,
         Error::rpc_params,
         {},
         "",
         "lacks io.modelcontextprotocol/protocolVersion"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping"})",
         "2099-12-31",
         "ping",
         absent,
         Error::rpc_params,
         {},
         "",
         "lacks"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping"})",
         "",
         absent,
         absent,
         Error::protocol_unsupported,
         {},
         "",
         "not supported"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping"})",
         "2026-07-28 ",
         absent,
         absent,
         Error::protocol_unsupported,
         {},
         "",
         "not supported"},
    };
    for (const Row& row : rows) check(row);
}

TEST_CASE("a modern request's fields say what its body says") {
    const auto call = [](const char* name) {
        return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + std::string(name) +
               R"(",)" META("\"2026-07-28\"") "}}";
    };
    const std::string plain = call("read"), euro = call("\xe2\x82\xac"), spaced = call(" read"),
                      wrapped = call("=?base64?cmVhZA==?="), inner = call("re ad");
    const char* version = "2026-07-28";
    const Row rows[] = {
        {plain.c_str(), version, "tools/call", "=?base64?cmVhZA==?=", Error::invalid, Era::modern, "2026-07-28"},
        {euro.c_str(), version, "tools/call", "=?base64?4oKs?=", Error::invalid, Era::modern, "2026-07-28"},
        {spaced.c_str(), version, "tools/call", "=?base64?IHJlYWQ=?=", Error::invalid, Era::modern, "2026-07-28"},
        {wrapped.c_str(), version, "tools/call", "=?base64?PT9iYXNlNjQ/Y21WaFpBPT0/PQ==?=", Error::invalid, Era::modern,
         "2026-07-28"},
        {inner.c_str(), version, "tools/call", "re ad", Error::invalid, Era::modern, "2026-07-28"},
        {plain.c_str(), version, absent, "read", Error::header_mismatch, {}, "", "Mcp-Method is missing"},
        {plain.c_str(), version, "tools/list", "read", Error::header_mismatch, {}, "", "Mcp-Method"},
        {plain.c_str(), version, "Tools/Call", "read", Error::header_mismatch, {}, "", "Mcp-Method"},
        {plain.c_str(), version, "tools/call", absent, Error::header_mismatch, {}, "", "Mcp-Name is missing"},
        {plain.c_str(), version, "tools/call", "Read", Error::header_mismatch, {}, "", "Mcp-Name"},
        {plain.c_str(), version, "tools/call", "", Error::header_mismatch, {}, "", "Mcp-Name"},
        {plain.c_str(), version, "tools/call", "read, read", Error::header_mismatch, {}, "", "Mcp-Name"},
        {plain.c_str(), version, "tools/call", "=?BASE64?cmVhZA==?=", Error::header_mismatch, {}, "", "Mcp-Name"},
        {plain.c_str(), version, "tools/call", "=?base64?cmVhZA?=", Error::header_mismatch, {}, "", "Mcp-Name"},
        {plain.c_str(), version, "tools/call", "=?base64?cmVhZB==?=", Error::header_mismatch, {}, "", "Mcp-Name"},
        {plain.c_str(), version, "tools/call", "=?base64?cmVh ZA==?=", Error::header_mismatch, {}, "", "Mcp-Name"},
        {wrapped.c_str(), version, "tools/call", "=?base64?cmVhZA==?=", Error::header_mismatch, {}, "", "Mcp-Name"},
        {R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b",)" META("\"2026-07-28\"") "}}",
         version, "resources/read", "a:b", Error::invalid, Era::modern, "2026-07-28"},
        {R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b",)" META("\"2026-07-28\"") "}}",
         version,
         "resources/read",
         "a:c",
         Error::header_mismatch,
         {},
         "",
         "Mcp-Name"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t",)" META("\"2026-07-28\"") "}}",
         version,
         "tasks/get",
         absent,
         Error::header_mismatch,
         {},
         "",
         "Mcp-Name"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{)" META("\"2026-07-28\"") "}}", version,
         "tools/list", absent, Error::invalid, Era::modern, "2026-07-28"},
        {R"({"jsonrpc":"2.0","id":1,"method":"acme/x","params":{)" META("\"2026-07-28\"") "}}", version, "acme/x",
         "anything", Error::invalid, Era::modern, "2026-07-28"},
    };
    for (const Row& row : rows) check(row);
}

TEST_CASE("revisions are known by their exact text") {
    CHECK(known_revision("2025-06-18") == "2025-06-18");
    CHECK(known_revision("2025-06-1") == "");
    CHECK(known_revision("") == "");
    CHECK(is_modern_revision("2026-07-28"));
    CHECK(is_modern_revision("2026-07-29"));
    CHECK(is_modern_revision("3000-01-01"));
    CHECK_FALSE(is_modern_revision("2026-07-27"));
    CHECK_FALSE(is_modern_revision("2026-07-28x"));
    CHECK_FALSE(is_modern_revision("DRAFT-2026"));
    CHECK_FALSE(is_modern_revision("9999/99/99"));
    CHECK_FALSE(is_modern_revision(""));
}

TEST_CASE("whatever is encoded for a field is decoded to itself") {
    Bench bench;
    for (const std::string_view text : {"", "plain", "with space inside", " lead", "trail ", "\ttab", "in\ttab",
                                        "caf\xc3\xa9", "=?base64?x?=", "=?base64?", "?=", "a\r\nb", "~!@#"}) {
        PaddedBytes out(bench.pool);
        encode_header(text, out);
        INFO(out.text());
        for (const char octet : out.text()) CHECK((octet >= ' ' && octet <= '~'));
        CHECK_FALSE(out.text().starts_with(' '));
        CHECK_FALSE(out.text().ends_with(' '));
        const auto decoded = decode_header(out.text(), bench.space);
        REQUIRE(decoded.has_value());
        CHECK(*decoded == text);
    }
    PaddedBytes out(bench.pool);
    encode_header("plain-name_1.x", out);
    CHECK(out.text() == "plain-name_1.x");
    // Not of the encoded form, so they stand for themselves.
    for (const std::string_view text : {"=?base64?=", "=?base64?abc", "abc?=", "=?Base64?YQ==?="})
        CHECK(decode_header(text, bench.space).value() == text);
    for (const std::string_view text : {"=?base64?a?=", "=?base64?YQ=?=", "=?base64?YQ?=", "=?base64?YR==?=",
                                        "=?base64?Y Q==?=", "=?base64?_-==?="}) {
        INFO(text);
        CHECK(decode_header(text, bench.space).error() == Error::header_mismatch);
    }
    CHECK(decode_header("=?base64?"
                        "?=",
                        bench.space)
              .value()
              .empty());
}

TEST_CASE("an argument agrees with the field that mirrors it") {
    struct Pair {
        const char* argument; // JSON; absent: none
        const char* field;
        bool agrees;
    };
    const Pair pairs[] = {
        {absent, absent, true},
        {"null", absent, true},
        {absent, "x", false},
        {"null", "null", false},
        {"\"x\"", absent, false},
        {"\"x\"", "x", true},
        {"\"x\"", "y", false},
        {"\"\\u0078\"", "x", true},
        {"\"\"", "", true},
        {"\"x\"", "=?base64?eA==?=", true},
        {"\"x\"", "=?base64?eA?=", false},
        {"42", "42", true},
        {"42", "42.0", true},
        {"42.00", "42", true},
        {"42", "042", true},
        {"42", "43", false},
        {"42", "0x2a", false},
        {"-1", "-1", true},
        {"0", "-0", true},
        {"42", "4.2e1", false},
        {"42", "42.5", false},
        {"42", "42.", false},
        {"42", "", false},
        {"42", "+42", false},
        {"9007199254740991", "9007199254740991", true},
        {"9007199254740992", "9007199254740992", false},
        {"1.5", "1.5", false},
        {"true", "true", true},
        {"true", "True", false},
        {"false", "true", false},
        {"false", "", false},
        {"{}", "{}", false},
        {"[]", "[]", false},
        {"\"true\"", "true", true},
    };
    for (const Pair& pair : pairs) {
        Bench bench;
        INFO((pair.argument ? pair.argument : "-") << " | " << (pair.field ? pair.field : "-"));
        json::Value argument;
        if (pair.argument != absent) argument = bench.scan(pair.argument).value();
        const auto checked = check_param_header(argument, header(pair.field), bench.space);
        CHECK(checked.has_value() == pair.agrees);
        if (!checked) CHECK(checked.error() == Error::header_mismatch);
    }
}
