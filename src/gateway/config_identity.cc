// gateway/config_identity.cc - issuers by preset and by claim, and what a server asks of those who come.
#include "gateway/config_identity.h"

#include "base/glob.h"
#include "base/nearest.h"
#include "gateway/config_values.h"
#include "identity/presets.h"

#include <algorithm>
#include <array>

namespace weir::gateway {
namespace {

constexpr uint64_t refetch_ns_least = 1 * s_ns, refetch_ns_most = 3600 * s_ns;
constexpr size_t scope_bytes_max = 256;

/// Which keys say where the issuer is.
enum class Named : uint8_t { by_url, by_tenants, by_domains };
struct PresetRow {
    std::string_view name;
    Named named;
};
constexpr auto presets = std::to_array<PresetRow>({{"oidc", Named::by_url},
                                                   {"entra", Named::by_tenants},
                                                   {"entra-v1", Named::by_tenants},
                                                   {"okta", Named::by_url},
                                                   {"google", Named::by_domains},
                                                   {"keycloak", Named::by_url}});

identity::Preset made_of(const PresetRow& preset, const std::string& url, const std::vector<std::string>& named) {
    if (preset.name == "entra") return identity::entra_v2(named);
    if (preset.name == "entra-v1") return identity::entra_v1(named);
    if (preset.name == "google") return identity::google_workspace(named);
    if (preset.name == "okta") return identity::okta(url);
    if (preset.name == "keycloak") return identity::keycloak(url);
    return identity::oidc(url);
}

/// Reads the keys of one [[issuer]].
class IssuerReader {
  public:
    IssuerReader(Section& section, Problems& problems) : section_(section), problems_(problems) {}

    void read(Config& config) {
        IssuerConfig issuer;
        issuer.line = static_cast<uint32_t>(section_.table().source().begin.line);
        if (section_.text("name", issuer.name) && !valid_name(issuer.name))
            note("name", "config_value",
                 fmt::format("`name` must be made of a-z, 0-9, `_` and `-`; \"{}\" is not", issuer.name));
        if (section_.table().get("name") == nullptr)
            missing("`name` is missing in [[issuer]]: servers and the log call it so");
        const bool made = read_preset(issuer.issuer);
        read_overrides(issuer);
        read_claims(issuer.issuer);
        section_.finish();
        if (!made || !fine_) return;
        if (const std::string problem = problem_of(issuer.issuer); !problem.empty())
            return problems_.note(section_.table().source(), "config_value",
                                  fmt::format("issuer \"{}\": {}", issuer.name, problem));
        config.issuers.push_back(std::move(issuer));
    }

  private:
    void note(std::string_view key, std::string_view code, std::string text) {
        problems_.note(section_.table().get(key)->source(), code, std::move(text));
    }
    void missing(std::string text) { problems_.note(section_.table().source(), "config_missing", std::move(text)); }
    std::vector<std::string> list(std::string_view key) {
        std::vector<std::string> all;
        section_.texts(key, true, [&](const std::string& text, const toml::node&) { all.push_back(text); });
        return all;
    }

    /// What the preset says; false: there is nothing to go on with.
    bool read_preset(identity::Issuer& issuer) {
        std::string name = "oidc", url;
        section_.text("preset", name);
        section_.text("url", url);
        const auto tenants = list("tenants"), domains = list("domains");
        const auto preset = std::ranges::find(presets, name, &PresetRow::name);
        if (preset == presets.end()) {
            note("preset", "config_value",
                 fmt::format("`preset` is \"oidc\", \"entra\", \"entra-v1\", \"okta\", \"google\" or \"keycloak\", not "
                             "\"{}\"",
                             name));
            return false;
        }
        const std::pair<std::string_view, Named> keys[] = {
            {"url", Named::by_url}, {"tenants", Named::by_tenants}, {"domains", Named::by_domains}};
        for (const auto& [key, named] : keys) {
            const bool written = section_.table().get(key) != nullptr;
            if (written == (named == preset->named)) continue;
            if (written) note(key, "config_value", fmt::format("`{}` is not for the preset \"{}\"", key, name));
            else missing(fmt::format("`{}` is missing in [[issuer]]: the preset \"{}\" needs it", key, name));
            return false;
        }
        auto made = made_of(*preset, url, preset->named == Named::by_tenants ? tenants : domains);
        if (!made) {
            problems_.note(section_.table().source(), "config_value", std::move(made.error()));
            return false;
        }
        issuer = std::move(*made);
        return true;
    }

