// tests/base/ip_address_test.cc - addresses are read strictly and are the same however they are written; ranges hold what they say.
#include "base/ip_address.h"

#include <netinet/in.h>
#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace weir;

namespace {

std::string text_of(const IpAddress& address) {
    std::array<char, IpAddress::text_bytes_max> room{};
    return std::string(address.text(room));
}

} // namespace

TEST_CASE("addresses are read and written in one form") {
    struct Row {
        const char *text, *written;
    };
    for (const Row& row :
         {Row{"192.0.2.7", "192.0.2.7"}, Row{"0.0.0.0", "0.0.0.0"}, Row{"::ffff:192.0.2.7", "192.0.2.7"},
          Row{"::FFFF:c000:0207", "192.0.2.7"}, Row{"2001:DB8:0:0:0:0:0:7", "2001:db8::7"}, Row{"::", "::"},
          Row{"::1", "::1"}, Row{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"}}) {
        INFO(row.text);
        const auto address = IpAddress::parse(row.text);
        REQUIRE(address);
        CHECK(text_of(*address) == row.written);
        CHECK(IpAddress::parse(row.written) == *address);
    }
    for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.4 ", " 1.2.3.4",
                             "1.2.3.4:80", "[::1]", "::1%lo", ":::", "1::2::3", "12345::", "localhost", "0x7f.1",
                             "10.0.0.0/8", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
        INFO(text);
        CHECK_FALSE(IpAddress::parse(text));
    }
    CHECK_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
    CHECK(text_of(IpAddress()).empty());
    sockaddr_in local{};
    local.sin_family = AF_UNIX;
    CHECK_FALSE(IpAddress::of(reinterpret_cast<const sockaddr*>(&local)).known());
    for (const char* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
        CHECK(IpAddress::parse(text).value().is_loopback());
    for (const char* text : {"128.0.0.1", "::2", "::ffff:10.0.0.1", "fe80::1", "::", "100::1"})
        CHECK_FALSE(IpAddress::parse(text).value().is_loopback());
    CHECK_FALSE(IpAddress().is_loopback());
}

TEST_CASE("a range holds the addresses that agree with it, and IPv4 is not in those of IPv6") {
    struct Row {
        const char *range, *address;
        bool holds;
    };
    for (const Row& row :
         {Row{"10.0.0.0/8", "10.255.0.1", true}, Row{"10.0.0.0/8", "11.0.0.1", false},
          Row{"192.0.2.128/25", "192.0.2.128", true}, Row{"192.0.2.128/25", "192.0.2.127", false},
          Row{"192.0.2.7", "192.0.2.7", true}, Row{"192.0.2.7/32", "192.0.2.6", false},
          Row{"0.0.0.0/0", "8.8.8.8", true}, Row{"0.0.0.0/0", "::1", false}, Row{"::/0", "8.8.8.8", false},
          Row{"::/0", "::1", true}, Row{"::ffff:10.0.0.0/104", "10.1.1.1", true},
          Row{"2001:db8::/33", "2001:db8:7fff::", true}, Row{"2001:db8::/33", "2001:db8:8000::", false},
          Row{"::1", "::1", true}, Row{"10.0.0.0/8", "::ffff:10.0.0.1", true}}) {
        INFO(row.range << " " << row.address);
        const auto range = IpRange::parse(row.range);
        REQUIRE(range);
        CHECK(range->holds(*IpAddress::parse(row.address)) == row.holds);
        CHECK_FALSE(range->holds(IpAddress()));
    }
    for (const char* text : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8",
                             "/8", "::1/64", "::/129", "10.0.0.0/8 ", "10.0.0/8"}) {
        INFO(text);
        CHECK_FALSE(IpRange::parse(text));
    }
}
