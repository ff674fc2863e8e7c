// gateway/config_credential.cc - which header, from which source.
#include "gateway/config_credential.h"

#include "gateway/config_values.h"
#include "identity/issuer.h"

#include <algorithm>

namespace weir::gateway {
namespace {

/// `token_url` and what belongs to it.
void read_grant(Section& section, Problems& problems, const std::string& directory, CredentialConfig& credential) {
    const toml::table& table = section.table();
    if (section.text("token_url", credential.token_url) && !identity::may_fetch(credential.token_url))
        problems.note(table.get("token_url")->source(), "config_value",
                      fmt::format("\"{}\" is no URL that weir shows a secret: https (http on loopback), no user",
                                  credential.token_url));
    section.text("client_id", credential.client_id);
    section.text("resource", credential.resource);
    section.text("audience", credential.audience);
    section.texts("scopes", true, [&](const std::string& scope, const toml::node& node) {
        const bool plain = !scope.empty() && std::ranges::all_of(scope, [](char octet) {
            return octet > ' ' && octet <= '~' && octet != '"' && octet != '\\';
        });
        if (!plain) return problems.note(node.source(), "config_value", fmt::format("\"{}\" is no scope", scope));
        if (!credential.scope.empty()) credential.scope += ' ';
        credential.scope += scope;
    });
    std::string manner = "basic";
    if (section.text("client_auth", manner)) {
        if (manner == "post") credential.client_auth = identity::ClientAuth::post;
        else if (manner == "private_key_jwt") credential.client_auth = identity::ClientAuth::private_key_jwt;
        else if (manner != "basic")
            problems.note(table.get("client_auth")->source(), "config_value",
                          "`client_auth` must be \"basic\" or \"post\", how the client's secret is sent, or "
                          "\"private_key_jwt\"");
    }
    section.text("key_id", credential.key_id);
    section.text("assertion_audience", credential.assertion_audience);
    if (credential.client_auth != identity::ClientAuth::private_key_jwt)
        for (const char* key : {"key_id", "assertion_audience"})
            if (const toml::node* written = table.get(key))
                problems.note(written->source(), "config_value",
                              fmt::format("`{}` is for `client_auth = \"private_key_jwt\"`", key));
    if (section.text("ca", credential.ca)) {
        if (credential.ca.empty() || !credential.token_url.starts_with("https://"))
            problems.note(table.get("ca")->source(), "config_value",
                          "`ca` is a file of authorities for an https `token_url`");
        else credential.ca = absolute_path(credential.ca, directory);
    }
    if (table.get("token_url") != nullptr) {
        if (credential.client_id.empty())
            problems.note(table.source(), "config_missing",
                          "`client_id` is missing in `credential`: whom weir is to the provider at `token_url`");
        return;
    }
    for (const char* key : {"client_id", "client_auth", "scopes", "resource", "audience", "ca"})
        if (const toml::node* written = table.get(key))
            problems.note(written->source(), "config_missing",
                          fmt::format("`{}` needs `token_url`: where the provider gives tokens", key));
}

/// A header that may carry a credential: any that weir does not write itself.
bool carries(const std::string& name) {
    return valid_field_name(name) && (name == "authorization" || name == "cookie" || !field_is_weirs(name));
}

} // namespace

void read_credential(Section& server, Problems& problems, const std::string& directory, ServerConfig& config) {
    auto section = server.section("credential");
    if (!section) return;
    const toml::table& table = section->table();
    CredentialConfig credential;
    if (section->text("header", credential.header)) {
        const std::string name = lowered(credential.header);
        if (!carries(name)) {
            problems.note(table.get("header")->source(), "config_value",
                          fmt::format("\"{}\" is no header that can carry a credential", credential.header));
        } else if (std::ranges::find(config.forward_headers, name) != config.forward_headers.end()) {
            problems.note(
                table.get("header")->source(), "config_value",
                fmt::format("\"{}\" is also in `forward_headers`: clients could send their own", credential.header));
        }
    }
    credential.prefix = lowered(credential.header) == "authorization" ? "Bearer " : "";
    if (section->text("prefix", credential.prefix) &&
        !std::ranges::all_of(credential.prefix, [](char octet) { return octet >= ' ' && octet <= '~'; }))
        problems.note(table.get("prefix")->source(), "config_value", "`prefix` is made of printable ASCII characters");
    read_grant(*section, problems, directory, credential);
    const bool env = section->text("env", credential.env), file = section->text("file", credential.file);
    if (table.get("env") != nullptr && table.get("file") != nullptr) {
        problems.note(table.get("file")->source(), "config_value", "a credential has one source: `env` or `file`");
    } else if (table.get("env") == nullptr && table.get("file") == nullptr) {
        problems.note(table.source(), "config_missing",
                      "`env` or `file` is missing in `credential`: the secret itself is never in this file");
    } else if ((env && credential.env.empty()) || (file && credential.file.empty())) {
        problems.note(table.source(), "config_value", "the source of a credential has a name");
    }
    if (!credential.file.empty()) credential.file = absolute_path(credential.file, directory);
    section->finish();
    config.credential = std::move(credential);
}

} // namespace weir::gateway
