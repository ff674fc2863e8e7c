// base/ip_address.cc - texts of addresses are read by the C library, which is as strict as RFC 4291 and more, and those of IPv6
// written by it.
#include "base/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <algorithm>
#include <charconv>
#include <cstring>

namespace weir {
namespace {

constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr uint8_t mapped_bits = 96;

/// Whether the first `bits` of both are the same.
bool agree(const std::array<unsigned char, 16>& one, const std::array<unsigned char, 16>& other, unsigned bits) {
    const size_t whole = bits / 8;
    if (!std::equal(one.begin(), one.begin() + whole, other.begin())) return false;
    if (bits % 8 == 0) return true;
    return ((one[whole] ^ other[whole]) >> (8 - bits % 8)) == 0;
}

} // namespace

IpAddress IpAddress::v4(std::span<const unsigned char, 4> octets) {
    IpAddress out;
    std::ranges::copy(mapped, out.octets_.begin());
    std::ranges::copy(octets, out.octets_.begin() + mapped.size());
    out.known_ = true;
    return out;
}

IpAddress IpAddress::v6(std::span<const unsigned char, 16> octets) {
    IpAddress out;
    std::ranges::copy(octets, out.octets_.begin());
    out.known_ = true;
    return out;
}

IpAddress IpAddress::of(const sockaddr* from) {
    if (from->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, from, sizeof in);
        std::array<unsigned char, 4> octets{};
        std::memcpy(octets.data(), &in.sin_addr, octets.size());
        return v4(octets);
    }
    if (from->sa_family != AF_INET6) return {};
    sockaddr_in6 in{};
    std::memcpy(&in, from, sizeof in);
    std::array<unsigned char, 16> octets{};
    std::memcpy(octets.data(), &in.sin6_addr, octets.size());
    return v6(octets);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    std::array<char, text_bytes_max> ended{};
    if (text.empty() || text.size() >= ended.size() || text.find('\0') != std::string_view::npos) return {};
    std::ranges::copy(text, ended.begin());
    std::array<unsigned char, 4> four{};
    if (inet_pton(AF_INET, ended.data(), four.data()) == 1) return v4(four);
    std::array<unsigned char, 16> sixteen{};
    if (inet_pton(AF_INET6, ended.data(), sixteen.data()) == 1) return v6(sixteen);
    return {};
}

bool IpAddress::is_v4() const {
    return known_ && std::ranges::equal(mapped, std::span(octets_).first<mapped.size()>());
}

bool IpAddress::is_loopback() const {
    if (is_v4()) return octets_[mapped.size()] == 127;
    return known_ && octets_[15] == 1 && std::all_of(octets_.begin(), octets_.end() - 1, [](auto o) { return o == 0; });
}

std::string_view IpAddress::text(std::span<char, text_bytes_max> room) const {
    if (!known_) return {};
    if (is_v4()) { // Of every call: libc's way takes a printf.
        char* end = room.data();
        for (const unsigned octet : std::span(octets_).subspan(mapped.size())) {
            if (end != room.data()) *end++ = '.';
            end = std::to_chars(end, room.data() + room.size(), octet).ptr;
        }
        return {room.data(), static_cast<size_t>(end - room.data())};
    }
    if (inet_ntop(AF_INET6, octets_.data(), room.data(), room.size()) == nullptr) return {};
    return room.data();
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
    const size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return {};
    IpRange out{*address, 128};
    if (slash == std::string_view::npos) return out;
    const std::string_view digits = text.substr(slash + 1);
    const bool dotted = text.substr(0, slash).find(':') == std::string_view::npos;
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() || (digits.size() > 1 && digits[0] == '0'))
        return {};
    if (bits > (dotted ? 32U : 128U)) return {};
    out.bits = static_cast<uint8_t>(bits + (dotted ? mapped_bits : 0));
    for (unsigned bit = out.bits; bit < 128; ++bit)
        if ((address->octets()[bit / 8] >> (7 - bit % 8) & 1) != 0) return {};
    return out;
}

bool IpRange::holds(const IpAddress& address) const {
    if (!address.known() || !first.known()) return false;
    if (address.is_v4() && bits < mapped_bits) return false;
    return agree(first.octets(), address.octets(), bits);
}

bool any_holds(std::span<const IpRange> ranges, const IpAddress& address) {
    return std::ranges::any_of(ranges, [&](const IpRange& range) { return range.holds(address); });
}

} // namespace weir
