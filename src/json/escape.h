// json/escape.h - the escapes of JSON strings (RFC 8259, section 7), decoded and written.
//
// Decoding works on strings that the scan has accepted: every escape is whole and surrogates come in pairs. Writing
// is minimal: the quote, the backslash and the controls below U+0020 are escaped, everything else stands for itself.
// Pure; nothing is kept.
#pragma once

#include "base/bytes.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::json {

/// The value of the four hexadecimal digits at `digits`, or a number above 0xffff if one of them is none.
uint32_t four_hex_digits(const char* digits);

/// Decodes one scanned string's `undecoded` text into `to`, which has room for undecoded.size() octets (the decoded
/// form is never longer). Returns how many octets were written.
size_t decode(std::string_view undecoded, char* to);

/// Whether `undecoded` decodes to exactly `text`.
bool decodes_to(std::string_view undecoded, std::string_view text);

/// How many octets `write_escaped` may write for `size` octets.
constexpr size_t escaped_bytes_max(size_t size) { return size * 6; }

/// Writes `utf8` with minimal escapes, without quotes. Returns the place after the last octet written.
char* write_escaped(std::string_view utf8, char* to);

/// Writes the scanned string `undecoded` with minimal escapes in place of its own, without quotes: never more octets
/// than it has. Returns the place after the last octet written.
char* write_minimal(std::string_view undecoded, char* to);

/// Appends `utf8`, which must be valid (json/utf8.h), as a JSON string: quotes and minimal escapes.
void quote(std::string_view utf8, PaddedBytes& out);

} // namespace weir::json
