// json/escape.cc - decoding and writing string escapes.
#include "json/escape.h"

#include "json/sweep.h"

#include <array>
#include <bit>
#include <cstring>

namespace weir::json {

namespace {

constexpr std::array<uint8_t, 256> hex_values = [] {
    std::array<uint8_t, 256> values{};
    for (auto& value : values) value = 0xff;
    for (unsigned i = 0; i < 10; ++i) values['0' + i] = static_cast<uint8_t>(i);
    for (unsigned i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = static_cast<uint8_t>(10 + i);
    return values;
}();

/// Writes `scalar` as UTF-8; returns the octets written, 1 to 4.
size_t write_utf8(uint32_t scalar, char* to) {
    const auto octet = [](uint32_t bits) { return static_cast<char>(bits); };
    if (scalar < 0x80) {
        to[0] = octet(scalar);
        return 1;
    }
    if (scalar < 0x800) {
        to[0] = octet(0xc0 | scalar >> 6);
        to[1] = octet(0x80 | (scalar & 0x3f));
        return 2;
    }
    if (scalar < 0x10000) {
        to[0] = octet(0xe0 | scalar >> 12);
        to[1] = octet(0x80 | (scalar >> 6 & 0x3f));
        to[2] = octet(0x80 | (scalar & 0x3f));
        return 3;
    }
    to[0] = octet(0xf0 | scalar >> 18);
    to[1] = octet(0x80 | (scalar >> 12 & 0x3f));
    to[2] = octet(0x80 | (scalar >> 6 & 0x3f));
    to[3] = octet(0x80 | (scalar & 0x3f));
    return 4;
}

struct Decoded {
    size_t taken;   // octets of the escape
    size_t written; // octets of UTF-8
};

/// What the letter behind a backslash stands for; 0 for `u`.
constexpr std::array<char, 256> short_values = [] {
    std::array<char, 256> values{};
    for (const char sign : {'"', '\\', '/'}) values[static_cast<unsigned char>(sign)] = sign;
    values['b'] = '\b', values['f'] = '\f', values['n'] = '\n', values['r'] = '\r', values['t'] = '\t';
    return values;
}();

/// Decodes the escape at `escape`, which begins with a backslash, into `to` (room for 4).
inline Decoded decode_one(const char* escape, char* to) {
    if (const char value = short_values[static_cast<unsigned char>(escape[1])]; value != 0) {
        *to = value;
        return {2, 1};
    }
    const uint32_t unit = four_hex_digits(escape + 2);
    if (unit < 0xd800 || unit > 0xdfff) return {6, write_utf8(unit, to)};
    const uint32_t low = four_hex_digits(escape + 8);
    return {12, write_utf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), to)};
}

/// The place of the next backslash in [at, end), or `end`.
const char* next_escape(const char* at, const char* end) {
    for (; end - at >= block_bytes; at += block_bytes)
        if (const uint32_t found = mark(at).backslashes; found != 0) return at + std::countr_zero(found);
    while (at != end && *at != '\\') ++at;
    return at;
}

/// What follows the backslash for a control below U+0020; 0: no short form.
constexpr char short_form(unsigned char octet) {
    switch (octet) {
        case '\b': return 'b';
        case '\f': return 'f';
        case '\n': return 'n';
        case '\r': return 'r';
        case '\t': return 't';
        default: return 0;
    }
}

constexpr bool needs_escape(unsigned char octet) { return octet < 0x20 || octet == '"' || octet == '\\'; }

/// Whether one of the eight octets of `word` needs an escape (Hacker's Delight, section 6-1: "find a 0-byte").
bool any_needs_escape(uint64_t word) {
    constexpr uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    const uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    const uint64_t found =
        (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash));
    return (found & highs) != 0;
}

} // namespace

uint32_t four_hex_digits(const char* digits) {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
        const uint32_t nibble = hex_values[static_cast<unsigned char>(digits[i])];
        if (nibble > 15) return UINT32_MAX; // and no later digit is looked at: the string may end here
        value = value << 4 | nibble;
    }
    return value;
}

