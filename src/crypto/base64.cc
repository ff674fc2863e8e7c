// crypto/base64.cc - three octets to four characters and back.
#include "crypto/base64.h"

#include <array>

namespace weir::crypto {
namespace {

constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view standard_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t no_digit = 64;

constexpr std::array<uint8_t, 256> values_of(std::string_view alphabet) {
    std::array<uint8_t, 256> values{};
    for (auto& value : values) value = no_digit;
    for (size_t i = 0; i < alphabet.size(); ++i) values[static_cast<unsigned char>(alphabet[i])] = static_cast<uint8_t>(i);
    return values;
}
constexpr auto url_values = values_of(url_alphabet);
constexpr auto standard_values = values_of(standard_alphabet);

void encode(std::string_view bytes, std::string_view alphabet, PaddedBytes& out) {
    size_t at = 0;
    for (; at < bytes.size(); at += 3) {
        const size_t left = bytes.size() - at;
        const auto octet = [&](size_t i) { return i < left ? static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) : 0U; };
        const uint32_t word = octet(0) << 16 | octet(1) << 8 | octet(2);
        out.append(alphabet[word >> 18]);
        out.append(alphabet[word >> 12 & 63]);
        if (left > 1) out.append(alphabet[word >> 6 & 63]);
        if (left > 2) out.append(alphabet[word & 63]);
    }
}

Result<void> decode(std::string_view text, const std::array<uint8_t, 256>& values, PaddedBytes& out) {
    if (text.size() % 4 == 1) return fail(Error::invalid);
    const size_t before = out.size();
    uint32_t word = 0;
    unsigned bits = 0;
    for (const char c : text) {
        const uint8_t value = values[static_cast<unsigned char>(c)];
        if (value == no_digit) {
            out.resize_down(before);
            return fail(Error::invalid);
        }
        word = word << 6 | value;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out.append(static_cast<char>(word >> bits & 255));
    }
    if ((word & ((1U << bits) - 1)) == 0) return {};
    out.resize_down(before); // The last digit has bits that nothing stands for: a second spelling of the same octets.
    return fail(Error::invalid);
}

} // namespace

void base64url_encode(std::string_view bytes, PaddedBytes& out) { encode(bytes, url_alphabet, out); }
Result<void> base64url_decode(std::string_view text, PaddedBytes& out) { return decode(text, url_values, out); }

void base64_encode(std::string_view bytes, PaddedBytes& out) {
    encode(bytes, standard_alphabet, out);
    for (size_t i = bytes.size() % 3; i != 0 && i < 3; ++i) out.append('=');
}

Result<void> base64_decode(std::string_view text, PaddedBytes& out) {
    if (text.size() % 4 != 0) return fail(Error::invalid);
    size_t digits = text.size();
    while (digits != 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
    return decode(text.substr(0, digits), standard_values, out);
}

} // namespace weir::crypto
