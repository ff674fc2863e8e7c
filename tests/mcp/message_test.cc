// tests/mcp/message_test.cc - what must hold: a message has exactly the shape that JSON-RPC 2.0 and MCP give it, whatever
// else it says; the id is known as soon as it can be; nothing that resembles another message passes. Tried by tables.
#include "bench.h"
#include "schema.h"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace weir;
using namespace weir::mcp;

TEST_CASE("messages that MCP defines are read as what they are") {
    struct Row {
        const char* text;
        Kind kind;
        Method method;
        const char* name;
        const char* id;
    };
    const Row rows[] = {
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{"path":"/a"}}})",
         Kind::request, Method::tools_call, "read", "1"},
        {R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"re\u0061d"}})", Kind::request,
         Method::tools_call, "read", "x"},
        {R"({"jsonrpc":"2.0","id":-7,"method":"resources/read","params":{"uri":"file:///a"}})", Kind::request,
         Method::resources_read, "file:///a", "-7"},
        {R"({"jsonrpc":"2.0","id":0,"method":"prompts/get","params":{"name":"p","arguments":{"a":"b"}}})",
         Kind::request, Method::prompts_get, "p", "0"},
        {R"({"jsonrpc":"2.0","id":9007199254740991,"method":"ping"})", Kind::request, Method::ping, "",
         "9007199254740991"},
        {R"({"jsonrpc":"2.0","id":"","method":"ping","params":{}})", Kind::request, Method::ping, "", ""},
        {R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"b"}}})",
         Kind::request, Method::completion_complete, "p", "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"file:///{x}"}}})",
         Kind::request, Method::completion_complete, "file:///{x}", "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t"}})", Kind::request, Method::tasks_get,
         "t", "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"acme/extra","params":{"name":5}})", Kind::request, Method::unknown, "",
         "1"},
        {R"({"jsonrpc":"2.0","method":"notifications/initialized"})", Kind::notification, Method::initialized, "", ""},
        {R"({"jsonrpc":"2.0","method":"notifications/acme","params":{"x":1}})", Kind::notification, Method::unknown, "",
         ""},
        {R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b"}})", Kind::notification,
         Method::resources_updated, "a:b", ""},
        {R"({"jsonrpc":"2.0","id":3,"result":{}})", Kind::result, Method::unknown, "", "3"},
        {R"({"jsonrpc":"2.0","id":3,"error":{"code":-32601,"message":"no"}})", Kind::error, Method::unknown, "", "3"},
        {R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what"}})", Kind::error, Method::unknown, "",
         ""},
        {R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"what"}})", Kind::error, Method::unknown, "", ""},
        {R"({"\u006dethod":"ping","jsonrpc":"2.0","id":1})", Kind::request, Method::ping, "", "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}})",
         Kind::request, Method::initialize, "", "1"},
    };
    Bench bench;
    for (const Row& row : rows) {
        INFO(row.text);
        const auto message = bench.read(row.text);
        REQUIRE(message.has_value());
        CHECK(message->kind == row.kind);
        CHECK(message->method == row.method);
        CHECK(message->name == row.name);
        CHECK(message->id.key == row.id);
        CHECK(static_cast<bool>(message->id) == static_cast<bool>(bench.id));
    }
}

TEST_CASE("the parts of a call are where it has them") {
    Bench bench;
    const auto message = bench.read(
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{"path":"/a"},"_meta":{)"
        R"("progressToken":5,"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
        R"("io.modelcontextprotocol/clientCapabilities":{"elicitation":{}},"io.modelcontextprotocol/clientInfo":{"name":"c"}}}})");
    REQUIRE(message.has_value());
    CHECK(message->arguments.raw() == R"({"path":"/a"})");
    CHECK(message->progress_token.raw() == "5");
    CHECK(message->claimed_version.equals("2026-07-28"));
    CHECK(message->client_capabilities.raw() == R"({"elicitation":{}})");
    CHECK(message->client_info.raw() == R"({"name":"c"})");
    CHECK(message->params.count() == 3);
    CHECK(message->meta.count() == 4);
    CHECK(message->object.index() == 0);
}

