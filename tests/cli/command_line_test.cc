// tests/cli/command_line_test.cc - words become commands; what is no command is a usage error and runs nothing.
#include "cli/command_line.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

using namespace weir::cli;

namespace {

int execute(std::initializer_list<const char*> words) {
    CommandLine line;
    line.add(add_call);
    line.add(add_tools);
    line.add(add_approvals);
    line.add(add_status);
    line.add(add_doctor);
    line.add(add_version);
    std::vector<std::string> texts(words.begin(), words.end());
    texts.insert(texts.begin(), "weir");
    std::vector<char*> argv;
    for (std::string& each : texts) argv.push_back(each.data());
    return line.execute(static_cast<int>(argv.size()), argv.data());
}

/// What comes to `fd` while `words` end with `exit`.
std::string caught(int fd, std::initializer_list<const char*> words, int exit) {
    char path[] = "/tmp/weir_said_XXXXXX";
    const int file = mkstemp(path), before = dup(fd);
    std::fflush(nullptr);
    dup2(file, fd);
    CHECK(execute(words) == exit);
    std::fflush(nullptr);
    dup2(before, fd);
    close(before);
    close(file);
    std::ifstream read(path);
    std::string text((std::istreambuf_iterator<char>(read)), {});
    unlink(path);
    return text;
}

std::string said(std::initializer_list<const char*> words) { return caught(STDERR_FILENO, words, 2); }
std::string printed(std::initializer_list<const char*> words) { return caught(STDOUT_FILENO, words, 9); }

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

TEST_CASE("a word that is no command is named, with the one that was meant") {
    CHECK(said({"foo"}) == "weir: `foo` is no command of `weir`\nTry `weir --help`.\n");
    CHECK(said({"aprovals", "list"}) ==
          "weir: `aprovals` is no command of `weir`; did you mean `approvals`?\nTry `weir --help`.\n");
    CHECK(said({"approvals", "lsit"}) ==
          "weir: `lsit` is no command of `weir approvals`; did you mean `list`?\nTry `weir approvals --help`.\n");
    CHECK(said({"tools", "foo"}).starts_with("weir: `foo` is no command of `weir tools`\n"));
    CHECK(said({"tools"}).starts_with("weir: A subcommand is required\n"));
}

TEST_CASE("output that could not be written is no success") {
    // In a process of its own, whose standard output takes nothing.
    const auto without_room = [](std::initializer_list<const char*> words) {
        std::fflush(stdout);
        const pid_t child = fork();
        if (child == 0) {
            const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
            dup2(full, STDOUT_FILENO);
            _exit(execute(words));
        }
        int status = -1;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    CHECK(without_room({"version"}) == 1);
    CHECK(without_room({"version", "--json"}) == 1);
    CHECK(without_room({"--version"}) == 1);
    CHECK(without_room({"--help"}) == 1);
    CHECK(without_room({"call", "open/"}) == 2);
}

TEST_CASE("a call names a server and a tool") {
    CHECK(execute({"call", "open/", "-c", "/nonexistent"}) == 2);
    CHECK(execute({"call", "/open", "-c", "/nonexistent"}) == 2);
}

TEST_CASE("a token goes to nobody who could read it on the way") {
    setenv("WEIR_TOKEN", "secret", 1);
    CHECK(execute({"call", "help", "--url", "http://192.0.2.1/mcp"}) == 2);
    CHECK(execute({"tools", "list", "--url", "http://192.0.2.1/mcp"}) == 2);
    setenv("WEIR_TOKEN", "two words", 1);
    CHECK(execute({"call", "help", "--url", "http://127.0.0.1:1/mcp"}) == 2);
    unsetenv("WEIR_TOKEN");
}

TEST_CASE("with --json there is a document also where no server answers") {
    CHECK(printed({"call", "help", "--json", "--url", "http://127.0.0.1:1/mcp"}) ==
          R"({"message":"127.0.0.1:1: Connection refused"})"
          "\n");
    CHECK(printed({"tools", "list", "--json", "--url", "http://127.0.0.1:1/mcp"}) ==
          R"([{"server":"http://127.0.0.1:1/mcp","error":"127.0.0.1:1: Connection refused"}])"
          "\n");
}

TEST_CASE("a server that is not there is exit code 9") {
    // Port 1 of loopback: nothing that a test runs beside listens below 1024.
    CHECK(execute({"call", "help", "--url", "http://127.0.0.1:1/mcp"}) == 9);
    CHECK(execute({"tools", "list", "--url", "http://127.0.0.1:1/mcp"}) == 9);
}