size_t decode(std::string_view undecoded, char* to) {
    const char* at = undecoded.data();
    const char* const end = at + undecoded.size();
    char* const first = to;
    while (at != end) {
        // Sixteen octets are copied whatever they are: there is at least as much room as there is text left.
        uint32_t plain = 0;
        if (end - at >= block_bytes) {
            std::memcpy(to, at, block_bytes);
            plain = static_cast<uint32_t>(std::countr_zero(mark(at).backslashes | 1U << block_bytes));
        } else {
            while (at + plain != end && at[plain] != '\\') to[plain] = at[plain], ++plain;
        }
        at += plain;
        to += plain;
        if (at == end || *at != '\\') continue;
        const Decoded one = decode_one(at, to);
        at += one.taken;
        to += one.written;
    }
    return static_cast<size_t>(to - first);
}

char* write_minimal(std::string_view undecoded, char* to) {
    const char* written = undecoded.data(); // up to here
    const char* const end = written + undecoded.size();
    const auto copy_to = [&](const char* place) {
        const auto count = static_cast<size_t>(place - written);
        std::memcpy(to, written, count);
        to += count;
    };
    for (const char* at = next_escape(written, end); at != end; at = next_escape(at, end)) {
        if (at[1] != 'u' && at[1] != '/') { // minimal as it is
            at += 2;
            continue;
        }
        copy_to(at);
        char octets[4];
        const Decoded one = decode_one(at, octets);
        to = write_escaped({octets, one.written}, to);
        at += one.taken;
        written = at;
    }
    copy_to(end);
    return to;
}

void quote(std::string_view utf8, PaddedBytes& out) {
    constexpr size_t piece_bytes_max = 4096; // so that the room asked for stays near what is needed
    out.append('"');
    while (!utf8.empty()) {
        const std::string_view piece = utf8.substr(0, piece_bytes_max);
        out.reserve(escaped_bytes_max(piece.size()));
        char* const to = out.data() + out.size();
        out.grew(static_cast<size_t>(write_escaped(piece, to) - to));
        utf8.remove_prefix(piece.size());
    }
    out.append('"');
}

bool decodes_to(std::string_view undecoded, std::string_view text) {
    size_t at = 0, matched = 0;
    while (at < undecoded.size()) {
        char octets[4] = {undecoded[at]};
        Decoded one{1, 1};
        if (undecoded[at] == '\\') one = decode_one(undecoded.data() + at, octets);
        if (text.size() - matched < one.written) return false;
        if (std::memcmp(text.data() + matched, octets, one.written) != 0) return false;
        at += one.taken;
        matched += one.written;
    }
    return matched == text.size();
}

char* write_escaped(std::string_view utf8, char* to) {
    const char* at = utf8.data();
    const char* const end = at + utf8.size();
    while (at != end) {
        while (end - at >= 8) { // eight clean octets at a time
            uint64_t word;
            std::memcpy(&word, at, 8);
            if (any_needs_escape(word)) break;
            std::memcpy(to, &word, 8);
            at += 8;
            to += 8;
        }
        const char* const stop = end - at >= 8 ? at + 8 : end;
        for (; at != stop; ++at) {
            const auto octet = static_cast<unsigned char>(*at);
            if (!needs_escape(octet)) [[likely]] {
                *to++ = *at;
                continue;
            }
            *to++ = '\\';
            if (octet >= 0x20) {
                *to++ = *at;
            } else if (const char letter = short_form(octet); letter != 0) {
                *to++ = letter;
            } else {
                constexpr std::string_view digits = "0123456789abcdef";
                std::memcpy(to, "u00", 3);
                to[3] = digits[octet >> 4];
                to[4] = digits[octet & 15];
                to += 5;
            }
        }
    }
    return to;
}

} // namespace weir::json
