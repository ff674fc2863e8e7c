// crypto/base64.cc - six bits a character, both ways.
#include "crypto/base64.h"

#include <array>
#include <cstdint>

namespace weir::crypto {
namespace {

constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view standard_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr uint8_t no_digit = 0x80;
using Digits = std::array<uint8_t, 256>;

constexpr Digits digits_of(std::string_view alphabet) {
    Digits digits{};
    digits.fill(no_digit);
    for (size_t i = 0; i < alphabet.size(); ++i)
        digits[static_cast<unsigned char>(alphabet[i])] = static_cast<uint8_t>(i);
    return digits;
}
constexpr Digits url_digits = digits_of(url_alphabet), standard_digits = digits_of(standard_alphabet);

uint32_t octet_at(const char* at) { return static_cast<unsigned char>(*at); }

/// Without padding. What is unused of the last character's bits is zero.
char* encode(std::string_view octets, std::string_view alphabet, char* to) {
    const char* at = octets.data();
    const char* const end = at + octets.size();
    for (; end - at >= 3; at += 3, to += 4) {
        const uint32_t bits = octet_at(at) << 16 | octet_at(at + 1) << 8 | octet_at(at + 2);
        to[0] = alphabet[bits >> 18];
        to[1] = alphabet[bits >> 12 & 63];
        to[2] = alphabet[bits >> 6 & 63];
        to[3] = alphabet[bits & 63];
    }
    if (at == end) return to;
    const bool two = end - at == 2;
    const uint32_t bits = octet_at(at) << 16 | (two ? octet_at(at + 1) << 8 : 0);
    *to++ = alphabet[bits >> 18];
    *to++ = alphabet[bits >> 12 & 63];
    if (two) *to++ = alphabet[bits >> 6 & 63];
    return to;
}

/// Without padding.
Result<size_t> decode(std::string_view text, const Digits& digits, char* to) {
    char* const first = to;
    const char* at = text.data();
    const char* const end = at + text.size();
    const auto digit = [&digits](const char* of) { return uint32_t{digits[octet_at(of)]}; };
    uint32_t seen = 0; // all digits, or'ed: no_digit shows
    for (; end - at >= 4; at += 4, to += 3) {
        const uint32_t a = digit(at), b = digit(at + 1), c = digit(at + 2), d = digit(at + 3);
        seen |= a | b | c | d;
        const uint32_t bits = a << 18 | b << 12 | c << 6 | d;
        to[0] = static_cast<char>(bits >> 16);
        to[1] = static_cast<char>(bits >> 8);
        to[2] = static_cast<char>(bits);
    }
    const auto left = end - at;
    if (left == 1) return fail(Error::invalid);
    if (left != 0) {
        const uint32_t a = digit(at), b = digit(at + 1), c = left == 3 ? digit(at + 2) : 0;
        seen |= a | b | c;
        const uint32_t bits = a << 18 | b << 12 | c << 6;
        *to++ = static_cast<char>(bits >> 16);
        if (left == 3) *to++ = static_cast<char>(bits >> 8);
        if ((bits & (left == 3 ? 0xffU : 0xffffU)) != 0) return fail(Error::invalid);
    }
    if ((seen & no_digit) != 0) return fail(Error::invalid);
    return static_cast<size_t>(to - first);
}

} // namespace

char* encode_base64url(std::string_view octets, char* to) { return encode(octets, url_alphabet, to); }

char* encode_base64(std::string_view octets, char* to) {
    to = encode(octets, standard_alphabet, to);
    for (size_t rest = octets.size() % 3; rest != 0 && rest < 3; ++rest) *to++ = '=';
    return to;
}

Result<size_t> decode_base64url(std::string_view text, char* to) { return decode(text, url_digits, to); }

Result<size_t> decode_base64(std::string_view text, char* to) {
    if (text.size() % 4 != 0) return fail(Error::invalid);
    if (text.ends_with("==")) text.remove_suffix(2);
    else if (text.ends_with('=')) text.remove_suffix(1);
    return decode(text, standard_digits, to);
}

} // namespace weir::crypto
