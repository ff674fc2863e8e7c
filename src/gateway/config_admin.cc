// gateway/config_admin.cc - the admin listener: nobody reaches it over a network unawares, and nobody decides without a token
// that is meant for it.
#include "gateway/config_admin.h"

#include "gateway/config_identity.h"
#include "gateway/config_values.h"

#include <algorithm>

namespace weir::gateway {
namespace {

/// Reads the keys of [admin].
class AdminReader {
  public:
    AdminReader(Section& section, Problems& problems, Config& config)
        : section_(section), problems_(problems), config_(config) {}

    void read() {
        read_address();
        read_tls();
        DecidersConfig& deciders = config_.deciders;
        section_.texts("audience", true,
                       [&](const std::string& text, const toml::node&) { deciders.audiences.push_back(text); });
        if (const toml::node* node = written("audience");
            node != nullptr && (deciders.audiences.empty() || std::ranges::count(deciders.audiences, "") != 0))
            note("audience", "config_value", "`audience` is empty: no token would be meant for the admin listener");
        deciders.issuers = read_issuer_names(section_, problems_, config_);
        deciders.scopes = read_scopes(section_, "scopes", problems_);
        read_hosts();
        read_login();
        section_.finish();
        check();
    }

  private:
    const toml::node* written(std::string_view key) const { return section_.table().get(key); }
    void note(std::string_view key, std::string_view code, std::string text) {
        problems_.note(written(key)->source(), code, std::move(text));
    }

    void read_address() {
        std::string address;
        if (!section_.text("address", address)) return;
        config_.admin = parse_address(address);
        if (!config_.admin)
            return note("address", "config_value",
                        fmt::format("\"{}\" is no address to listen on: write an IP address and a port, as in "
                                    "\"127.0.0.1:7071\"",
                                    address));
        if (std::ranges::any_of(config_.addresses,
                                [&](const ListenAddress& other) { return other.text == config_.admin->text; }))
            note("address", "config_duplicate", fmt::format("\"{}\" is already in `address` of [listen]", address));
    }

    void read_tls() {
        bool without_tls = false;
        section_.flag("tls", config_.admin_tls);
        section_.flag("without_tls", without_tls);
        if (config_.admin_tls && config_.tls.certificates.empty())
            note("tls", "config_missing", "`tls = true` needs a [[certificate]]");
        if (config_.admin_tls && without_tls)
            note("without_tls", "config_value", "`tls = true` and `without_tls = true` contradict each other");
        if (config_.admin && !config_.admin->loopback && !config_.admin_tls && !without_tls)
            note("address", "config_value",
                 fmt::format(
                     "{} is not loopback, and in clear text whatever is said there, tokens too, can be read on its "
                     "way: write `tls = true` in [admin], or `without_tls = true` if TLS ends before weir",
                     config_.admin->text));
    }

    void read_hosts() {
        std::vector<std::string>& hosts = config_.deciders.hosts;
        section_.texts("hosts", false, [&](const std::string& text, const toml::node& node) {
            if (auto host = parse_authority(text)) return hosts.push_back(std::move(*host));
            problems_.note(node.source(), "config_value",
                           fmt::format("\"{}\" is no Host value: write host or host:port as clients send it", text));
        });
        if (written("hosts") != nullptr || !config_.admin || config_.deciders.audiences.empty()) return;
        if (!config_.admin->loopback)
            return note(
                "address", "config_missing",
                fmt::format("`hosts` is missing in [admin]: {} is not loopback, so weir must be told which Host "
                            "values are its own",
                            config_.admin->text));
        for (const char* host : {"127.0.0.1", "localhost", "[::1]"})
            hosts.push_back(fmt::format("{}:{}", host, config_.admin->port));
    }

    void read_login() {
        DecidersConfig& deciders = config_.deciders;
        if (!deciders.issuers.empty()) deciders.login_issuer = deciders.issuers.front();
        auto login = section_.section("login");
        if (!login) return set_login_scopes();
        if (login->text("client_id", deciders.login_client) && deciders.login_client.empty())
            problems_.note(login->table().get("client_id")->source(), "config_value", "`client_id` is empty");
        if (login->table().get("client_id") == nullptr)
            problems_.note(login->table().source(), "config_missing",
                           "`client_id` is missing in [admin.login]: what the issuer calls `weir login`");
        if (std::string name; login->text("issuer", name)) {
            const auto found = std::ranges::find_if(
                deciders.issuers, [&](uint32_t index) { return config_.issuers[index].name == name; });
            if (found != deciders.issuers.end()) deciders.login_issuer = *found;
            else
                problems_.note(login->table().get("issuer")->source(), "config_value",
                               fmt::format("\"{}\" is none of the issuers of [admin]", name));
        }
        if (login->table().get("scopes") != nullptr) deciders.login_scopes = read_scopes(*login, "scopes", problems_);
        else set_login_scopes();
        login->finish();
    }

    /// What signing in asks for where nothing is written.
    void set_login_scopes() {
        DecidersConfig& deciders = config_.deciders;
        deciders.login_scopes = {"openid"};
        const bool known = deciders.login_issuer < config_.issuers.size();
        if (!known || config_.issuers[deciders.login_issuer].issuer.offline_scope)
            deciders.login_scopes.emplace_back("offline_access");
        for (const std::string& scope : deciders.scopes)
            if (std::ranges::count(deciders.login_scopes, scope) == 0) deciders.login_scopes.push_back(scope);
    }

    /// What belongs together is there together.
    void check() {
        const DecidersConfig& deciders = config_.deciders;
        if (deciders.audiences.empty()) {
            for (const std::string_view key : {"issuers", "scopes", "hosts", "login"})
                if (written(key) != nullptr)
                    note(key, "config_missing",
                         fmt::format(
                             "`{}` without `audience` in [admin]: say what tokens that decide there have in `aud`",
                             key));
            return;
        }
        if (written("audience") == nullptr) return;
        if (!config_.admin && written("address") == nullptr)
            note("audience", "config_missing", "`audience` without `address` in [admin]: nothing listens");
        if (deciders.issuers.empty() && (written("issuers") == nullptr || written("issuers")->is_array()))
            note("audience", "config_missing",
                 "`audience` in [admin] without an [[issuer]]: nobody's tokens are taken");
    }

    Section& section_;
    Problems& problems_;
    Config& config_;
};

} // namespace

void read_admin(Section& section, Problems& problems, Config& config) { AdminReader(section, problems, config).read(); }

} // namespace weir::gateway
