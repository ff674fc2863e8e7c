// crypto/hex.h - octets as lower-case hexadecimal. Pure.
#pragma once

#include <string_view>

namespace weir::crypto {

/// Writes twice as many characters as `bytes` has at `out`.
inline void write_hex(std::string_view bytes, char* out) {
    constexpr char digits[] = "0123456789abcdef";
    for (const char byte : bytes) {
        *out++ = digits[static_cast<unsigned char>(byte) >> 4];
        *out++ = digits[static_cast<unsigned char>(byte) & 15];
    }
}

} // namespace weir::crypto
