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

} // namespace weir::gateway::test