    void read_overrides(IssuerConfig& config) {
        identity::Issuer& issuer = config.issuer;
        section_.text("metadata_url", issuer.metadata_url);
        section_.text("keys_url", issuer.keys_url);
        if (section_.table().get("algorithms") != nullptr) issuer.algorithms = {};
        section_.texts("algorithms", true, [&](const std::string& text, const toml::node& node) {
            if (const auto algorithm = crypto::signature_algorithm(text)) return issuer.algorithms.add(*algorithm);
            fine_ = false;
            problems_.note(node.source(), "config_value",
                           fmt::format("\"{}\" is no algorithm that weir verifies: RS256, RS384, RS512, PS256, PS384, "
                                       "PS512, ES256, ES384",
                                       text));
        });
        if (section_.table().get("types") != nullptr) {
            issuer.types.clear();
            for (const std::string& type : list("types")) issuer.types.push_back(lowered(type));
        }
        if (section_.table().get("clients") != nullptr) {
            issuer.clients = list("clients");
            if (issuer.clients.empty()) note("clients", "config_value", "`clients` is empty: leave it out to take any");
        }
        uint64_t leeway_ns = 0;
        if (section_.duration("leeway", 0, identity::Issuer::leeway_s_max * s_ns, leeway_ns))
            issuer.leeway_s = static_cast<uint32_t>(leeway_ns / s_ns);
        section_.duration("refetch_min", refetch_ns_least, refetch_ns_most, config.refetch_ns_min);
        config.audiences = list("audience");
        std::string absent;
        if (section_.text("absent_groups", absent)) {
            if (absent != "none" && absent != "unknown")
                note("absent_groups", "config_value", "`absent_groups` is \"unknown\" or \"none\"");
            issuer.absent_groups_are_none = absent == "none";
        }
    }

    void read_claims(identity::Issuer& issuer) {
        if (auto claims = section_.section("claims")) {
            const std::pair<std::string_view, std::vector<identity::ClaimName>*> rows[] = {
                {"subject", &issuer.subject}, {"client", &issuer.client}, {"display", &issuer.display},
                {"groups", &issuer.groups},   {"scopes", &issuer.scopes}, {"email", &issuer.email}};
            for (const auto& [key, into] : rows) {
                if (claims->table().get(key) != nullptr) into->clear();
                claims->texts(key, true, [&, names = into](const std::string& text, const toml::node& node) {
                    auto name = identity::ClaimName::parse(text);
                    if (name) return names->push_back(std::move(*name));
                    problems_.note(node.source(), "config_value", fmt::format("\"{}\": {}", text, name.error()));
                });
            }
            claims->finish();
        }
        auto required = section_.section("require");
        if (!required) return;
        for (const auto& [key, node] : required->table()) {
            auto name = identity::ClaimName::parse(key.str());
            if (!name) {
                problems_.note(key.source(), "config_value", fmt::format("\"{}\": {}", key.str(), name.error()));
                continue;
            }
            identity::Pin pin{std::move(*name), {}};
            required->texts(key.str(), true,
                            [&](const std::string& value, const toml::node&) { pin.values.push_back(value); });
            std::erase_if(issuer.pins, [&](const identity::Pin& other) { return other.claim.text() == key.str(); });
            issuer.pins.push_back(std::move(pin));
        }
    }

