// tests/cli/command_line_test.cc - words become commands; what is no command is a usage error and runs nothing.
#include "cli/command_line.h"

#include <catch2/catch_test_macros.hpp>
#include <initializer_list>
#include <string>
#include <vector>

using namespace weir::cli;

namespace {

int execute(std::initializer_list<const char*> words) {
    CommandLine line;
    line.add(add_call);
    line.add(add_tools);
    line.add(add_status);
    line.add(add_doctor);
    line.add(add_version);
    std::vector<std::string> texts(words.begin(), words.end());
    texts.insert(texts.begin(), "weir");
    std::vector<char*> argv;
    for (std::string& each : texts) argv.push_back(each.data());
    return line.execute(static_cast<int>(argv.size()), argv.data());
}

} // namespace

TEST_CASE("the exit code says what became of the command line") {
    CHECK(execute({"version"}) == 0);
    CHECK(execute({"version", "--json"}) == 0);
    CHECK(execute({"--version"}) == 0);
    CHECK(execute({"--help"}) == 0);
    CHECK(execute({"call", "--help"}) == 0);
    CHECK(execute({}) == 2);
    CHECK(execute({"vresion"}) == 2);
    CHECK(execute({"version", "--loud"}) == 2);
    CHECK(execute({"tools"}) == 2);
    CHECK(execute({"call"}) == 2);
    CHECK(execute({"call", "acme/help", "no-value", "--url", "http://127.0.0.1:9/mcp"}) == 2);
    CHECK(execute({"call", "help", "-c", "/nonexistent"}) == 2);
    CHECK(execute({"call", "acme/help", "-c", "/nonexistent"}) == 3);
    CHECK(execute({"call", "acme/help", "--era", "stone"}) == 2);
    CHECK(execute({"call", "acme/help", "--timeout", "soon"}) == 2);
    CHECK(execute({"call", "help", "--url", "ftp://127.0.0.1/mcp"}) == 2);
    CHECK(execute({"status", "-c", "/nonexistent"}) == 3);
    CHECK(execute({"doctor", "-c", "/nonexistent"}) == 3);
}

TEST_CASE("a token goes to nobody who could read it on the way") {
    setenv("WEIR_TOKEN", "secret", 1);
    CHECK(execute({"call", "help", "--url", "http://192.0.2.1/mcp"}) == 2);
    CHECK(execute({"tools", "list", "--url", "http://192.0.2.1/mcp"}) == 2);
    setenv("WEIR_TOKEN", "two words", 1);
    CHECK(execute({"call", "help", "--url", "http://127.0.0.1:1/mcp"}) == 2);
    unsetenv("WEIR_TOKEN");
}

TEST_CASE("a server that is not there is exit code 9") {
    // Port 1 of loopback: nothing that a test runs beside listens below 1024.
    CHECK(execute({"call", "help", "--url", "http://127.0.0.1:1/mcp"}) == 9);
    CHECK(execute({"tools", "list", "--url", "http://127.0.0.1:1/mcp"}) == 9);
}
