// tests/gateway/config_test.cc - what weir.toml may say, and that everything else is refused where it stands.
//
// Tried by a table of (text, line, column, code, part of the message), by the defaults of the smallest file, by every
// key of [limits] at and beyond its bounds, and by every prefix of a full file, none of which may crash.
#include "gateway/config.h"
#include "gateway/config_limits.h"
#include "gateway/config_values.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <type_traits>

using namespace weir;
using namespace weir::gateway;

namespace {

constexpr std::string_view full = R"([listen]
address = ["127.0.0.1:7070", "[::1]:7070"]
hosts   = ["127.0.0.1:7070", "LocalHost:7070"]
origins = ["https://App.Example"]
workers = 2
[state]
dir = "state"
[record]
durability = "strict"
body_bytes_max = "2MiB"
segment_bytes = 1048576
retain_bytes = "1GiB"
retain_days = 30
[policies]
dir = "policies"
[policies.config]
channel = "ops"
ratio = 0.5
count = 7
strict = true
[admin]
address = "127.0.0.1:7071"
[limits]
head_max = "2s"
body_bytes_max = "1MiB"
upstream_silence_max = "20s"
[[server]]
name = "everything"
url  = "http://127.0.0.1:3001/mcp"
default = "allow"
anonymous = true
labels = { env = "dev", area = "shop" }
tags = { write = ["*_delete", "execute*"], read = "list_*" }
forward_headers = ["X-Mcp-Toolsets"]
[[server]]
name = "shop"
url = "http://Shop.Internal"
path = "/shop"
anonymous = true
connect_max = "500ms"
)";

constexpr std::string_view server_start = "[[server]]\nname = \"a\"\nurl = \"http://h/mcp\"\nanonymous = true\n";

std::expected<Config, ConfigProblems> parse(std::string_view text) {
    return parse_config(text, "weir.toml", "/etc/weir");
}

struct Refusal {
    const char* name;
    std::string text;
    uint32_t line, column;
    std::string_view code;
    std::string_view part;
};

