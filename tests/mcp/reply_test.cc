// tests/mcp/reply_test.cc - what must hold: every message that weir originates is valid by the schema of the revision it
// answers, is one that a strict reader reads, and says what mcp's denials must say and nothing of what is hidden. The
// checker of schemas is itself held against the examples that MCP publishes.
#include "mcp/reply.h"
#include "schema.h"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <functional>
#include <vector>

using namespace weir;
using namespace weir::mcp;

namespace {

struct Originated {
    std::string what;
    std::string text;
    const char* result = nullptr; // the schema of its result; nullptr: it is an error
};

std::string written(const std::function<void(PaddedBytes&)>& write) {
    BufferPool pool;
    PaddedBytes out(pool);
    write(out);
    return std::string(out.text());
}

std::string denied(const Denial& denial) {
    return written([&](PaddedBytes& out) { write_denial(out, denial); });
}

constexpr std::string_view awkward = "no \"production\"\n\x01 \\ \xf0\x9f\x94\x92";

/// Every message weir writes in `revision`.
std::vector<Originated> all_messages(std::string_view revision) {
    const Era era = is_modern_revision(revision) ? Era::modern : Era::legacy;
    std::vector<Originated> all;
    for (const std::string_view id : {"1", "\"a\\\"b\"", "-9007199254740991"}) {
        for (const bool hidden : {false, true}) {
            for (size_t i = 0; i < method_count; ++i) {
                const auto method = static_cast<Method>(i);
                Denial denial{.id = id, .era = era, .method = method, .name = awkward, .hidden = hidden};
                const bool tool = method == Method::tools_call && !hidden;
                const char* result = tool                                    ? "CallToolResult"
                                     : method == Method::completion_complete ? "CompleteResult"
                                                                             : nullptr;
                all.push_back({"bare denial", denied(denial), result});
                denial.code = awkward, denial.text = awkward, denial.hint = awkward, denial.retry_after_s = 30;
                all.push_back({"full denial", denied(denial), result});
                denial.as_error = true, denial.rpc_code = 40305;
                all.push_back({"denial as error", denied(denial), tool ? nullptr : result});
            }
        }
        for (const Method method : {Method::tools_call, Method::resources_read, Method::prompts_get}) {
            const char* result = method == Method::tools_call ? "CallToolResult" : nullptr;
            Pending pending{.id = id, .era = era, .method = method, .ticket = "ap_1"};
            const auto write = [&] { return written([&](PaddedBytes& out) { write_pending(out, pending); }); };
            all.push_back({"bare pending", write(), result});
            pending.reason = awkward, pending.expires = "2026-11-21T06:30:00Z", pending.digest = "00ff";
            all.push_back({"full pending", write(), result});
        }
        all.push_back({"error", written([&](PaddedBytes& out) {
                           write_error(out, {id, era, -32603, awkward, R"({"x":[1]})"});
                       })});
        all.push_back(
            {"empty result", written([&](PaddedBytes& out) { write_empty_result(out, id, era); }), "EmptyResult"});
        if (era == Era::modern) {
            all.push_back({"a round of waiting",
                           written([&](PaddedBytes& out) { write_input_required(out, id, "weir1.abc"); }),
                           "InputRequiredResult"});
            all.push_back({"end of listening", written([&](PaddedBytes& out) { write_listen_end(out, id); }),
                           "SubscriptionsListenResult"});
        } else {
            all.push_back({"roots", written([&](PaddedBytes& out) { write_declined(out, id, Method::roots_list); }),
                           "ListRootsResult"});
            all.push_back({"sampling", written([&](PaddedBytes& out) {
                               write_declined(out, id, Method::sampling_create_message);
                           })});
            all.push_back({"unknown", written([&](PaddedBytes& out) { write_declined(out, id, Method::unknown); })});
            if (revision >= "2025-06-18")
                all.push_back({"elicitation",
                               written([&](PaddedBytes& out) { write_declined(out, id, Method::elicitation_create); }),
                               "ElicitResult"});
        }
    }
    return all;
}

} // namespace

