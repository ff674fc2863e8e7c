// tests/demo/acme_test.cc - acme is a proper MCP server in both eras, and our client a proper client of both.
//
// Tried over real sockets on loopback: the handshake and the stateless way, all tools, a stream of progress, refusals by
// status and code, requests cut into single octets, and several on one connection.
#include "demo/acme.h"
#include "cli/mcp_client.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>

using namespace weir;
using namespace weir::cli;

namespace {

constexpr uint64_t patience = 120 * s_ns;

std::unique_ptr<demo::Acme> start() {
    auto acme = demo::Acme::start();
    REQUIRE(acme);
    return std::move(*acme);
}

std::string text_of(McpClient& client, const Reply& reply) {
    return std::string(reply.result.find("content").at(0).find("text").string(client.space()));
}

std::string call(McpClient& client, std::string_view tool, std::string_view arguments) {
    const auto reply = client.request(
        "tools/call", "\"name\":\"" + std::string(tool) + "\",\"arguments\":" + std::string(arguments), tool);
    REQUIRE(reply);
    REQUIRE(reply->result);
    return (reply->result.find("isError").boolean() ? "failed: " : "") + text_of(client, *reply);
}

/// Sends `bytes` as they are, `step` octets at a time, then reads until the server closes.
std::string raw(uint16_t port, std::string_view bytes, size_t step) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    for (size_t at = 0; at < bytes.size(); at += step) {
        const std::string_view part = bytes.substr(at, step);
        if (send(fd, part.data(), part.size(), MSG_NOSIGNAL) < 0) break;
    }
    std::string answer;
    char block[4096];
    for (ssize_t got = 0; (got = recv(fd, block, sizeof block, 0)) > 0;) answer.append(block, static_cast<size_t>(got));
    close(fd);
    return answer;
}

std::string request(uint16_t port, std::string_view fields, std::string_view body, bool last = true) {
    return "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\nContent-Type: application/json\r\n" +
           std::string(fields) + (last ? "Connection: close\r\n" : "") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

constexpr std::string_view ping = R"({"jsonrpc":"2.0","id":"p","method":"ping"})";

} // namespace

TEST_CASE("the client finds the stateless era first, and the handshake when asked") {
    const auto acme = start();
    McpClient modern(*read_endpoint(acme->url()), patience);
    REQUIRE(modern.connect());
    CHECK(modern.era() == Era::modern);
    CHECK(modern.protocol() == "2026-07-28");
    McpClient legacy(*read_endpoint(acme->url()), patience);
    REQUIRE(legacy.connect(Era::legacy));
    CHECK(legacy.era() == Era::legacy);
    CHECK(legacy.protocol() == "2025-11-25");
    REQUIRE(legacy.request("ping", "")->result);
    legacy.end();
    const auto ended = legacy.request("ping", "");
    REQUIRE(ended);
    CHECK(ended->status == 400);
}

TEST_CASE("every tool does what it says, in both eras") {
    const Era era = GENERATE(Era::modern, Era::legacy);
    const auto acme = start();
    int told = 0;
    McpClient client(*read_endpoint(acme->url()), patience, [&](json::Value note) {
        if (note.find("method").equals("notifications/progress")) ++told;
    });
    REQUIRE(client.connect(era));

    const auto list = client.request("tools/list", "");
    REQUIRE(list);
    CHECK(list->result.find("tools").count() == 7);
    CHECK(list->result.find("tools").at(3).find("name").equals("delete_customer"));

    CHECK(call(client, "list_customers", R"({"limit":1})") ==
          R"({"rows":[{"id":1,"name":"Ada Byron","email":"ada@example.com","phone":"+1-202-555-0101",)"
          R"("card":"4111 1111 1111 1111","ssn":"000-12-3456"}]})");
    CHECK(call(client, "query", R"({"sql":"SELECT * FROM orders LIMIT 1"})").find("difference gear") !=
          std::string::npos);
    CHECK(call(client, "query", R"({"sql":"update customers"})").starts_with("failed: this shop understands"));
    CHECK(call(client, "refund", R"({"order":1007,"amount":901})").starts_with("failed: order 1007 was 900.00"));
    CHECK(call(client, "refund", R"({"order":1007,"amount":900})") == "900 refunded for order 1007 (shortest path)");
    CHECK(call(client, "refund", R"({"order":1007,"amount":900})") == "failed: order 1007 is refunded already");
    CHECK(call(client, "delete_customer", R"({"id":1})") == "customer 1 is deleted");
    CHECK(call(client, "delete_customer", R"({"id":1})") == "failed: there is no customer 1");
    CHECK(call(client, "slow", R"({"ms":1})") == "that took 1 ms");
    CHECK(call(client, "countdown", R"({"from":300,"ms":0})") == "counted down from 300");
    CHECK(told == 300);
    CHECK(call(client, "help", "{}").starts_with("Acme is an imaginary shop"));
    CHECK(call(client, "query", R"({"sql":"drop table customers"})") == "table customers is gone");
    CHECK(call(client, "list_customers", "{}") == "failed: there is no table customers");
    CHECK(acme->calls("refund") == 3);
    CHECK(acme->calls("list_customers") == 2);

    const auto unknown = client.request("tools/call", R"("name":"x")", "x");
    REQUIRE(unknown);
    CHECK(unknown->error.find("code").integer() == -32602);
    const auto method = client.request("no/such", "");
    REQUIRE(method);
    CHECK(method->error.find("code").integer() == -32601);
    CHECK(method->status == (era == Era::modern ? 404 : 200));
}

