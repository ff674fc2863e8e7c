// net/proxy_header.cc - twelve octets that no protocol begins with, what is meant, where from and to, and notes with their lengths.
#include "net/proxy_header.h"

#include "base/crc32c.h"

#include <algorithm>
#include <array>

namespace weir::net {
namespace {

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t fixed_bytes = 16;
constexpr unsigned char note_crc32c = 0x03;

enum : unsigned char { command_local = 0x20, command_proxy = 0x21 };
enum : unsigned char { unspecified = 0x00, tcp_over_v4 = 0x11, tcp_over_v6 = 0x21 };

unsigned char octet(std::string_view bytes, size_t at) { return static_cast<unsigned char>(bytes[at]); }
size_t two(std::string_view bytes, size_t at) {
    return static_cast<size_t>(octet(bytes, at)) << 8 | octet(bytes, at + 1);
}

template <size_t Count> std::array<unsigned char, Count> octets(std::string_view bytes, size_t at) {
    std::array<unsigned char, Count> out{};
    for (size_t i = 0; i < Count; ++i) out[i] = octet(bytes, at + i);
    return out;
}

/// Whether the notes from `at` on fill `header` to its end, each known by its length, and the checksum among them is right.
bool notes_hold(std::string_view header, size_t at) {
    while (at != header.size()) {
        if (header.size() - at < 3) return false;
        const size_t size = two(header, at + 1), begin = at + 3;
        if (header.size() - begin < size) return false;
        if (octet(header, at) == note_crc32c) {
            if (size != 4) return false;
            const uint32_t said = static_cast<uint32_t>(two(header, begin) << 16 | two(header, begin + 2));
            uint32_t sum = crc32c(0, header.substr(0, begin)); // Of the whole header, as if the sum were zero.
            sum = crc32c(sum, std::string_view("\0\0\0\0", 4));
            if (crc32c(sum, header.substr(begin + 4)) != said) return false;
        }
        at = begin + size;
    }
    return true;
}

} // namespace

Result<ProxyHeader> read_proxy_header(std::string_view bytes) {
    const size_t there = std::min(bytes.size(), signature.size());
    if (bytes.substr(0, there) != signature.substr(0, there)) return fail(Error::head_malformed);
    if (bytes.size() < fixed_bytes) return fail(Error::incomplete);
    const unsigned char command = octet(bytes, 12), family = octet(bytes, 13);
    const size_t rest = two(bytes, 14);
    if (command != command_local && command != command_proxy) return fail(Error::head_malformed);
    size_t addresses = 0;
    if (command == command_proxy) {
        if (family != tcp_over_v4 && family != tcp_over_v6) return fail(Error::head_malformed);
        addresses = family == tcp_over_v4 ? 12 : 36;
    }
    if (rest < addresses) return fail(Error::head_malformed);
    if (rest > proxy_header_bytes_max - fixed_bytes) return fail(Error::head_too_large);
    if (bytes.size() - fixed_bytes < rest) return fail(Error::incomplete);
    ProxyHeader out{.size = fixed_bytes + rest, .from = {}};
    if (command == command_local) return out; // Whatever else it says is not looked at.
    if (!notes_hold(bytes.substr(0, out.size), fixed_bytes + addresses)) return fail(Error::head_malformed);
    out.from = family == tcp_over_v4 ? IpAddress::v4(octets<4>(bytes, fixed_bytes))
                                     : IpAddress::v6(octets<16>(bytes, fixed_bytes));
    return out;
}

} // namespace weir::net