std::vector<Refusal> refusals() {
    const std::string server(server_start);
    return {
        {"not TOML", "[listen\n", 1, 8, "config_syntax", ""},
        {"the same key twice", "[state]\ndir = \"a\"\ndir = \"b\"\n", 3, 7, "config_syntax", "dir"},
        {"a table in the singular", "[policy]\n", 1, 2, "config_unknown_key", "did you mean `policies`?"},
        {"unknown table", "[listne]\n", 1, 2, "config_unknown_key", "did you mean `listen`?"},
        {"unknown table, nothing near", "[zebra]\n", 1, 2, "config_unknown_key", "unknown key `zebra`"},
        {"unknown key", "[listen]\n  adress = \"127.0.0.1:1\"\n", 2, 3, "config_unknown_key",
         "did you mean `address`?"},
        {"unknown limit", "[limits]\nhead_byte_max = 1\n", 2, 1, "config_unknown_key",
         "did you mean `head_bytes_max`?"},
        {"unknown key of a server", server + "lables = {}\n", 5, 1, "config_unknown_key", "did you mean `labels`?"},
        {"a number for an address", "[listen]\naddress = 7070\n", 2, 11, "config_type", "must be a string or an array"},
        {"a name for an address", "[listen]\naddress = \"localhost:7070\"\n", 2, 11, "config_value", "no address"},
        {"port 0", "[listen]\naddress = \"127.0.0.1:0\"\n", 2, 11, "config_value", "no address"},
        {"no port", "[listen]\naddress = [\"127.0.0.1:1\", \"::1\"]\n", 2, 27, "config_value", "no address"},
        {"an address twice", "[listen]\naddress = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n", 2, 27, "config_duplicate",
         "twice"},
        {"no addresses", "[listen]\naddress = []\n", 2, 11, "config_value", "nothing to listen on"},
        {"beyond loopback without hosts", "[listen]\naddress = \"0.0.0.0:7070\"\n", 2, 11, "config_missing", "`hosts`"},
        {"no hosts", "[listen]\nhosts = []\n", 2, 9, "config_value", "every request would be refused"},
        {"a URL for a host", "[listen]\nhosts = [\"http://a\"]\n", 2, 10, "config_value", "no Host value"},
        {"a host for an origin", "[listen]\norigins = [\"a.example\"]\n", 2, 12, "config_value", "no Origin value"},
        {"a star for an origin", "[listen]\norigins = [\"*\"]\n", 2, 12, "config_value", "no Origin value"},
        {"an origin with a path", "[listen]\norigins = [\"https://a/b\"]\n", 2, 12, "config_value", "no Origin value"},
        {"too many workers", "[listen]\nworkers = 257\n", 2, 11, "config_value", "from 0 to 256"},
        {"fewer than no workers", "[listen]\nworkers = -1\n", 2, 11, "config_value", "from 0 to 256"},
        {"half a worker", "[listen]\nworkers = 1.5\n", 2, 11, "config_type", "must be an integer"},
        {"listen is no table", "listen = 5\n", 1, 10, "config_type", "must be a table"},
        {"a durability of its own", "[record]\ndurability = \"fast\"\n", 2, 14, "config_value",
         "\"batch\", \"strict\" or \"off\""},
        {"less than two segments", "[record]\nretain_bytes = 1\n", 2, 16, "config_value", "two segments"},
        {"less than two segments for each worker", "[record]\nretain_bytes = \"500MiB\"\n[listen]\nworkers = 4\n", 2,
         16, "config_value", "for each worker"},
        {"a size without sense", "[record]\nsegment_bytes = \"64 megs\"\n", 2, 17, "config_value", "no size"},
        {"a duration without a unit", "[limits]\nhead_max = 5\n", 2, 12, "config_type", "such as \"45s\""},
        {"a duration without sense", "[limits]\nhead_max = \"soon\"\n", 2, 12, "config_value", "no duration"},
        {"a limit below its bound", "[limits]\nbody_bytes_max = 10\n", 2, 18, "config_value",
         "from 1KiB to 64MiB, not 10B"},
        {"a limit above its bound", "[limits]\nhead_max = \"2h\"\n", 2, 12, "config_value", "from 100ms to 1h"},
        {"a policy value that is a list", "[policies.config]\na = [1]\n", 2, 5, "config_type", "a string, a number"},
        {"a policy value beyond a double", "[policies.config]\na = 9007199254740993\n", 2, 5, "config_value", "2^53"},
        {"admin where clients are", "[admin]\naddress = \"127.0.0.1:7070\"\n", 2, 11, "config_duplicate", "already"},
        {"a single bracket", "[server]\nname = \"a\"\n", 1, 1, "config_type", "two brackets"},
        {"no name", "[[server]]\nurl = \"http://h\"\nanonymous = true\n", 1, 1, "config_missing", "`name` is missing"},
        {"no url", "[[server]]\nname = \"a\"\nanonymous = true\n", 1, 1, "config_missing", "`url` is missing"},
        {"a name with a slash", "[[server]]\nname = \"a/b\"\nurl = \"http://h\"\nanonymous = true\n", 2, 8,
         "config_value", "a-z"},
        {"a name in capitals", "[[server]]\nname = \"A\"\nurl = \"http://h\"\nanonymous = true\n", 2, 8, "config_value",
         "a-z"},
        {"a pin of a server without TLS",
         "[[server]]\nname = \"a\"\nurl = \"http://h/mcp\"\nanonymous = true\npin = "
         "\"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"\n",
         5, 7, "config_value", "https://"},
        {"a pin that is none", "[[server]]\nname = \"a\"\nurl = \"https://h/mcp\"\nanonymous = true\npin = \"abc\"\n",
         5, 7, "config_value", "is no pin"},
        {"a certificate without its key", "[[certificate]]\nchain = \"a.pem\"\n", 1, 1, "config_missing",
         "`key` is missing"},
        {"TLS without a certificate", "[listen]\ntls = { min_version = \"1.3\" }\n", 2, 7, "config_missing",
         "needs a [[certificate]]"},
        {"an old version of TLS",
         "[listen]\ntls = { min_version = \"1.1\" }\n[[certificate]]\nchain = \"a\"\nkey = \"b\"\n", 2, 23,
         "config_value", "`min_version`"},
        {"certificates of clients by nobody",
         "[listen]\ntls = { client_certificates = \"required\" }\n[[certificate]]\nchain = \"a\"\nkey = \"b\"\n", 2, 7,
         "config_missing", "`client_ca` is missing"},
        {"plain text beyond loopback", "[listen]\naddress = \"192.0.2.1:80\"\nhosts = [\"h\"]\n", 2, 11, "config_value",
         "without_tls = true"},
        {"an ftp upstream", "[[server]]\nname = \"a\"\nurl = \"ftp://h\"\nanonymous = true\n", 3, 7, "config_value",
         "http://"},
        {"a user in the url", "[[server]]\nname = \"a\"\nurl = \"http://u:p@h\"\nanonymous = true\n", 3, 7,
         "config_value", "user"},
        {"a query in the url", "[[server]]\nname = \"a\"\nurl = \"http://h/?a\"\nanonymous = true\n", 3, 7,
         "config_value", "query"},
        {"a space in the url", "[[server]]\nname = \"a\"\nurl = \"http://h/ b\"\nanonymous = true\n", 3, 7,
         "config_value", "no URL"},
        {"port 70000 in the url", "[[server]]\nname = \"a\"\nurl = \"http://h:70000\"\nanonymous = true\n", 3, 7,
         "config_value", "no URL"},
        {"anonymous left out", "[[server]]\nname = \"a\"\nurl = \"http://h\"\n", 1, 1, "config_missing",
         "nobody may come"},
        {"anonymous refused", "[[server]]\nname = \"a\"\nurl = \"http://h\"\nanonymous = false\n", 4, 13,
         "config_value", "nobody may come"},
        {"anonymous as text", "[[server]]\nname = \"a\"\nurl = \"http://h\"\nanonymous = \"yes\"\n", 4, 13,
         "config_type", "true or false"},
        {"anonymous beyond loopback",
         "[listen]\naddress = \"0.0.0.0:1\"\nhosts = [\"a\"]\nwithout_tls = true\n" + server, 8, 13, "config_value",
         "refused while weir listens beyond loopback"},
        {"a default of its own", server + "default = \"ask\"\n", 5, 11, "config_value", "\"block\" or \"allow\""},
        {"a path without a slash", server + "path = \"mcp\"\n", 5, 8, "config_value", "must begin with `/`"},
        {"a path that climbs", server + "path = \"/a/../b\"\n", 5, 8, "config_value", "`path`"},
        {"a name twice", server + std::string(server_start), 5, 1, "config_duplicate", "first at line 1"},
        {"a path twice", server + "[[server]]\nname = \"b\"\nurl = \"http://h\"\nanonymous = true\npath = \"/mcp/a\"\n",
         5, 1, "config_duplicate", "already that of server \"a\""},
        {"a label that is a number", server + "labels = { a = 1 }\n", 5, 16, "config_type", "must be a string"},
        {"a tag in capitals", server + "tags = { Write = [\"*\"] }\n", 5, 10, "config_value", "tag `Write`"},
        {"a glob left open", server + "tags = { w = [\"[a\"] }\n", 5, 15, "config_value", "no glob"},
        {"forwarding a credential", server + "forward_headers = [\"Authorization\"]\n", 5, 20, "config_value",
         "cannot be listed"},
        {"forwarding weir's own", server + "forward_headers = [\"Mcp-Name\"]\n", 5, 20, "config_value",
         "cannot be listed"},
        {"forwarding no name", server + "forward_headers = [\"a b\"]\n", 5, 20, "config_value",
         "no name of an HTTP header"},
        {"a credential in the file itself", server + "credential = \"s3cret\"\n", 5, 14, "config_type", "a table"},
        {"a credential without a source", server + "credential = { header = \"X-Key\" }\n", 5, 14, "config_missing",
         "`env` or `file` is missing"},
        {"a credential of two sources", server + "credential = { env = \"A\", file = \"b\" }\n", 5, 34, "config_value",
         "one source"},
        {"a credential of no name", server + "credential = { env = \"\" }\n", 5, 14, "config_value", "has a name"},
        {"a credential in weir's own header", server + "credential = { header = \"Mcp-Name\", env = \"A\" }\n", 5, 25,
         "config_value", "no header that can carry"},
        {"a credential that clients could send",
         server + "forward_headers = [\"x-key\"]\ncredential = { header = \"X-Key\", env = \"A\" }\n", 6, 25,
         "config_value", "also in `forward_headers`"},
        {"a client's authentication of another name",
         server +
             "credential = { token_url = \"https://i/t\", client_id = \"c\", client_auth = \"jwt\", env = \"A\" }\n",
         5, 74, "config_value", "private_key_jwt"},
        {"a key's id without a key",
         server + "credential = { token_url = \"https://i/t\", client_id = \"c\", key_id = \"k\", env = \"A\" }\n", 5,
         69, "config_value", "private_key_jwt"},
        {"authorities for a provider without TLS",
         server + "credential = { token_url = \"http://127.0.0.1/t\", client_id = \"c\", ca = \"a\", env = \"A\" }\n",
         5, 72, "config_value", "https"},
        {"a credential with a line's end", server + "credential = { prefix = \"a\\r\\n\", env = \"A\" }\n", 5, 25,
         "config_value", "printable"},
    };
}

