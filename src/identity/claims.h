// identity/claims.h - the claims of a token beyond its life, and the names by which an issuer's configuration calls them.
//
// Claims is an owned copy of a scanned JSON object: its text and its nodes, so that nothing is decoded before it is asked
// for. Bounded by the size of a token (Jws::token_bytes_max).
// Pure; immutable.
#pragma once

#include "base/workspace.h"
#include "json/document.h"

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::identity {

class Claims {
  public:
    Claims() = default;
    /// A copy of `document`, which is an object.
    explicit Claims(const json::Document& document);

    /// The object, or nothing if there are no claims. Valid as long as this.
    json::Value root() const { return kept_ ? json::Value::root(kept_->document) : json::Value(); }
    size_t bytes() const;

  private:
    struct Kept {
        std::string text;
        std::vector<json::Node> nodes;
        json::Document document;
    };
    std::shared_ptr<const Kept> kept_;
};

/// Where a claim stands. `groups` is a claim of that exact name, dots and slashes within it included
/// (`https://acme.example/groups`); what begins with a slash is a pointer into nested claims (RFC 6901):
/// `/realm_access/roles`.
class ClaimName {
  public:
    static constexpr size_t steps_max = 8, text_bytes_max = 256;

    /// Reads one. A sentence says what is wrong.
    static std::expected<ClaimName, std::string> parse(std::string_view text);

    /// The claim, or nothing. Steps through objects only.
    json::Value in(json::Value claims) const;
    const std::string& text() const { return text_; }
    const std::string& first() const { return steps_.front(); } // the top-level claim that it is, or is part of

  private:
    std::string text_;
    std::vector<std::string> steps_;
};

/// Whether `text` is fit to name somebody: not empty, no control characters (C0, DEL, C1), at most `bytes_max` octets.
bool is_plain_name(std::string_view text, size_t bytes_max = 512);

} // namespace weir::identity
