// crypto/base64.h - base64 (RFC 4648), both alphabets, strict: one encoding for each text and nothing else decodes.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

#include <string_view>

namespace weir::crypto {

/// Appends base64url without padding (RFC 4648 section 5).
void base64url_encode(std::string_view bytes, PaddedBytes& out);
/// Appends what `text` encodes. invalid: another alphabet, padding, or bits that an encoder would have left zero.
Result<void> base64url_decode(std::string_view text, PaddedBytes& out);
/// The same for the standard alphabet with padding (RFC 4648 section 4).
void base64_encode(std::string_view bytes, PaddedBytes& out);
Result<void> base64_decode(std::string_view text, PaddedBytes& out);

} // namespace weir::crypto