/// How many members an aggregate of numbers has: the longest list that initialises it.
struct AnyNumber {
    template <class T>
        requires std::is_unsigned_v<T>
    operator T() const;
};
template <class T, class... Some> constexpr size_t member_count() {
    if constexpr (requires { T{Some{}..., AnyNumber{}}; }) return member_count<T, Some..., AnyNumber>();
    else return sizeof...(Some);
}

} // namespace

TEST_CASE("a refused configuration says where and why") {
    for (const Refusal& refusal : refusals()) {
        INFO(refusal.name << "\n" << refusal.text);
        const auto config = parse(refusal.text);
        REQUIRE(!config);
        const ConfigProblem& first = config.error().front();
        INFO(describe(first));
        CHECK(first.file == "weir.toml");
        CHECK(first.line == refusal.line);
        CHECK(first.column == refusal.column);
        CHECK(first.code == refusal.code);
        CHECK(first.text.find(refusal.part) != std::string::npos);
    }
}

TEST_CASE("all problems of a file are told, in its order") {
    const auto config = parse("[listen]\nworkers = \"two\"\n[limits]\nhead_maxx = \"1s\"\n[[server]]\nname = \"A\"\n");
    REQUIRE(!config);
    std::vector<uint32_t> lines;
    for (const ConfigProblem& problem : config.error()) lines.push_back(problem.line);
    CHECK(lines == std::vector<uint32_t>{2, 4, 5, 5, 6});
    CHECK(describe(config.error()[0]) == "weir.toml:2:11: `workers` must be an integer, not a string (config_type)");
}

