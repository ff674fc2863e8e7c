// gateway/credentials.cc - from a source to a header field, leaving no copy behind.
#include "gateway/credentials.h"

#include "base/file.h"
#include "crypto/secret.h"
#include "crypto/signing_key.h"

#include <fmt/format.h>
#include <algorithm>
#include <cstdlib>
#include <span>
#include <string_view>

namespace weir::gateway {
namespace {

void forget(std::string& secret) {
    crypto::wipe(std::span(reinterpret_cast<unsigned char*>(secret.data()), secret.size()));
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view white = " \t\r\n";
    const size_t from = text.find_first_not_of(white);
    return from == std::string_view::npos ? std::string_view()
                                          : text.substr(from, text.find_last_not_of(white) - from + 1);
}

std::string source_of(const CredentialConfig& config) {
    return config.file.empty() ? fmt::format("the variable {}", config.env) : fmt::format("the file {}", config.file);
}

} // namespace

std::expected<CredentialField, std::string> credential_field(const CredentialConfig& config, std::string content) {
    const std::string_view value = trimmed(content);
    const bool plain = std::ranges::all_of(value, [](char octet) { return octet >= ' ' && octet <= '~'; });
    std::string problem;
    if (value.empty()) problem = "it is empty";
    else if (value.size() > credential_bytes_max) problem = "it is longer than 16 KiB";
    else if (!plain) problem = "it holds something that no header field can carry";
    CredentialField field;
    if (problem.empty()) {
        auto* line = new std::string;
        line->reserve(config.header.size() + config.prefix.size() + value.size() + 4);
        line->append(config.header).append(": ").append(config.prefix).append(value).append("\r\n");
        field = CredentialField(line, [](std::string* secret) {
            forget(*secret);
            delete secret;
        });
    }
    forget(content);
    if (!field) return std::unexpected(std::move(problem));
    return field;
}

std::expected<std::string, std::string> load_secret(const CredentialConfig& config) {
    if (config.file.empty()) {
        const char* const value = std::getenv(config.env.c_str()); // which nobody changes
        if (value == nullptr) return std::unexpected("it is not set");
        return std::string(value);
    }
    return read_whole_file(config.file, credential_bytes_max);
}

std::string grant_problem(const CredentialConfig& config) {
    if (config.client_auth != identity::ClientAuth::private_key_jwt) {
        const auto field = load_credential(config); // The same rules.
        return field ? std::string() : field.error();
    }
    auto content = load_secret(config);
    std::string problem = content ? std::string() : content.error();
    if (content) {
        if (const auto key = crypto::SigningKey::read(*content); !key) problem = key.error();
        forget(*content);
    }
    return problem.empty() ? problem : fmt::format("the key in {} cannot be used: {}", source_of(config), problem);
}

std::expected<CredentialField, std::string> load_credential(const CredentialConfig& config) {
    const std::string source = source_of(config);
    const auto wrong = [&](std::string_view why) {
        return std::unexpected(fmt::format("the credential in {} cannot be used: {}", source, why));
    };
    auto content = load_secret(config);
    if (!content) return wrong(content.error());
    auto field = credential_field(config, std::move(*content));
    if (!field) return wrong(field.error());
    return field;
}

} // namespace weir::gateway
