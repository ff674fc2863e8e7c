// http/url.cc - authorities, origins, URLs and targets: RFC 3986, less its generosity.
#include "http/url.h"

#include "http/known.h"
#include "http/scan.h"

#include <algorithm>

namespace weir::http {
namespace {

constexpr size_t host_bytes_max = 255; // RFC 1035 section 2.3.4

bool same(std::string_view a, std::string_view b) {
    return a == b || std::ranges::equal(a, b, {}, scan::lower, scan::lower);
}

// dec-octet "." dec-octet "." dec-octet "." dec-octet, without leading zeros.
bool is_ipv4(std::string_view text) {
    int parts = 0;
    size_t at = 0;
    for (;; ++at) {
        unsigned number = 0;
        const size_t begin = at;
        for (; at < text.size() && scan::is(text[at], scan::digit) && at - begin < 3; ++at)
            number = number * 10 + static_cast<unsigned>(text[at] - '0');
        if (at == begin || number > 255 || (text[begin] == '0' && at - begin > 1)) return false;
        if (++parts == 4) return at == text.size();
        if (at == text.size() || text[at] != '.') return false;
    }
}

// What stands between the brackets of an IP-literal (RFC 3986 section 3.2.2): eight groups, or fewer and one "::".
bool is_ipv6(std::string_view text) {
    int groups = 0;
    bool gap = false;
    size_t at = 0;
    if (text.starts_with("::")) {
        gap = true;
        at = 2;
        if (at == text.size()) return true;
    }
    for (;;) {
        const size_t begin = at;
        while (at < text.size() && scan::is(text[at], scan::hex) && at - begin < 4) ++at;
        if (at == begin) return false;
        if (at < text.size() && text[at] == '.') {
            if (!is_ipv4(text.substr(begin))) return false;
            groups += 2;
            break;
        }
        ++groups;
        if (at == text.size()) break;
        if (text[at++] != ':') return false;
        if (at < text.size() && text[at] == ':') {
            if (gap) return false;
            gap = true;
            if (++at == text.size()) break;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

/// 1..65535 without a leading zero; 0 for anything else.
uint16_t read_port(std::string_view text) {
    if (text.empty() || text.size() > 5 || text[0] == '0') return 0;
    uint32_t port = 0;
    for (const char octet : text) {
        if (!scan::is(octet, scan::digit)) return 0;
        port = port * 10 + static_cast<uint32_t>(octet - '0');
    }
    return port <= 65535 ? static_cast<uint16_t>(port) : 0;
}

int hex_value(char octet) {
    if (octet >= '0' && octet <= '9') return octet - '0';
    return scan::lower(octet) - 'a' + 10;
}

// The octet that "%XX" at the front of `text` stands for; -1 if it is not well-formed.
int percent_value(std::string_view text) {
    if (text.size() < 3 || !scan::is(text[1], scan::hex) || !scan::is(text[2], scan::hex)) return -1;
    return hex_value(text[1]) * 16 + hex_value(text[2]);
}

bool is_dots(std::string_view segment) { return segment == "." || segment == ".."; }

} // namespace

Result<Authority> read_authority(std::string_view text) {
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const char* at = begin;
    if (at != end && *at == '[') {
        const size_t bracket = text.find(']');
        if (bracket == std::string_view::npos || !is_ipv6(text.substr(1, bracket - 1))) return fail(Error::invalid);
        at += bracket + 1;
    } else {
        at = scan::skip_words(at, end, '/');
        while (at != end && scan::is(*at, scan::host)) ++at;
    }
    const auto size = static_cast<size_t>(at - begin);
    if (size == 0 || size > host_bytes_max) return fail(Error::invalid);
    Authority authority{text.substr(0, size), 0};
    if (at == end) return authority;
    if (*at != ':') return fail(Error::invalid);
    authority.port = read_port(text.substr(size + 1));
    if (authority.port == 0) return fail(Error::invalid);
    return authority;
}

bool authority_equal(const Authority& a, const Authority& b, uint16_t default_port) {
    const uint16_t port_a = a.port != 0 ? a.port : default_port, port_b = b.port != 0 ? b.port : default_port;
    return port_a == port_b && same(a.host, b.host);
}

Result<Origin> read_origin(std::string_view text) {
    const size_t end = text.find("://");
    if (end == std::string_view::npos || end == 0) return fail(Error::invalid);
    const std::string_view scheme = text.substr(0, end);
    if (scan::lower(scheme[0]) < 'a' || scan::lower(scheme[0]) > 'z') return fail(Error::invalid);
    for (const char octet : scheme)
        if (octet == '_' || (octet != '+' && !scan::is(octet, scan::host))) return fail(Error::invalid);
    const auto authority = read_authority(text.substr(end + 3));
    if (!authority) return fail(Error::invalid);
    return Origin{scheme, *authority};
}

bool origin_equal(const Origin& a, const Origin& b) {
    const uint16_t port = equals(a.scheme, "http") ? 80 : equals(a.scheme, "https") ? 443 : 0;
    return same(a.scheme, b.scheme) && authority_equal(a.authority, b.authority, port);
}

Result<Url> read_url(std::string_view text) {
    Url url;
    url.tls = begins_with(text, "https://");
    if (!url.tls && !begins_with(text, "http://")) return fail(Error::invalid);
    text.remove_prefix(url.tls ? 8 : 7);
    const size_t end = std::min(text.find('/'), text.size());
    url.authority = text.substr(0, end);
    const auto authority = read_authority(url.authority);
    if (!authority) return fail(Error::invalid);
    url.host = authority->host;
    url.port = authority->port != 0 ? authority->port : url.tls ? 443 : 80;
    url.target = end == text.size() ? std::string_view("/") : text.substr(end);
    if (!read_target(url.target)) return fail(Error::invalid);
    return url;
}

Result<Target> read_target(std::string_view text) {
    if (text.empty() || text[0] != '/') return fail(Error::invalid);
    Target target;
    size_t segment = 1, at = 1;
    for (; at < text.size() && text[at] != '?'; ++at) {
        const char octet = text[at];
        if (octet == '/') {
            if (is_dots(text.substr(segment, at - segment))) return fail(Error::invalid);
            segment = at + 1;
        } else if (octet == '%') {
            const int value = percent_value(text.substr(at));
            if (value < ' ' || value == 127 || value == '.' || value == '/' || value == '\\')
                return fail(Error::invalid);
            at += 2;
        } else if (octet != '.' && !scan::is(octet, scan::path)) {
            return fail(Error::invalid);
        }
    }
    if (is_dots(text.substr(segment, at - segment))) return fail(Error::invalid);
    target.path = text.substr(0, at);
    if (at == text.size()) return target;
    target.query = text.substr(at + 1);
    for (size_t i = 0; i < target.query.size(); ++i) {
        const char octet = target.query[i];
        if (octet == '%') {
            const int value = percent_value(target.query.substr(i));
            if (value < ' ' || value == 127) return fail(Error::invalid);
            i += 2;
        } else if (octet != '.' && octet != '?' && !scan::is(octet, scan::path)) {
            return fail(Error::invalid);
        }
    }
    return target;
}

} // namespace weir::http
