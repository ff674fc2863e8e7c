// cli/token.cc - `weir token`: API keys for clients that can hold a secret and nothing better: made, listed, revoked.
//
// The file of keys (identity/api_key.h) is written whole under a name of its own and then takes the old one's place, under
// a lock, so that a running weir, which looks at it every second, never sees half of it. The secret is printed once.
#include "base/file.h"
#include "cli/commands.h"
#include "cli/config_option.h"
#include "cli/output.h"
#include "crypto/secret.h"
#include "gateway/config_values.h"
#include "gateway/state_dir.h"
#include "identity/api_key.h"
#include "json/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace weir::cli {
namespace {

using identity::ApiKey;
using identity::ApiKeys;

constexpr uint64_t day_s = 86'400, life_s_max = 3650 * day_s;

struct Options {
    std::string config, name, id, expires = "90d";
    std::vector<std::string> servers, scopes, groups;
    bool json = false;
};

uint64_t unix_now_s() { return static_cast<uint64_t>(::time(nullptr)); }

std::string utc(uint64_t unix_s) {
    const auto seconds = static_cast<time_t>(unix_s);
    tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    return {text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// The file of keys, locked against others who would write it.
class KeyFile {
  public:
    explicit KeyFile(std::string path) : path_(std::move(path)) {}
    ~KeyFile() {
        if (lock_ >= 0) ::close(lock_);
    }
    KeyFile(const KeyFile&) = delete;
    KeyFile& operator=(const KeyFile&) = delete;

    /// What is there now. A sentence says why it cannot be had.
    std::expected<std::vector<ApiKey>, std::string> read() {
        const std::string directory = path_.substr(0, path_.rfind('/'));
        ::mkdir(directory.substr(0, directory.rfind('/')).c_str(), 0700);
        ::mkdir(directory.c_str(), 0700);
        lock_ = ::open((path_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (lock_ < 0 || ::flock(lock_, LOCK_EX) != 0) return failed(path_ + ".lock");
        if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT) return std::vector<ApiKey>();
        const auto text = read_whole_file(path_, ApiKeys::text_bytes_max);
        if (!text) return std::unexpected(path_ + ": " + text.error());
        auto keys = ApiKeys::parse(*text);
        if (!keys) return std::unexpected(fmt::format("{}:{}: {}", path_, keys.error().line, keys.error().text));
        auto list = keys->keys(); // by digest; people read them by age
        std::ranges::sort(list, {}, [](const ApiKey& key) { return std::pair(key.created_unix_s, key.name); });
        return list;
    }
    /// Puts `keys` in its place; empty, or what went wrong.
    std::string write(const std::vector<ApiKey>& keys) const {
        std::string text;
        for (const ApiKey& key : keys) text += api_key_line(key) + "\n";
        const std::string fresh = path_ + ".new";
        const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        bool good = fd >= 0;
        for (size_t at = 0; good && at < text.size();) {
            const ssize_t done = ::write(fd, text.data() + at, text.size() - at);
            good = done > 0;
            if (good) at += static_cast<size_t>(done);
        }
        good = good && ::fsync(fd) == 0 && ::rename(fresh.c_str(), path_.c_str()) == 0;
        const int error = errno;
        if (fd >= 0) ::close(fd);
        return good ? std::string() : fmt::format("{}: {}", fresh, std::strerror(error));
    }

  private:
    static std::unexpected<std::string> failed(const std::string& path) {
        return std::unexpected(path + ": " + std::strerror(errno));
    }
    std::string path_;
    int lock_ = -1;
};

Exit create(const Options& options) {
    const auto config = load_or_complain(options.config);
    if (!config) return Exit::invalid_config;
    const auto life_ns = gateway::parse_duration(options.expires);
    if (!life_ns || *life_ns < s_ns || *life_ns > life_s_max * s_ns) {
        complain("--expires takes a duration such as 12h or 90d, up to 3650d");
        return Exit::usage;
    }
    for (const std::string& name : options.servers) {
        const auto server = std::ranges::find(config->servers, name, &gateway::ServerConfig::name);
        if (name != "*" && server == config->servers.end()) {
            complain("no server is called " + printable(name));
            return Exit::not_found;
        }
        if (name != "*" && !server->api_keys) {
            complain(fmt::format("server {} does not take API keys: say `api_keys = true` in its [[server]]", name));
            return Exit::usage;
        }
    }
    KeyFile file(gateway::api_keys_path(config->state_dir));
    auto keys = file.read();
    if (!keys) {
        complain(keys.error());
        return Exit::failed;
    }
    std::array<uint8_t, ApiKey::secret_bytes> secret{};
    if (!crypto::fill_random(secret)) {
        complain("the kernel gives no random octets");
        return Exit::failed;
    }
    const std::string text = identity::api_key_text(secret);
    const crypto::Digest digest = crypto::Sha256::of(text);
    const ApiKey key{.id = identity::api_key_id(digest),
                     .name = options.name,
                     .digest = digest,
                     .servers = options.servers,
                     .scopes = options.scopes,
                     .groups = options.groups,
                     .created_unix_s = unix_now_s(),
                     .expires_unix_s = unix_now_s() + *life_ns / s_ns};
    keys->push_back(key);
    std::string lines;
    for (const ApiKey& one : *keys) lines += api_key_line(one) + "\n";
    if (const auto checked = ApiKeys::parse(lines); !checked) { // What a running weir would refuse is not written.
        complain(checked.error().text);
        return Exit::usage;
    }
    if (const std::string problem = file.write(*keys); !problem.empty()) {
        complain(problem);
        return Exit::failed;
    }
    if (options.json) {
        json::Text out;
        out.begin_object().name("id").string(key.id).name("key").string(text);
        print(out.name("expires").string(utc(key.expires_unix_s)).end_object().text() + "\n");
        return Exit::ok;
    }
    say(fmt::format("{} until {}; the key is shown this once:", key.id, utc(key.expires_unix_s)));
    print(text + "\n");
    return Exit::ok;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : " ") + printable(text);
    return all;
}

Exit list(const Options& options) {
    const auto config = load_or_complain(options.config);
    if (!config) return Exit::invalid_config;
    KeyFile file(gateway::api_keys_path(config->state_dir));
    const auto keys = file.read();
    if (!keys) {
        complain(keys.error());
        return Exit::failed;
    }
    const uint64_t now_s = unix_now_s();
    if (options.json) {
        json::Text out;
        out.begin_object().name("keys").begin_array();
        for (const ApiKey& key : *keys) {
            out.begin_object().name("id").string(key.id).name("name").string(key.name).name("servers").begin_array();
            for (const auto& server : key.servers) out.string(server);
            out.end_array().name("scopes").begin_array();
            for (const auto& scope : key.scopes) out.string(scope);
            out.end_array().name("groups").begin_array();
            for (const auto& group : key.groups) out.string(group);
            out.end_array()
                .name("created")
                .string(utc(key.created_unix_s))
                .name("expires")
                .string(utc(key.expires_unix_s));
            out.end_object();
        }
        print(out.end_array().end_object().text() + "\n");
        return Exit::ok;
    }
    if (keys->empty()) say("there are no keys");
    Table table({"key", "name", "servers", "scopes", "groups", "expires"});
    for (const ApiKey& key : *keys)
        table.row({{key.id, Tone::plain},
                   {key.name, Tone::plain},
                   {joined(key.servers), Tone::plain},
                   {joined(key.scopes), Tone::plain},
                   {joined(key.groups), Tone::plain},
                   {utc(key.expires_unix_s), key.expires_unix_s <= now_s ? Tone::bad : Tone::faint}});
    if (!keys->empty()) print(table.text(out_surface()));
    return Exit::ok;
}

Exit revoke(const Options& options) {
    const auto config = load_or_complain(options.config);
    if (!config) return Exit::invalid_config;
    KeyFile file(gateway::api_keys_path(config->state_dir));
    auto keys = file.read();
    if (!keys) {
        complain(keys.error());
        return Exit::failed;
    }
    const size_t before = keys->size();
    std::erase_if(*keys, [&](const ApiKey& key) { return key.id == options.id; });
    if (keys->size() == before) {
        complain("no key is called " + printable(options.id));
        return Exit::not_found;
    }
    if (const std::string problem = file.write(*keys); !problem.empty()) {
        complain(problem);
        return Exit::failed;
    }
    say(options.id + " is revoked; a running weir sees it within a second");
    return Exit::ok;
}

} // namespace

void add_token(CLI::App& app, Exit& exit) {
    CLI::App* token = app.add_subcommand("token", "API keys: make, list and revoke them");
    token->require_subcommand(1);
    const auto options = std::make_shared<Options>();
    CLI::App* made = token->add_subcommand("create", "Make a key; it is printed once");
    add_config_option(*made, options->config);
    made->add_option("NAME", options->name, "What it is for, for people")->required();
    made->add_option("--server", options->servers, "Which server it is for; * for all")->required();
    made->add_option("--scope", options->scopes, "What it may be used for");
    made->add_option("--group", options->groups, "A group that it is in, for policies");
    made->add_option("--expires", options->expires, "How long it is good: 12h, 90d")->capture_default_str();
    made->add_flag("--json", options->json, "One JSON object");
    made->callback([options, &exit] { exit = create(*options); });
    CLI::App* listed = token->add_subcommand("list", "All keys, without their secrets");
    add_config_option(*listed, options->config);
    listed->add_flag("--json", options->json, "One JSON object");
    listed->callback([options, &exit] { exit = list(*options); });
    CLI::App* revoked = token->add_subcommand("revoke", "End a key");
    add_config_option(*revoked, options->config);
    revoked->add_option("KEY", options->id, "Its id: key_...")->required();
    revoked->callback([options, &exit] { exit = revoke(*options); });
}

} // namespace weir::cli