TEST_CASE("what is not as the specification has it is refused") {
    const auto acme = start();
    const uint16_t port = acme->port();
    const std::string meta = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                             R"("io.modelcontextprotocol/clientCapabilities":{}})";
    const std::string modern = R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{)" + meta + "}}";
    const std::string headers = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n";
    struct Case {
        const char* name;
        std::string bytes;
        std::string status, part;
    };
    const std::string host = std::to_string(port);
    const Case cases[] = {
        {"the stateless way", request(port, headers, modern), "200", "\"resultType\":\"complete\",\"tools\":["},
        {"no method header", request(port, "MCP-Protocol-Version: 2026-07-28\r\n", modern), "400", "-32020"},
        {"another method in the header",
         request(port, "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: ping\r\n", modern), "400", "-32020"},
        {"no version header", request(port, "Mcp-Method: tools/list\r\n", modern), "400", "-32020"},
        {"no _meta", request(port, headers, R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"), "400", "-32602"},
        {"no session", request(port, "", ping), "400", "-32600"},
        {"a session of another", request(port, "Mcp-Session-Id: abc\r\n", ping), "404", "-32600"},
        {"not JSON", request(port, "", "{"), "400", "-32700"},
        {"not JSON-RPC", request(port, "", "{\"a\":1}"), "400", "-32600"},
        {"a notification", request(port, "", R"({"jsonrpc":"2.0","method":"notifications/initialized"})"), "202",
         "Content-Length: 0"},
        {"a page in a browser", request(port, "Origin: http://evil.example\r\n", ping), "403", ""},
        {"another name",
         "POST /mcp HTTP/1.1\r\nHost: evil.example:" + host + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
         "403", ""},
        {"another path", "GET / HTTP/1.1\r\nHost: localhost:" + host + "\r\nConnection: close\r\n\r\n", "404", ""},
        {"a GET", "GET /mcp HTTP/1.1\r\nHost: localhost:" + host + "\r\nConnection: close\r\n\r\n", "405",
         "Allow: POST, DELETE"},
        {"not HTTP", "hello\r\n\r\n", "400", ""},
    };
    for (const Case& each : cases) {
        for (const size_t step : {size_t{1}, each.bytes.size()}) {
            INFO(each.name << ", in steps of " << step);
            const std::string answer = raw(port, each.bytes, step);
            INFO(answer);
            CHECK(answer.starts_with("HTTP/1.1 " + each.status));
            CHECK(answer.find(each.part) != std::string::npos);
        }
    }
}

TEST_CASE("requests that come together are answered in their order") {
    const auto acme = start();
    const std::string note = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
    const std::string bytes = request(acme->port(), "", note, false) + request(acme->port(), "", ping, false) +
                              request(acme->port(), "", note);
    const std::string answer = raw(acme->port(), bytes, bytes.size());
    const size_t first = answer.find("HTTP/1.1 202"), second = answer.find("HTTP/1.1 400"),
                 third = answer.rfind("HTTP/1.1 202");
    CHECK(first == 0);
    CHECK(second > first);
    CHECK(third > second);
    CHECK(third != std::string::npos);
}

TEST_CASE("a body in chunks is a body") {
    const auto acme = start();
    const std::string bytes =
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(acme->port()) +
        "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n"
        "Connection: "
        "close\r\n\r\n5\r\n{\"jso\r\n9\r\nnrpc\":\"2.\r\n1c\r\n0\",\"id\":\"p\",\"method\":\"ping\"}\r\n0\r\n\r\n";
    for (size_t step = 1; step < 40; ++step) {
        const std::string answer = raw(acme->port(), bytes, step);
        INFO(answer);
        CHECK(answer.find("initialize comes first") != std::string::npos);
    }
}

TEST_CASE("a server that is not there is told from one that answers") {
    uint16_t port = 0;
    { port = start()->port(); }
    McpClient client(*read_endpoint("http://127.0.0.1:" + std::to_string(port) + "/mcp"), patience);
    const auto connected = client.connect();
    REQUIRE(!connected);
    CHECK(connected.error() == Error::io_failed);
    CHECK(client.why().find("refused") != std::string::npos);
    const auto https = read_endpoint("https://[::1]/mcp");
    REQUIRE(https);
    CHECK(https->tls);
    CHECK(https->port == 443);
    CHECK(https->host == "::1");
    CHECK(https->url() == "https://[::1]/mcp");
    CHECK(!read_endpoint("ftp://a/mcp"));
}

TEST_CASE("names that a header cannot carry are encoded") {
    CHECK(header_value("query") == "query");
    CHECK(header_value("") == "");
    CHECK(header_value("caf\xc3\xa9") == "=?base64?Y2Fmw6k=?=");
    CHECK(header_value(" x") == "=?base64?IHg=?=");
    CHECK(header_value("=?base64?eA==?=") == "=?base64?PT9iYXNlNjQ/ZUE9PT89?=");
}
