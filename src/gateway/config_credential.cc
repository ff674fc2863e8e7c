// gateway/config_credential.cc - which header, from which source.
#include "gateway/config_credential.h"

#include "gateway/config_values.h"

#include <algorithm>

namespace weir::gateway {
namespace {

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