    Section& section_;
    Problems& problems_;
    bool fine_ = true; // a list is as it was written
};

/// RFC 6749, section 3.3: printable ASCII without space, quote and backslash.
bool valid_scope(std::string_view scope) {
    return !scope.empty() && scope.size() <= scope_bytes_max && std::ranges::all_of(scope, [](char octet) {
        return octet > ' ' && octet <= '~' && octet != '"' && octet != '\\';
    });
}

} // namespace

std::vector<std::string> read_scopes(Section& section, std::string_view key, Problems& problems) {
    std::vector<std::string> scopes;
    section.texts(key, true, [&](const std::string& text, const toml::node& node) {
        if (!valid_scope(text))
            return problems.note(node.source(), "config_value", fmt::format("\"{}\" is no name of a scope", text));
        if (std::ranges::find(scopes, text) == scopes.end()) scopes.push_back(text);
    });
    return scopes;
}

std::vector<uint32_t> read_issuer_names(Section& section, Problems& problems, const Config& config) {
    std::vector<uint32_t> issuers;
    section.texts("issuers", true, [&](const std::string& name, const toml::node& node) {
        const auto found = std::ranges::find(config.issuers, name, &IssuerConfig::name);
        if (found != config.issuers.end())
            return issuers.push_back(static_cast<uint32_t>(found - config.issuers.begin()));
        std::vector<std::string_view> names;
        for (const IssuerConfig& issuer : config.issuers) names.push_back(issuer.name);
        const std::string_view meant = nearest(name, names);
        problems.note(node.source(), "config_value",
                      fmt::format("no [[issuer]] is called \"{}\"{}{}{}", name,
                                  meant.empty() ? "" : "; did you mean \"", meant, meant.empty() ? "" : "\"?"));
    });
    if (section.table().get("issuers") == nullptr)
        for (uint32_t i = 0; i < config.issuers.size(); ++i) issuers.push_back(i);
    return issuers;
}

namespace {

/// A table from globs to scopes.
std::vector<ScopeRule> read_scope_rules(Section& server, std::string_view key, Problems& problems) {
    std::vector<ScopeRule> rules;
    auto section = server.section(key);
    if (!section) return rules;
    for (const auto& [glob, node] : section->table()) {
        if (glob.str().empty() || !glob_valid(glob.str()))
            problems.note(glob.source(), "config_value", fmt::format("\"{}\" is no glob", glob.str()));
        rules.push_back({std::string(glob.str()), read_scopes(*section, glob.str(), problems)});
        if (rules.back().scopes.empty() && node.is_array())
            problems.note(node.source(), "config_value", fmt::format("`{}` asks for no scope", glob.str()));
    }
    return rules;
}

} // namespace

void read_issuer(Section& section, Problems& problems, Config& config) { IssuerReader(section, problems).read(config); }

void check_issuers(const Config& config, Problems& problems, const std::vector<toml::source_region>& places) {
    std::vector<identity::Issuer> before;
    for (size_t i = 0; i < config.issuers.size(); ++i) {
        const IssuerConfig& issuer = config.issuers[i];
        const auto where =
            std::ranges::find_if(places, [&](const auto& place) { return place.begin.line == issuer.line; });
        for (size_t j = 0; j < i; ++j)
            if (config.issuers[j].name == issuer.name)
                problems.note(*where, "config_duplicate",
                              fmt::format("issuer \"{}\" is defined twice, first at line {}", issuer.name,
                                          config.issuers[j].line));
        before.push_back(issuer.issuer);
        if (std::string problem = problem_of(before); !problem.empty()) {
            problems.note(*where, "config_duplicate", std::move(problem));
            before.pop_back();
        }
    }
}

void read_access(Section& section, Problems& problems, const Config& config, ServerConfig& server) {
    const auto written = [&](std::string_view key) { return section.table().get(key); };
    section.flag("anonymous", server.anonymous);
    section.flag("api_keys", server.api_keys);
    section.flag("client_certificates", server.client_certificates);
    server.issuers = read_issuer_names(section, problems, config);
    if (server.anonymous && written("issuers") == nullptr) server.issuers.clear();
    section.texts("audience", true,
                  [&](const std::string& text, const toml::node&) { server.audiences.push_back(text); });
    server.scopes = read_scopes(section, "scopes", problems);
    server.method_scopes = read_scope_rules(section, "method_scopes", problems);
    server.tool_scopes = read_scope_rules(section, "tool_scopes", problems);

    if (server.anonymous) {
        for (const std::string_view key :
             {"issuers", "audience", "api_keys", "client_certificates", "scopes", "method_scopes", "tool_scopes"})
            if (const toml::node* node = written(key))
                problems.note(node->source(), "config_value",
                              fmt::format("`{}` and `anonymous = true` contradict each other", key));
        if (!std::ranges::all_of(config.addresses, &ListenAddress::loopback))
            problems.note(written("anonymous")->source(), "config_value",
                          "`anonymous = true` is refused while weir listens beyond loopback: listen on 127.0.0.1 or "
                          "[::1] only, or say who may come");
        if (!config.trusted_proxies.empty())
            problems.note(
                written("anonymous")->source(), "config_value",
                "`anonymous = true` is refused while `trusted_proxies` in [listen] bring clients from elsewhere: "
                "say who may come");
        return;
    }
    if (server.client_certificates && config.tls.clients == net::TlsClients::off)
        problems.note(written("client_certificates")->source(), "config_missing",
                      "`client_certificates = true` needs certificates to be asked for: `client_certificates` in "
                      "[listen.tls], \"optional\" or \"required\"");
    if (server.client_certificates && config.client_address == ClientAddress::x_forwarded_for)
        problems.note(
            written("client_certificates")->source(), "config_value",
            "`client_certificates = true` is refused while `client_address` in [listen] is \"x_forwarded_for\": "
            "the certificates that weir sees are the proxies', not the clients'");
    const toml::node* anonymous = written("anonymous");
    if (server.issuers.empty() && !server.api_keys && !server.client_certificates &&
        (anonymous == nullptr || anonymous->is_boolean()) &&
        (written("issuers") == nullptr || (written("issuers")->is_array() && written("issuers")->as_array()->empty())))
        problems.note(anonymous != nullptr ? anonymous->source() : section.table().source(),
                      anonymous != nullptr ? "config_value" : "config_missing",
                      "nobody may come: define an [[issuer]] of tokens, say `api_keys = true` or `client_certificates "
                      "= true`, or say `anonymous = "
                      "true`, so that anyone on this machine may call it");
    if (const toml::node* node = written("audience"); node != nullptr && server.audiences.empty() && node->is_array())
        problems.note(node->source(), "config_value", "`audience` is empty: no token would be meant for this server");
    if (written("audience") != nullptr) return;
    if (!config.public_url.empty()) server.audiences.push_back(config.public_url + server.path);
    for (const uint32_t issuer : server.issuers)
        if (server.audiences.empty() && config.issuers[issuer].audiences.empty())
            problems.note(
                section.table().source(), "config_missing",
                fmt::format("`audience` is missing in [[server]]: what tokens of \"{}\" that are meant for it "
                            "say in `aud` (`public_url` in [listen] gives it one)",
                            config.issuers[issuer].name));
}

} // namespace weir::gateway
