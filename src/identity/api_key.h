// identity/api_key.h - keys that weir issues itself, for clients that can hold a secret and nothing better.
//
// A key is `weir_` and 58 characters: 256 random bits and 32 of a checksum, so that one that was mistyped or cut off is
// told from one that was revoked, and scanners for leaked secrets can be sure. What is kept is its SHA-256: whoever reads
// the file has no key (a random secret of this size needs no slow hash). Every key expires, and is for the servers that it
// names.
//
// The file: one key a line, each an object of JSON with exactly the members of ApiKey, times in RFC 3339 (UTC). Pure; an
// ApiKeys is immutable and shared by all threads.
#pragma once

#include "crypto/sha256.h"
#include "identity/principal.h"
#include "identity/token_error.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::identity {

struct ApiKey {
    static constexpr std::string_view prefix = "weir_";
    static constexpr size_t secret_bytes = 32;
    static constexpr size_t text_bytes = prefix.size() + 58;
    static constexpr std::string_view issuer = "weir:api-key"; // of the principals of keys

    std::string id;                   // `key_` and 16 hexadecimal digits: how it is listed, revoked and recorded
    std::string name;                 // for people
    crypto::Digest digest{};          // of the whole text
    std::vector<std::string> servers; // at least one; "*": all
    std::vector<std::string> scopes, groups;
    uint64_t created_unix_s = 0, expires_unix_s = 0;

    bool operator==(const ApiKey&) const = default;
};

/// The text of the key with this secret, to be shown once.
std::string api_key_text(std::span<const uint8_t, ApiKey::secret_bytes> secret);
/// Whether `text` is the text of any key: form and checksum.
bool is_api_key_text(std::string_view text);
/// The id that a key of this text has.
std::string api_key_id(const crypto::Digest& digest);

/// The line of a file, without its end.
std::string api_key_line(const ApiKey& key);

class ApiKeys {
  public:
    static constexpr size_t keys_max = 10'000, text_bytes_max = 8 << 20;
    struct Problem {
        size_t line; // counted from 1; 0: the whole
        std::string text;
    };

    /// None.
    ApiKeys() = default;
    /// Reads a file. The same id or digest twice, members that are unknown or missing, and names that are not plain are
    /// problems.
    static std::expected<ApiKeys, Problem> parse(std::string_view text);

    /// Who holds the key `text`, at `now_unix_s`, at `server`; and until when.
    ///
    /// Errors: api_key_malformed, api_key_unknown, api_key_expired, api_key_server. In a time that does not depend on how
    /// much of a key is right.
    struct Holder {
        std::shared_ptr<const Principal> principal;
        uint64_t ends_unix_s;
    };
    std::expected<Holder, Refusal> find(std::string_view text, std::string_view server, uint64_t now_unix_s) const;

    const std::vector<ApiKey>& keys() const { return keys_; }

  private:
    std::vector<ApiKey> keys_; // by digest
    std::vector<std::shared_ptr<const Principal>> principals_;
};

} // namespace weir::identity