TEST_CASE("an empty file is a configuration with the defaults") {
    const auto config = parse("");
    REQUIRE(config);
    REQUIRE(config->addresses.size() == 1);
    CHECK(config->addresses[0].text == "127.0.0.1:7070");
    CHECK(config->addresses[0].loopback);
    CHECK(config->hosts == std::vector<std::string>{"127.0.0.1:7070", "localhost:7070", "[::1]:7070"});
    CHECK(config->origins.empty());
    CHECK(config->workers == 0);
    CHECK(config->state_dir == "/var/lib/weir");
    CHECK(config->record.durability == Durability::batch);
    CHECK(config->policies_dir.empty());
    CHECK(!config->admin);
    CHECK(warnings_of(*config).size() == 1);
}

TEST_CASE("a full file is read into what it says") {
    const auto config = parse(full);
    if (!config) FAIL(describe(config.error().front()));
    CHECK(config->addresses.size() == 2);
    CHECK(config->addresses[1].address.storage.ss_family == AF_INET6);
    CHECK(config->hosts == std::vector<std::string>{"127.0.0.1:7070", "localhost:7070"});
    CHECK(config->origins == std::vector<std::string>{"https://app.example"});
    CHECK(config->workers == 2);
    CHECK(config->state_dir == "/etc/weir/state");
    CHECK(config->record.durability == Durability::strict);
    CHECK(config->record.body_bytes_max == 2 << 20);
    CHECK(config->record.segment_bytes == 1 << 20);
    CHECK(config->record.retain_bytes == 1 << 30);
    CHECK(config->record.retain_days == 30);
    CHECK(config->policies_dir == "/etc/weir/policies");
    REQUIRE(config->policy_values.size() == 4);
    CHECK(std::get<std::string>(config->policy_values[0].value) == "ops");
    CHECK(std::get<double>(config->policy_values[1].value) == 7);
    CHECK(std::get<double>(config->policy_values[2].value) == 0.5);
    CHECK(std::get<bool>(config->policy_values[3].value));
    REQUIRE(config->admin);
    CHECK(config->admin->port == 7071);
    CHECK(config->limits.head_ns_max == 2 * s_ns);
    CHECK(config->limits.body_bytes_max == 1 << 20);
    REQUIRE(config->servers.size() == 2);
    const ServerConfig& first = config->servers[0];
    CHECK(first.name == "everything");
    CHECK(first.path == "/mcp/everything");
    CHECK(first.url.host == "127.0.0.1");
    CHECK(first.url.port == 3001);
    CHECK(first.url.authority == "127.0.0.1:3001");
    CHECK(first.url.target == "/mcp");
    CHECK(first.allow_by_default);
    CHECK(first.labels.size() == 2);
    CHECK(first.labels[0].name == "area");
    REQUIRE(first.tags.size() == 2);
    CHECK(first.tags[0].tag == "read");
    CHECK(first.tags[0].globs == std::vector<std::string>{"list_*"});
    CHECK(first.tags[1].globs.size() == 2);
    CHECK(first.forward_headers == std::vector<std::string>{"x-mcp-toolsets"});
    CHECK(first.silence_ns_max == 20 * s_ns);
    CHECK(first.line == 27);
    const ServerConfig& second = config->servers[1];
    CHECK(second.path == "/shop");
    CHECK(second.url.authority == "shop.internal");
    CHECK(second.url.target == "/");
    CHECK(!second.allow_by_default);
    CHECK(second.connect_ns_max == 500 * ms_ns);
    CHECK(warnings_of(*config).empty());
}

