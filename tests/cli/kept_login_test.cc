// tests/cli/kept_login_test.cc - a login is kept for its owner alone, whole, and under its own URL.
#include "cli/kept_login.h"

#include <sys/stat.h>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace weir::cli;

namespace {

struct Home {
    Home() {
        std::string text = std::filesystem::temp_directory_path().string() + "/weir-home-XXXXXX";
        REQUIRE(::mkdtemp(text.data()) != nullptr);
        top = text;
        directory = text + "/.config/weir";
    }
    ~Home() { std::filesystem::remove_all(top); }
    std::filesystem::path only() const {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
        REQUIRE(files.size() == 1);
        return files.front();
    }
    std::string top, directory;
};

const KeptLogin login{.url = "https://weir.example:7071",
                      .issuer = "https://idp.example",
                      .token_endpoint = "https://idp.example/token",
                      .client_id = "weir-cli",
                      .resource = "https://weir.example/approvals",
                      .issuer_ca = "/etc/idp ca.pem",
                      .access_token = "a.b.c",
                      .refresh_token = "r\"1",
                      .ends_unix_s = 1'800'000'000};

} // namespace

TEST_CASE("a login is read as it was written, by its owner alone") {
    const Home home;
    CHECK(read_login(home.directory, login.url).value() == std::nullopt);
    REQUIRE(write_login(home.directory, login));
    struct stat found{};
    REQUIRE(::stat(home.only().c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == 0600);
    REQUIRE(::stat(home.directory.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == 0700);
    const auto read = read_login(home.directory, login.url);
    REQUIRE(read.has_value());
    REQUIRE(read->has_value());
    CHECK((*read)->issuer == login.issuer);
    CHECK((*read)->token_endpoint == login.token_endpoint);
    CHECK((*read)->client_id == login.client_id);
    CHECK((*read)->resource == login.resource);
    CHECK((*read)->issuer_ca == login.issuer_ca);
    CHECK((*read)->access_token == login.access_token);
    CHECK((*read)->refresh_token == login.refresh_token);
    CHECK((*read)->ends_unix_s == login.ends_unix_s);
    KeptLogin next = login;
    next.access_token = "d.e.f";
    REQUIRE(write_login(home.directory, next));
    CHECK(read_login(home.directory, login.url).value()->access_token == "d.e.f");
    CHECK(remove_login(home.directory, login.url).value());
    CHECK_FALSE(remove_login(home.directory, login.url).value());
    CHECK(read_login(home.directory, login.url).value() == std::nullopt);
}

TEST_CASE("a login is that of its URL and of no other, whatever files are called") {
    const Home home;
    REQUIRE(write_login(home.directory, login));
    for (const char* other : {"https://weir.example_7071", "https://weir.example:7072", "http://weir.example:7071", ""})
        CHECK(read_login(home.directory, other).value() == std::nullopt);
}

TEST_CASE("a file that others may read, that is a link or damaged is refused") {
    const Home home;
    REQUIRE(write_login(home.directory, login));
    const auto path = home.only();
    REQUIRE(::chmod(path.c_str(), 0640) == 0);
    CHECK(read_login(home.directory, login.url).error().find("not yours alone") != std::string::npos);
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    std::filesystem::rename(path, path.string() + ".x");
    std::filesystem::create_symlink(path.string() + ".x", path);
    CHECK_FALSE(read_login(home.directory, login.url));
    std::filesystem::remove(path);
    std::filesystem::rename(path.string() + ".x", path);
    for (const char* text : {"", "{", "[]", "no"}) {
        std::ofstream(path, std::ios::trunc) << text;
        const auto read = read_login(home.directory, login.url);
        REQUIRE_FALSE(read);
        CHECK(read.error().find("damaged") != std::string::npos);
    }
    std::ofstream(path, std::ios::trunc) << R"({"url":"https://weir.example:7071"})"; // and no token
    CHECK(read_login(home.directory, login.url).value() == std::nullopt);
}
