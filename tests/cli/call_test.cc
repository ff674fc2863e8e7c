// tests/cli/call_test.cc - words of a command line become arguments, and answers become outcomes with exit codes.
#include "cli/call.h"

#include <catch2/catch_test_macros.hpp>

using namespace weir;
using namespace weir::cli;

TEST_CASE("a value that is JSON is taken as such, anything else as a string") {
    struct Case {
        std::vector<std::string> words;
        std::string json;
    };
    const Case cases[] = {
        {{}, "{}"},
        {{"limit=2"}, R"({"limit":2})"},
        {{"sql=drop table customers"}, R"({"sql":"drop table customers"})"},
        {{"a=true", "b=null", "c=[1,\"x\"]", "d={\"e\":1}"}, R"({"a":true,"b":null,"c":[1,"x"],"d":{"e":1}})"},
        {{"a=\"2\""}, R"({"a":"2"})"},
        {{"a="}, R"({"a":""})"},
        {{"a=b=c"}, R"({"a":"b=c"})"},
        {{"a=1e999"}, R"({"a":"1e999"})"},
        {{"a={\"b\":1,\"b\":2}"}, R"({"a":"{\"b\":1,\"b\":2}"})"},
        {{"id=12345678901234567890"}, R"({"id":12345678901234567890})"},
        {{"na\"me=1"}, R"({"na\"me":1})"},
    };
    for (const Case& each : cases) {
        const auto json = arguments_json(each.words);
        REQUIRE(json);
        CHECK(*json == each.json);
    }
}

TEST_CASE("words that are no arguments are told") {
    CHECK(arguments_json({"limit"}).error() == "`limit` is no argument: write name=value");
    CHECK(arguments_json({"=2"}).error() == "`=2` is no argument: write name=value");
    CHECK(arguments_json({"a=1", "a=2"}).error() == "`a` is given twice");
    CHECK(arguments_json({"a=\xff"}).error() == "the arguments make no JSON: the body is not valid UTF-8");
}

TEST_CASE("what became of a call is its exit code") {
    struct Case {
        std::string message;
        Exit exit;
        std::string text;
    };
    const Case cases[] = {
        {R"({"result":{"content":[{"type":"text","text":"a"},{"type":"image","data":"AA"}]}})", Exit::ok,
         "a\n[image: 28 octets of JSON]\n"},
        {R"({"result":{"content":[{"type":"text","text":"\u001b[2J"}],"isError":true}})", Exit::failed, "\\u{1b}[2J\n"},
        {R"({"result":{"content":[{"type":"text","text":"no"}],"isError":true,"_meta":{"dev.weir/decision":{}}}})",
         Exit::denied, "no\n"},
        {R"({"result":{"content":[{"type":"text","text":"waits"}],"isError":true,"_meta":{"dev.weir/approval":{}}}})",
         Exit::timed_out, "waits\n"},
        {R"({"result":{"resultType":"input_required"}})", Exit::failed,
         "the server asks for input, which this command cannot give"},
        {R"({"error":{"code":-32602,"message":"Unknown tool: x"}})", Exit::not_found,
         "Unknown tool: x (JSON-RPC -32602)"},
        {R"({"error":{"code":-32602,"message":"bad"}})", Exit::failed, "bad (JSON-RPC -32602)"},
        {R"({"error":{"code":40301,"message":"denied","data":{"weir":{"decision":"block"}}}})", Exit::denied, "denied"},
        {R"({})", Exit::failed, "HTTP 200 without an MCP message"},
    };
    BufferPool pool;
    Workspace space(pool);
    json::Scanner scanner{json::ScanLimits{}};
    for (const Case& each : cases) {
        INFO(each.message);
        PaddedBytes text(pool);
        text.append(each.message);
        const auto document = scanner.scan(text.padded());
        REQUIRE(document);
        const json::Value root = json::Value::root(*document);
        const Outcome outcome = outcome_of({200, root.find("result"), root.find("error"), text.text()}, space);
        CHECK(outcome.exit == each.exit);
        CHECK(outcome.text == each.text);
    }
}