TEST_CASE("no prefix of a file does more than fail") {
    for (size_t length = 0; length <= full.size(); ++length) {
        const auto config = parse(full.substr(0, length));
        CHECK((config.has_value() || !config.error().empty()));
    }
}

TEST_CASE("a file that is not there is a problem of the file") {
    const auto config = load_config("/nonexistent/weir.toml");
    REQUIRE(!config);
    CHECK(config.error().front().code == "config_unreadable");
    CHECK(describe(config.error().front()) ==
          "/nonexistent/weir.toml: cannot be read: No such file or directory (config_unreadable)");
}

TEST_CASE("each limit has one key, and the key its bounds") {
    CHECK(limit_rows().size() == member_count<Limits>());
    for (const LimitRow& row : limit_rows()) {
        INFO(row.key);
        const Limits defaults;
        CHECK(limit_row(row.key) == &row);
        CHECK(row.get(defaults) >= row.least);
        CHECK(row.get(defaults) <= row.most);
        for (const uint64_t value : {row.least, row.most}) {
            const std::string text = limit_text(row.unit, value);
            const std::string quoted = row.unit == LimitUnit::count ? text : "\"" + text + "\"";
            const auto config = parse("[limits]\n" + std::string(row.key) + " = " + quoted + "\n");
            if (!config) FAIL(describe(config.error().front()));
            CHECK(row.get(config->limits) == value);
            Limits changed = config->limits;
            row.set(changed, row.get(defaults));
            for (const LimitRow& other : limit_rows()) CHECK(other.get(changed) == other.get(defaults));
        }
        const std::string beyond = row.unit == LimitUnit::count      ? std::to_string(row.most + 1)
                                   : row.unit == LimitUnit::duration ? "\"" + std::to_string(row.most + 1) + "ns\""
                                                                     : "\"" + std::to_string(row.most + 1) + "B\"";
        CHECK(!parse("[limits]\n" + std::string(row.key) + " = " + beyond + "\n"));
    }
}

