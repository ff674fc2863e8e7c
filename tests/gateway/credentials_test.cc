// tests/gateway/credentials_test.cc - what a source makes of a credential, and where it goes: to the server, and nowhere else.
#include "gateway/place.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace weir::gateway::test {
namespace {

CredentialConfig from_env(const char* value) {
    setenv("WEIR_TEST_CREDENTIAL", value, 1);
    return {.header = "X-Key", .prefix = "", .env = "WEIR_TEST_CREDENTIAL", .file = {}};
}

std::string problem_of(const CredentialConfig& config) {
    const auto field = load_credential(config);
    return field ? std::string() : field.error();
}

size_t count(const std::string& text, std::string_view part) {
    size_t found = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

} // namespace

TEST_CASE("a credential is what its source holds, without the white space around it") {
    CHECK(**credential_field({}, "abc") == "Authorization: Bearer abc\r\n");
    CHECK(**credential_field({}, " a b\t\r\n") == "Authorization: Bearer a b\r\n");
    CHECK(**load_credential(from_env("k")) == "X-Key: k\r\n");
    const auto file = std::filesystem::temp_directory_path() / ("weir-credential-" + std::to_string(getpid()));
    std::ofstream(file) << "from a file\n";
    const CredentialConfig config{.header = "Authorization", .prefix = "Token ", .env = {}, .file = file};
    CHECK(**load_credential(config) == "Authorization: Token from a file\r\n");
    std::filesystem::remove(file);
    CHECK(problem_of(config) ==
          "the credential in the file " + file.string() + " cannot be used: No such file or directory");
}

TEST_CASE("what no header can carry is refused in words that do not repeat it") {
    CHECK(problem_of(from_env(" \n")).ends_with("it is empty"));
    for (const char* bad : {"s3cret\r\nX-Other: 1", "s3cret\x01", "s3cr\xc3\xa9t"}) {
        const std::string problem = problem_of(from_env(bad));
        CHECK(problem.ends_with("it holds something that no header field can carry"));
        CHECK(problem.find("s3cr") == std::string::npos);
    }
    CHECK(
        problem_of(from_env(std::string(credential_bytes_max + 1, 'x').c_str())).ends_with("it is longer than 16 KiB"));
    CHECK(problem_of({.header = "X-Key", .prefix = "", .env = "WEIR_TEST_NOT_SET", .file = {}}) ==
          "the credential in the variable WEIR_TEST_NOT_SET cannot be used: it is not set");
}

TEST_CASE("what a client of a provider is known by is tried before weir serves, and is in no word about it") {
    CredentialConfig config = from_env("s3cret");
    config.token_url = "https://idp.test/token";
    CHECK(grant_problem(config).empty());
    config.client_auth = identity::ClientAuth::private_key_jwt;
    CHECK(grant_problem(config) ==
          "the key in the variable WEIR_TEST_CREDENTIAL cannot be used: it is no private key (PEM)");
    config.client_auth = identity::ClientAuth::post;
    setenv("WEIR_TEST_CREDENTIAL", "", 1);
    CHECK(grant_problem(config).ends_with("it is empty"));
}

TEST_CASE("the server gets weir's credential once, whatever the client sends; the client gets none") {
    setenv("WEIR_TEST_CREDENTIAL", "s3cret", 1);
    Place place({}, [](Config& config) {
        config.servers[0].credential =
            CredentialConfig{.header = "Authorization", .prefix = "Bearer ", .env = "WEIR_TEST_CREDENTIAL", .file = {}};
    });
    const Peer client = place.client();
    const std::string call = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":{}}})";
    client.say(post(call, SIZE_MAX, "Authorization: Bearer mine\r\n"));
    place.pass();
    const Peer server = place.server();
    const std::string request = server.hear();
    CHECK(count(request, "Authorization:") == 1);
    CHECK(count(request, "\r\nAuthorization: Bearer s3cret\r\n") == 1);
    CHECK(request.starts_with("POST /mcp HTTP/1.1\r\n"));
    CHECK(request.ends_with("\r\n\r\n" + call));
    server.say(json_answer(R"({"jsonrpc":"2.0","id":7,"result":{}})"));
    place.pass();
    const std::string answer = client.hear();
    CHECK(status_of(answer) == 200);
    CHECK(count(answer, "s3cret") == 0);

    const Peer stream = place.client();
    stream.say(get_stream());
    place.pass();
    CHECK(count(server.hear(), "\r\nAuthorization: Bearer s3cret\r\n") == 1);
}

namespace {

const std::string granted_call =
    R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":{}}})";

void by_grant(Config& config) {
    setenv("WEIR_TEST_CREDENTIAL", "s3cret-of-client", 1);
    config.servers[0].credential = CredentialConfig{
        .env = "WEIR_TEST_CREDENTIAL", .file = {}, .token_url = "https://idp.test/token", .client_id = "weir"};
}

WorkerMessage news(const char* token, uint64_t number) {
    return {.kind = WorkerMessage::Kind::credential,
            .server = 0,
            .credential = token == nullptr ? nullptr : credential_field({}, token).value(),
            .number = number};
}

} // namespace

TEST_CASE("a call waits for the token of its server, once it is asked for, and others do not") {
    Place place({}, by_grant);
    const Peer first = place.client(), second = place.client();
    first.say(post(granted_call));
    second.say(post(granted_call));
    place.pass();
    CHECK_FALSE(place.called());
    CHECK(place.credentials_wanted == std::vector<uint32_t>{0, 0});
    place.tell(news("t0ken-1", 1));
    place.pass();
    for (int i = 0; i < 2; ++i) {
        const Peer server = place.server();
        const std::string request = server.hear();
        CHECK(count(request, "\r\nAuthorization: Bearer t0ken-1\r\n") == 1);
        CHECK(count(request, "s3cret") == 0);
        server.say(json_answer(R"({"jsonrpc":"2.0","id":7,"result":{}})"));
    }
    place.pass();
    CHECK(status_of(first.hear()) == 200);
    CHECK(status_of(second.hear()) == 200);
    first.say(post(granted_call)); // There is one now: nothing is waited for.
    place.pass();
    CHECK(place.credentials_wanted.size() == 2);
}

TEST_CASE("when the provider gives no token, who waits is told so, and nothing reaches the server") {
    Place place({}, by_grant);
    const Peer client = place.client();
    client.say(post(granted_call));
    place.pass();
    place.tell(news(nullptr, 0));
    place.pass();
    const std::string answer = client.hear();
    CHECK(status_of(answer) == 502);
    CHECK(count(answer, "weir can get no credential for it now") == 1);
    CHECK_FALSE(place.called());
    client.say(post(granted_call)); // The next one asks again.
    place.pass();
    CHECK(place.credentials_wanted.size() == 2);
}

TEST_CASE("a stream whose client leaves while it waits for a token is not opened at the server") {
    Place place({}, by_grant);
    const Peer client = place.client();
    client.say(get_stream());
    place.pass();
    client.leave();
    place.pass();
    place.tell(news("t0ken-1", 1));
    place.pass();
    CHECK_FALSE(place.called());
}

TEST_CASE("a token that the server refuses is told of, and its call is not sent again") {
    Place place({}, by_grant);
    place.tell(news("t0ken-1", 1));
    const Peer client = place.client();
    client.say(post(granted_call));
    place.pass();
    const Peer server = place.server();
    server.hear();
    server.say("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n");
    place.pass();
    const std::string answer = client.hear();
    CHECK(status_of(answer) == 502);
    CHECK(count(answer, "WWW-Authenticate") == 0);
    CHECK(place.credentials_refused == std::vector<uint64_t>{1});
    CHECK_FALSE(place.called());
    CHECK(server.hear().empty());
}

} // namespace weir::gateway::test
