// crypto/base64.h - base64 (RFC 4648): the URL alphabet without padding, and the standard one with it.
//
// Decoding is strict and canonical: no white space, no other alphabet, padding exactly where the variant has it, and the
// bits behind the last octet zero - so that two different texts never decode to the same octets. Pure.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <string_view>

namespace weir::crypto {

/// How many characters `octets` octets become.
constexpr size_t base64url_size(size_t octets) { return (octets * 8 + 5) / 6; }
constexpr size_t base64_size(size_t octets) { return (octets + 2) / 3 * 4; }
/// How many octets `characters` characters become at most.
constexpr size_t base64_decoded_max(size_t characters) { return characters / 4 * 3 + 2; }

/// Writes `octets` in the URL alphabet, without padding. Returns the place after the last character.
char* encode_base64url(std::string_view octets, char* to);
/// Writes `octets` in the standard alphabet, padded. Returns the place after the last character.
char* encode_base64(std::string_view octets, char* to);

/// Decodes into `to`, which has room for base64_decoded_max(text.size()) octets and may be where `text` lies. Returns how
/// many octets it wrote. Errors: invalid, when `text` is not what encoding anything would give.
Result<size_t> decode_base64url(std::string_view text, char* to);
Result<size_t> decode_base64(std::string_view text, char* to);

} // namespace weir::crypto
