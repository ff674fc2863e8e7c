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

/// Without padding. Leaves in the last character's unused bits zeros.
char* encode(std::string_view octets, std::string_view alphabet, char* to) {
    uint32_t bits = 0;
    unsigned held = 0;
    for (const char octet : octets) {
        bits = bits << 8 | static_cast<unsigned char>(octet);
        for (held += 8; held >= 6;) *to++ = alphabet[bits >> (held -= 6) & 63];
    }
    if (held != 0) *to++ = alphabet[bits << (6 - held) & 63];
    return to;
}

/// Without padding.
Result<size_t> decode(std::string_view text, const Digits& digits, char* to) {
    if (text.size() % 4 == 1) return fail(Error::invalid);
    char* const first = to;
    uint32_t bits = 0;
    unsigned held = 0;
    for (const char character : text) {
        const uint8_t digit = digits[static_cast<unsigned char>(character)];
        if (digit == no_digit) return fail(Error::invalid);
        bits = bits << 6 | digit;
        held += 6;
        if (held >= 8) *to++ = static_cast<char>(bits >> (held -= 8));
    }
    if ((bits & ((1U << held) - 1)) != 0) return fail(Error::invalid);
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
