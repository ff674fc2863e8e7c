// crypto/hex.h - octets as hexadecimal digits, two lower-case ones each. Pure.
#pragma once

#include <string_view>

namespace weir::crypto {

/// Writes the 2 * bytes.size() digits of `bytes` to `to`. Returns the place after the last one.
inline char* write_hex(std::string_view bytes, char* to) {
    constexpr char digits[] = "0123456789abcdef";
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        *to++ = digits[value >> 4];
        *to++ = digits[value & 15];
    }
    return to;
}

} // namespace weir::crypto