TEST_CASE("docs/operating.md has the table of limits as it is") {
    std::ifstream file(WEIR_DOCS "/operating.md");
    REQUIRE(file);
    std::stringstream text;
    text << file.rdbuf();
    const std::string page = text.str();
    for (const LimitRow& row : limit_rows()) {
        const std::string line = "| `" + std::string(row.key) + "` | " + limit_text(row.unit, row.get(Limits{})) +
                                 " | " + std::string(row.answer) + " |\n";
        INFO(line);
        CHECK(page.find(line) != std::string::npos);
    }
}

TEST_CASE("durations and sizes are whole texts with a unit") {
    CHECK(parse_duration("45s") == 45 * s_ns);
    CHECK(parse_duration("50ms") == 50 * ms_ns);
    CHECK(parse_duration("2m") == 120 * s_ns);
    CHECK(parse_duration("200us") == 200'000);
    CHECK(parse_duration("1h") == 3600 * s_ns);
    CHECK(parse_duration("0s") == 0);
    for (const char* text :
         {"", "s", "5", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "5sec", "1m30s", "99999999999d"}) {
        INFO(text);
        CHECK(!parse_duration(text));
    }
    CHECK(parse_size("4MiB") == 4 << 20);
    CHECK(parse_size("512") == 512);
    CHECK(parse_size("2MB") == 2'000'000);
    for (const char* text : {"", "MiB", "4 MiB", "4M", "4mib", "-1", "0x10", "99999999999TiB"}) {
        INFO(text);
        CHECK(!parse_size(text));
    }
    CHECK(limit_text(LimitUnit::bytes, 32 << 10) == "32KiB");
    CHECK(limit_text(LimitUnit::duration, 1800 * s_ns) == "30m");
    CHECK(limit_text(LimitUnit::duration, 75 * s_ns) == "75s");
    CHECK(limit_text(LimitUnit::count, 100) == "100");
}

TEST_CASE("a client of a provider has a secret or a key, and the provider authorities of its own") {
    const auto config = parse(
        "[[server]]\nname = \"a\"\nurl = \"http://h/a\"\nanonymous = true\ncredential = { token_url = "
        "\"https://idp.test/t\", client_id = \"c\", client_auth = \"private_key_jwt\", file = \"key.pem\", key_id = "
        "\"k 1\", assertion_audience = \"https://idp.test\", ca = \"idp.pem\" }\n");
    REQUIRE(config);
    const auto& credential = config->servers[0].credential;
    REQUIRE(credential);
    CHECK(credential->granted());
    CHECK(credential->client_auth == identity::ClientAuth::private_key_jwt);
    CHECK(credential->key_id == "k 1");
    CHECK(credential->assertion_audience == "https://idp.test");
    CHECK(credential->file.ends_with("/key.pem"));
    CHECK(credential->ca.starts_with("/"));
    CHECK(credential->ca.ends_with("/idp.pem"));
}

TEST_CASE("a credential names its source, and is a bearer token unless said") {
    const auto config =
        parse(std::string(server_start) +
              "credential = { file = \"keys/a\" }\n[[server]]\nname = \"b\"\nurl = "
              "\"http://h/b\"\nanonymous = true\ncredential = { header = \"X-Api-Key\", env = \"B_KEY\" }\n");
    REQUIRE(config);
    const auto& first = config->servers[0].credential;
    REQUIRE(first);
    CHECK(first->header == "Authorization");
    CHECK(first->prefix == "Bearer ");
    CHECK(first->file == "/etc/weir/keys/a");
    const auto& second = config->servers[1].credential;
    REQUIRE(second);
    CHECK(second->header == "X-Api-Key");
    CHECK(second->prefix.empty());
    CHECK(second->env == "B_KEY");
    // Beyond this machine it would be readable on its way.
    CHECK(std::ranges::count_if(warnings_of(*config), [](const ConfigProblem& warning) {
              return warning.text.find("in clear text") != std::string::npos;
          }) == 2);
}
