// base/ip_address.h - addresses of the Internet Protocol and ranges of them, IPv4 and IPv6 in one form.
//
// Pure: texts and octets, no sockets, no names, no ports. An IPv4 address is kept as IPv6 writes it (::ffff:a.b.c.d, RFC
// 4291 section 2.5.5.2), so that both ways of writing one are the same address; a range of IPv6 that is no range of
// IPv4 holds none of these: ::/0 is all of IPv6 and 0.0.0.0/0 all of IPv4.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

struct sockaddr;

namespace weir {

class IpAddress {
  public:
    static constexpr size_t text_bytes_max = 46;

    /// No address: in no range, equal to none but itself.
    IpAddress() = default;
    static IpAddress v4(std::span<const unsigned char, 4> octets);
    static IpAddress v6(std::span<const unsigned char, 16> octets);
    /// Of `from`; no address when it is neither AF_INET nor AF_INET6.
    static IpAddress of(const sockaddr* from);
    /// "192.0.2.7" or "2001:db8::7", without brackets, port or zone; four decimal parts without leading zeros.
    static std::optional<IpAddress> parse(std::string_view text);

    bool known() const { return known_; }
    bool is_v4() const;
    /// 127.0.0.0/8 and ::1.
    bool is_loopback() const;
    const std::array<unsigned char, 16>& octets() const { return octets_; }
    /// Its text in `room`, in the form of RFC 5952; empty when it is no address.
    std::string_view text(std::span<char, text_bytes_max> room) const;
    bool operator==(const IpAddress& other) const = default;

  private:
    std::array<unsigned char, 16> octets_{};
    bool known_ = false;
};

/// The addresses that agree in their first bits.
struct IpRange {
    IpAddress first;
    uint8_t bits = 128; // of `first` as IPv6

    /// "10.0.0.0/8", "2001:db8::/32"; an address alone is the range of it. Refused when bits behind the prefix are set:
    /// what was meant would be a guess.
    static std::optional<IpRange> parse(std::string_view text);
    bool holds(const IpAddress& address) const;
};

/// The host of a URL: an IPv6 literal loses its brackets, every other stays as it is.
inline std::string_view without_brackets(std::string_view host) {
    return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

/// Whether any of `ranges` holds `address`.
bool any_holds(std::span<const IpRange> ranges, const IpAddress& address);

} // namespace weir