TEST_CASE("every message weir originates is valid by the schema of its revision") {
    for (const std::string_view revision : revisions) {
        Schema schema(revision);
        Bench bench;
        const bool has_response_schemas = revision >= "2025-11-25";
        size_t count = 0;
        for (const Originated& message : all_messages(revision)) {
            INFO(revision << ' ' << message.what << ": " << message.text);
            const bool error = message.result == nullptr;
            const char* envelope = error ? has_response_schemas ? "JSONRPCErrorResponse" : "JSONRPCError"
                                   : has_response_schemas ? "JSONRPCResultResponse"
                                                          : "JSONRPCResponse";
            CHECK(schema.check_text(envelope, message.text) == "");
            const auto read = bench.read(message.text);
            REQUIRE(read.has_value());
            CHECK(read->kind == (error ? Kind::error : Kind::result));
            CHECK(static_cast<bool>(read->id));
            if (!error) CHECK(schema.check(message.result, read->result) == "");
            CHECK(message.text.find('\n') == std::string::npos); // one line: it may become an event's data
            ++count;
        }
        CHECK(count > 600);
    }
}

TEST_CASE("a pending result cannot be read as success, and says what to do") {
    Pending pending{.id = "1", .era = Era::modern, .method = Method::tools_call, .ticket = "ap_x", .reason = "why"};
    pending.expires = "2026-11-21T06:30:00Z", pending.digest = "00ff";
    CHECK(
        written([&](PaddedBytes& out) { write_pending(out, pending); }) ==
        R"({"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"Not executed: this call waits for the approval of a person (request ap_x; why). Tell the user. Once it is approved, make the same call again with exactly the same arguments."}],"isError":true,"_meta":{"dev.weir/approval":{"id":"ap_x","status":"pending","retryAfterMs":30000,"expiresAt":"2026-11-21T06:30:00Z","argumentsDigest":"sha256:00ff"}}}})");
    pending.method = Method::prompts_get, pending.era = Era::legacy, pending.reason = {}, pending.digest = {};
    CHECK(
        written([&](PaddedBytes& out) { write_pending(out, pending); }) ==
        R"({"jsonrpc":"2.0","id":1,"error":{"code":40302,"message":"Not executed: this call waits for the approval of a person (request ap_x). Tell the user. Once it is approved, make the same call again with exactly the same arguments.","data":{"weir":{"id":"ap_x","status":"pending","retryAfterMs":30000,"expiresAt":"2026-11-21T06:30:00Z"}}}})");
}

TEST_CASE("progress while a call waits is a notification of its revision") {
    for (const std::string_view revision : revisions) {
        for (const std::string_view token : {"1", "\"t\""}) {
            const auto text = written([&](PaddedBytes& out) { write_progress(out, token, 3, awkward); });
            INFO(revision << ": " << text);
            // Before 2025-03-26 there was no message; no revision that weir speaks is older.
            CHECK(Schema(revision).check_text("ProgressNotification", text) == "");
        }
    }
}

TEST_CASE("a notice of weir's own is a notification of its revision") {
    for (const std::string_view revision : revisions) {
        const auto text = written([&](PaddedBytes& out) { write_notice(out, awkward); });
        INFO(revision << ": " << text);
        CHECK(Schema(revision).check_text("LoggingMessageNotification", text) == "");
    }
}

TEST_CASE("an error without an id has null before 2026-07-28, and none since") {
    CHECK(written([](PaddedBytes& out) { write_error(out, {{}, Era::legacy, -32700, "what"}); }) ==
          R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what"}})");
    const auto modern = written([](PaddedBytes& out) { write_error(out, {{}, Era::modern, -32700, "what"}); });
    CHECK(modern == R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"what"}})");
    CHECK(Schema("2026-07-28").check_text("JSONRPCErrorResponse", modern) == "");
}

TEST_CASE("denials say what each method's clients can read") {
    const auto deny = [](Method method, Era era, bool hidden) {
        return denied({.id = "1",
                       .era = era,
                       .method = method,
                       .name = "x",
                       .hidden = hidden,
                       .code = "c",
                       .text = "t",
                       .hint = "h",
                       .retry_after_s = 2});
    };
    CHECK(
        deny(Method::tools_call, Era::modern, false) ==
        R"({"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"Not executed: t (c)\nh\nTry again in 2 seconds."}],"isError":true,"_meta":{"dev.weir/decision":{"decision":"block","code":"c","hint":"h","retryAfterMs":2000}}}})");
    CHECK(deny(Method::tools_call, Era::modern, true) ==
          R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool: x"}})");
    CHECK(deny(Method::prompts_get, Era::legacy, true) ==
          R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown prompt: x"}})");
    CHECK(
        deny(Method::prompts_get, Era::legacy, false) ==
        R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"t","data":{"weir":{"decision":"block","code":"c","hint":"h","retryAfterMs":2000}}}})");
    CHECK(deny(Method::resources_read, Era::legacy, true) ==
          R"({"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"Resource not found","data":{"uri":"x"}}})");
    CHECK(deny(Method::resources_read, Era::modern, true) ==
          R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Resource not found","data":{"uri":"x"}}})");
    CHECK(deny(Method::resources_read, Era::modern, false).find(R"("data":{"uri":"x","weir":{"decision":"block")") !=
          std::string::npos);
    CHECK(deny(Method::completion_complete, Era::legacy, false) ==
          R"({"jsonrpc":"2.0","id":1,"result":{"completion":{"values":[],"total":0,"hasMore":false}}})");
    CHECK(deny(Method::unknown, Era::legacy, false).find(R"("code":40301)") != std::string::npos);
    CHECK(deny(Method::unknown, Era::legacy, true) ==
          R"({"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}})");
}

