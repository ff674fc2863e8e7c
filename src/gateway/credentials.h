// gateway/credentials.h - what weir shows servers so that they let it in; clients never see it.
//
// A credential comes from a variable of the environment or a file, and becomes one whole header field. It is in no log,
// record, error or page: texts about it name its source, never what it holds. Loading reads files; the rest is pure.
#pragma once

#include "gateway/config.h"

#include <expected>
#include <memory>
#include <string>

namespace weir::gateway {

inline constexpr size_t credential_bytes_max = 16 << 10;

/// "Authorization: Bearer …" with its CRLF; overwritten when nobody holds it any more. Null: none.
using CredentialField = std::shared_ptr<const std::string>;

/// The field that `content` makes; white space around it is not part of it. Or why it makes none.
std::expected<CredentialField, std::string> credential_field(const CredentialConfig& config, std::string content);

/// What the source of `config` holds now. Or why it holds nothing that can be used.
std::expected<std::string, std::string> load_secret(const CredentialConfig& config);

/// What is wrong with what the source of `config`, a client's of a provider, holds now; empty: nothing.
std::string grant_problem(const CredentialConfig& config);

/// The field that the source of `config` makes now. Or what is wrong with it.
std::expected<CredentialField, std::string> load_credential(const CredentialConfig& config);

} // namespace weir::gateway