TEST_CASE("messages of another shape are refused, with their id where it can be read") {
    struct Row {
        const char* text;
        Error error;
        const char* id; // as JSON; empty: none to be echoed
    };
    const Row rows[] = {
        // The envelope.
        {R"("ping")", Error::rpc_invalid, ""},
        {R"([])", Error::rpc_invalid, ""},
        {R"({})", Error::rpc_invalid, ""},
        {R"({"id":1,"method":"ping"})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"1.0","id":1,"method":"ping"})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":2.0,"id":"a","method":"ping"})", Error::rpc_invalid, "\"a\""},
        {R"({"jsonrpc":"2.0","id":1})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","result":{}})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","error":{"code":1,"message":""}})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"result":{},"params":{}})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"result":[]})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"result":null})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","result":{}})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":null,"result":{}})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":1,"error":"no"})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"no"}})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":"no"}})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"error":{"code":1}})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":1})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":""})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":null})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call\u0000","params":{"name":"a"}})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"acme/a b"})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"acme\r\nX-Evil: 1"})", Error::rpc_invalid, "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"acm\xc3\xa9\"}", Error::rpc_invalid, "1"},
        // Ids.
        {R"({"jsonrpc":"2.0","id":null,"method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":1.0,"method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":1e2,"method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":9007199254740992,"method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":-9007199254740992,"method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":9223372036854775808,"method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":true,"method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":[1],"method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":{},"method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","method":"ping"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"rm"}})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","method":"acme/extra"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":1,"method":"notifications/initialized"})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":null,"method":"notifications/initialized"})", Error::rpc_invalid, ""},
        {R"({"jsonrpc":"2.0","id":1,"method":"notifications/acme"})", Error::rpc_invalid, "1"},
        // Params.
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[]})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":null})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":[]}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":null}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{}}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":1}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\u0000b"}})", Error::rpc_invalid, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":[]}})", Error::rpc_params,
         "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":null}})", Error::rpc_params,
         "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":1.5}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":{}}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a","arguments":7}})", Error::rpc_params,
         "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"a"}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":["a"]}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"a\u0000"}})", Error::rpc_invalid,
         "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tasks/cancel","params":{}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{}})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/tool","name":"a"}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","uri":"a"}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"initialize"})", Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":20250618,"capabilities":{},"clientInfo":{}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":[],"clientInfo":{}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":7}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/clientInfo":"c"}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a","uri":"b"}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","name":"a","uri":"b"}}})",
         Error::rpc_params, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a/../b"}})", Error::rpc_params,
         "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"file:///%61"}})", Error::rpc_params,
         "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"resources/unsubscribe","params":{"uri":"FILE:///a"}})", Error::rpc_params,
         "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"FILE:///{x}"}}})",
         Error::rpc_params, "1"},
        // Names in disguise.
        {R"({"jsonrpc":"2.0","id":1,"METHOD":"tools/call","method":"ping"})", Error::rpc_name, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","ID":2})", Error::rpc_name, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","re\u017fult":{}})", Error::rpc_name, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method\u0000x":"ping","method":"ping"})", Error::rpc_name, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}})", Error::rpc_name, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","to\u212Aen":1,"Arguments":{}}})",
         Error::rpc_name, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"ProgressToken":1}}})",
         Error::rpc_name, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"io.modelcontextprotocol/protocolversion":"2026-07-28"}}})",
         Error::rpc_name, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a","Name":"b"}}})",
         Error::rpc_name, "1"},
    };
    Bench bench;
    for (const Row& row : rows) {
        INFO(row.text);
        const auto message = bench.read(row.text);
        REQUIRE_FALSE(message.has_value());
        CHECK(message.error() == row.error);
        CHECK(bench.id.raw() == row.id);
        CHECK_FALSE(bench.problem.empty());
    }
}

TEST_CASE("unknown members that resemble nothing pass") {
    Bench bench;
    CHECK(bench.read(R"({"jsonrpc":"2.0","id":1,"method":"ping","x":1,"params":{"y":2,"_meta":{"com.example/z":3}}})")
              .has_value());
    CHECK(
        bench
            .read(
                R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"METHOD":1,"Name":2}}})")
            .has_value());
}

TEST_CASE("ids compare by value, and never across JSON's types") {
    Bench bench;
    const auto id_of = [&](std::string_view id) {
        Workspace& space = bench.space;
        const auto message = bench.read(R"({"jsonrpc":"2.0","method":"ping","id":)" + std::string(id) + "}");
        REQUIRE(message.has_value());
        return Id{space.copy(message->id.raw), space.copy(message->id.key), message->id.is_string};
    };
    CHECK(id_of("1") == id_of("1"));
    CHECK(id_of("\"a\"") == id_of("\"\\u0061\""));
    CHECK(id_of("-0") == id_of("0"));
    CHECK_FALSE(id_of("1") == id_of("\"1\""));
    CHECK_FALSE(id_of("1") == id_of("2"));
    CHECK_FALSE(id_of("\"\"") == Id());
    CHECK(id_of("\"\\u0061\"").raw == "\"\\u0061\"");
}

TEST_CASE("every method's text is found again, and nothing near it") {
    for (size_t i = 1; i < method_count; ++i) {
        const auto method = static_cast<Method>(i);
        const std::string text(name_of(method));
        CHECK(method_of(text) == method);
        CHECK(method_of(text + " ") == Method::unknown);
        CHECK(method_of(text.substr(1)) == Method::unknown);
        std::string other = text;
        other[0] = static_cast<char>(other[0] - 32);
        CHECK(method_of(other) == Method::unknown);
        CHECK((sent_as(method) == Sent::notification) == text.starts_with("notifications/"));
    }
    CHECK(method_of("") == Method::unknown);
    CHECK(list_shape(Method::tools_list).entries == "tools");
    CHECK(list_shape(Method::tools_call).entries.empty());
}

TEST_CASE("the project's JSON vectors are taken and refused as they say") {
    Bench vectors, bench;
    const auto root = vectors.scan(read_test_file("json_vectors.json"));
    REQUIRE(root.has_value());
    size_t accepted = 0, refused = 0;
    for (const json::Value vector : root->elements()) {
        // Each character of `raw` is one octet (Latin-1), so that texts that are no UTF-8 can be written down.
        std::string octets;
        const std::string_view raw = vector.find("raw").string(vectors.space);
        for (size_t i = 0; i < raw.size(); ++i) {
            const auto lead = static_cast<unsigned char>(raw[i]);
            if (lead < 0x80) octets.push_back(raw[i]);
            else octets.push_back(static_cast<char>((lead & 3) << 6 | (static_cast<unsigned char>(raw[++i]) & 63)));
        }
        INFO(vector.find("name").string(vectors.space));
        const bool taken = bench.read(octets).has_value();
        CHECK(taken != vector.find("expected").equals("reject"));
        ++(taken ? accepted : refused);
    }
    CHECK(accepted > 5);
    CHECK(refused > 30);
}