TEST_CASE("what is hidden is answered without a word of the policy") {
    for (size_t i = 0; i < method_count; ++i) {
        const auto text = denied({.id = "1",
                                  .era = Era::modern,
                                  .method = static_cast<Method>(i),
                                  .name = "x",
                                  .hidden = true,
                                  .code = "SECRETCODE",
                                  .text = "SECRETTEXT",
                                  .hint = "SECRETHINT",
                                  .retry_after_s = 77});
        INFO(text);
        CHECK(text.find("SECRET") == std::string::npos);
        CHECK(text.find("weir") == std::string::npos);
        CHECK(text.find("77") == std::string::npos);
        CHECK(text.find("policy") == std::string::npos);
    }
}

TEST_CASE("a very long name is not sent back") {
    const std::string name(1 << 20, 'n');
    const auto text = denied({.id = "1", .method = Method::tools_call, .name = name, .hidden = true});
    CHECK(text == R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool"}})");
}

TEST_CASE("an unsupported version is answered with those that are supported") {
    const auto data = written([](PaddedBytes& out) { write_versions(out, revisions, "1999-\"01"); });
    CHECK(
        data ==
        R"({"supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"1999-\"01"})");
    const auto error = written([&](PaddedBytes& out) { write_error(out, {"1", Era::modern, -32022, "no", data}); });
    CHECK(Schema("2026-07-28").check_text("UnsupportedProtocolVersionError", error) == "");
}

TEST_CASE("no code that weir writes is reserved for another meaning") {
    // JSON-RPC 2.0 and MCP reserve -32768..-32000; of these only the ones with a defined meaning may appear.
    for (const std::string_view revision : {"2026-07-28", "2025-06-18"}) {
        Bench bench;
        for (const Originated& message : all_messages(revision)) {
            const auto read = bench.read(message.text);
            REQUIRE(read.has_value());
            if (read->kind != Kind::error) continue;
            const int64_t code = read->error.find("code").integer().value();
            INFO(message.text);
            if (code < -32768 || code > -32000) continue;
            const bool legacy_resource = code == -32002 && revision == "2025-06-18";
            CHECK((code == -32601 || code == -32602 || code == -32603 || legacy_resource));
        }
    }
}

TEST_CASE("the checker of schemas takes MCP's own examples, and notices what they lack") {
    Schema schema("2026-07-28");
    size_t count = 0, noticed = 0;
    for (const auto& entry : std::filesystem::directory_iterator(WEIR_TEST_DATA "/mcp-schema/2026-07-28/examples")) {
        const std::string file = entry.path().filename().string();
        const std::string text = read_test_file("mcp-schema/2026-07-28/examples/" + file);
        const std::string definition = file.substr(0, file.find("__"));
        INFO(file);
        CHECK(schema.check_text(definition, text) == "");
        if (!schema.check_text(definition, "{}").empty()) ++noticed;
        CHECK(schema.check_text(definition, "5") != "");
        ++count;
    }
    CHECK(count > 100);
    CHECK(noticed > 60); // the others require nothing
}

TEST_CASE("MCP's example messages are read") {
    size_t count = 0;
    Bench bench;
    for (const auto& entry : std::filesystem::directory_iterator(WEIR_TEST_DATA "/mcp-schema/2026-07-28/examples")) {
        const std::string file = entry.path().filename().string();
        const auto root = bench.scan(read_test_file("mcp-schema/2026-07-28/examples/" + file));
        INFO(file);
        REQUIRE(root.has_value());
        if (!root->find("jsonrpc")) continue;
        const auto message = read_message(*root, bench.space, bench.id, &bench.problem);
        INFO(bench.problem);
        CHECK(message.has_value());
        ++count;
    }
    CHECK(count > 20);
}
