// base/uri.cc - one pass over all octets, one over the path's segments, then what the scheme knows of the rest.
#include "base/uri.h"

#include "base/ip_address.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace weir {
namespace {

constexpr auto npos = std::string_view::npos;

bool is_digit(char octet) { return octet >= '0' && octet <= '9'; }
bool is_lower(char octet) { return octet >= 'a' && octet <= 'z'; }
bool is_upper(char octet) { return octet >= 'A' && octet <= 'Z'; }
bool is_digits(std::string_view text) { return std::ranges::all_of(text, is_digit); }

/// Of an encoded octet in normal form (RFC 3986, section 6.2.2.1): upper case.
int hexadecimal(char digit) {
    if (is_digit(digit)) return digit - '0';
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/// RFC 3986, section 2.3.
bool is_unreserved(char octet) {
    return is_lower(octet) || is_upper(octet) || is_digit(octet) || std::string_view("-._~").contains(octet);
}

/// RFC 3986, section 2.2.
bool is_reserved(char octet) { return std::string_view(":/?#[]@!$&'()*+,;=").contains(octet); }

/// Where the hole that begins at `at` ends: behind its brace, or at the end of the text.
size_t behind_hole(std::string_view text, size_t at) {
    const size_t brace = text.find('}', at);
    return brace == npos ? text.size() : brace + 1;
}

/// The first of `octets` that stands in no hole. A URI has no holes left: its braces have been refused.
size_t find_outside(std::string_view text, std::string_view octets) {
    for (size_t at = 0; at < text.size();) {
        if (text[at] == '{') at = behind_hole(text, at);
        else if (octets.contains(text[at])) return at;
        else ++at;
    }
    return npos;
}

std::string_view octets_problem(std::string_view text, UriForm form) {
    for (size_t at = 0; at < text.size(); ++at) {
        const char octet = text[at];
        if (is_unreserved(octet) || is_reserved(octet)) continue;
        if (octet == '{' && form == UriForm::with_holes) {
            at = behind_hole(text, at) - 1;
            continue;
        }
        if (octet != '%') return "only visible ASCII that RFC 3986 has; everything else is percent-encoded";
        // A hole may be the rest of it.
        if (form == UriForm::with_holes && text.substr(at + 1, 2).contains('{')) continue;
        const int high = at + 1 < text.size() ? hexadecimal(text[at + 1]) : -1;
        const int low = at + 2 < text.size() ? hexadecimal(text[at + 2]) : -1;
        if (high < 0 || low < 0) return "'%' is followed by two hexadecimal digits, in upper case";
        const int encoded = high * 16 + low;
        if (encoded == 0) return "no NUL is encoded";
        if (encoded < 128 && is_unreserved(static_cast<char>(encoded)))
            return "no letters, digits, '-', '.', '_' or '~' are percent-encoded";
        at += 2;
    }
    return {};
}

/// Behind the scheme's colon and every slash of the path a segment begins. Who opens a file or asks another server
/// decodes first, so an encoded slash or backslash (in upper case, as octets_problem wants it) is one as well. A hole
/// may end the path.
std::string_view segments_problem(std::string_view path) {
    path = path.substr(0, path.find_first_of("?#"));
    for (size_t begin = 0, at = 0;; ++at) {
        const std::string_view here = path.substr(at, 3);
        if (here.starts_with('{')) return {};
        const bool encoded = here == "%2F" || here == "%5C";
        if (!here.empty() && !encoded && here[0] != '/') continue;
        const std::string_view segment = path.substr(begin, at - begin);
        if (segment == "." || segment == "..") return "no segments '.' and '..', between encoded slashes neither";
        if (here.empty()) return {};
        if (encoded) at += 2;
        begin = at + 1;
    }
}

/// The last label says what a host is to the WHATWG's parser: with digits, or 0x in front, it is an IPv4 address.
bool looks_like_ipv4(std::string_view host) {
    const std::string_view last = host.substr(host.rfind('.') + 1);
    return is_digits(last) || (last.starts_with("0x") && std::ranges::all_of(last.substr(2), [](char octet) {
                                   return is_digit(octet) || (octet >= 'a' && octet <= 'f');
                               }));
}

bool is_usual_address(std::string_view text) {
    const auto address = IpAddress::parse(text);
    std::array<char, IpAddress::text_bytes_max> room;
    return address && address->text(room) == text;
}

std::string_view host_problem(std::string_view host) {
    constexpr std::string_view address = "an address in its usual form: 192.0.2.1, [2001:db8::1]";
    if (host.starts_with('['))
        return host.ends_with(']') && host.contains(':') && is_usual_address(without_brackets(host))
                   ? std::string_view()
                   : address;
    if (!std::ranges::all_of(host, [](char octet) {
            return is_lower(octet) || is_digit(octet) || octet == '-' || octet == '.' || octet == '_';
        }))
        return "a host in lower case, as the DNS has it (xn--... beyond ASCII)";
    if (host.empty() || host.starts_with('.') || host.ends_with('.') || host.contains(".."))
        return "a host without empty labels";
    return looks_like_ipv4(host) && !is_usual_address(host) ? address : std::string_view();
}

/// The port of `authority`, with its colon; of an address in brackets the one behind them.
std::string_view port_of(std::string_view authority) {
    const size_t colon = authority.rfind(':');
    const bool has = colon != npos && (authority.find(']') == npos || authority.find(']') < colon);
    return has ? authority.substr(colon) : std::string_view();
}

struct Web {
    std::string_view scheme, port;
};
constexpr Web web[] = {{"http", ":80"}, {"https", ":443"}, {"ws", ":80"}, {"wss", ":443"}, {"ftp", ":21"}};

/// `rest` is all behind "scheme:".
std::string_view web_problem(std::string_view rest, std::string_view own_port) {
    constexpr std::string_view slashes = "two slashes and a host follow the scheme";
    for (int slash = 0; slash < 2; ++slash, rest.remove_prefix(1)) {
        if (rest.starts_with('{')) return {};
        if (!rest.starts_with('/')) return slashes;
    }
    if (find_outside(rest, "#") != npos) return "no fragment: it names no other resource";
    const size_t end = rest.find_first_of("/?{");
    const std::string_view authority = rest.substr(0, end);
    if (authority.contains('@')) return "no user in front of the host";
    if (end != npos && rest[end] == '{') // More of the authority may follow, but what stands here stays.
        return std::ranges::any_of(authority, is_upper) ? host_problem(authority) : std::string_view();
    if (authority.empty()) return slashes;
    const std::string_view port = port_of(authority);
    if (const auto problem = host_problem(authority.substr(0, authority.size() - port.size())); !problem.empty())
        return problem;
    if (!port.empty() && (port.size() == 1 || port.size() > 6 || port[1] == '0' || !is_digits(port.substr(1))))
        return "a port is a number without leading zeros";
    if (port == own_port) return "the scheme's own port is not written";
    return end == npos || rest[end] != '/' ? "the path is '/' at least" : std::string_view();
}

std::string_view file_problem(std::string_view rest) {
    constexpr std::string_view form = "file:///path, with three slashes";
    for (int slash = 0; slash < 2; ++slash, rest.remove_prefix(1)) {
        if (rest.starts_with('{')) return {};
        if (!rest.starts_with('/')) return form;
    }
    if (find_outside(rest, "?#") != npos) return "no query and no fragment: they name no other file";
    if (rest.contains("%2F") || rest.contains("%5C")) return "no slash is encoded: a name has none";
    const size_t end = rest.find_first_of("/{");
    const std::string_view host = rest.substr(0, end);
    if (end != npos && rest[end] == '{') return {};
    if (host == "localhost" || end == npos) return form;
    if (!host.empty())
        if (const auto problem = host_problem(host); !problem.empty()) return problem;
    return rest.substr(end).contains("//") ? "no empty segments: one slash between two names" : std::string_view();
}

/// What RFC 3986, section 6.2.3, and every parser take off an authority, whatever it means.
std::string_view other_problem(std::string_view rest) {
    if (!rest.starts_with("//")) return {};
    const size_t end = rest.find_first_of("/?#{", 2);
    if (end != npos && rest[end] == '{') return {};
    const std::string_view authority = rest.substr(2, end == npos ? npos : end - 2);
    const size_t at = authority.rfind('@');
    const std::string_view user = at == npos ? std::string_view() : authority.substr(0, at);
    if (at != npos && (user.empty() || user.ends_with(':'))) return "no empty user and no empty password";
    const std::string_view port = port_of(authority.substr(at == npos ? 0 : at + 1));
    if (port == ":" || (port.size() > 2 && port[1] == '0' && is_digits(port.substr(1))))
        return "a port is a number without leading zeros";
    return {};
}

} // namespace

std::string_view uri_problem(std::string_view text, UriForm form) {
    if (const auto problem = octets_problem(text, form); !problem.empty()) return problem;
    const size_t colon = text.find_first_of(":/?#{");
    const bool hole = colon != npos && text[colon] == '{'; // then nothing is known of what is behind it
    if (colon == npos || (!hole && (text[colon] != ':' || colon == 0))) return "a scheme and ':' come first";
    const std::string_view scheme = text.substr(0, colon), rest = text.substr(colon + 1);
    if (std::ranges::any_of(scheme, is_upper)) return "the scheme is in lower case";
    if ((colon != 0 && !is_lower(scheme[0])) || !std::ranges::all_of(scheme, [](char octet) {
            return is_lower(octet) || is_digit(octet) || octet == '+' || octet == '-' || octet == '.';
        }))
        return "a scheme is letters, digits, '+', '-' and '.'";
    if (hole) return {};
    if (const auto problem = segments_problem(rest); !problem.empty()) return problem;
    if (scheme == "file") return file_problem(rest);
    const auto* const known = std::ranges::find(web, scheme, &Web::scheme);
    return known != std::end(web) ? web_problem(rest, known->port) : other_problem(rest);
}

std::string uri_of_glob(std::string_view glob) {
    constexpr std::string_view hole = "{}";
    std::string text;
    for (size_t at = 0; at < glob.size(); ++at) {
        const char octet = glob[at];
        if (octet == '[') {
            // A set is not empty: a bracket that comes first is one of its members.
            at += 1 + static_cast<size_t>(glob[at + 1] == '!' || glob[at + 1] == '^');
            if (glob[at] == '\\') ++at;
            for (++at; at < glob.size() && glob[at] != ']'; ++at)
                if (glob[at] == '\\') ++at;
            text += hole;
        } else if (octet == '*' || octet == '?' || octet == '{' || octet == '}') {
            text += hole; // A template's own holes are names of its own.
        } else {
            text += octet == '\\' ? glob[++at] : octet;
        }
    }
    return text;
}

bool glob_asks_for_user(std::string_view glob) {
    const std::string text = uri_of_glob(glob);
    const size_t colon = text.find_first_of(":{");
    if (colon == npos || !std::string_view(text).substr(colon).starts_with("://")) return false;
    if (std::ranges::find(web, std::string_view(text).substr(0, colon), &Web::scheme) == std::end(web)) return false;
    const std::string_view rest = std::string_view(text).substr(colon + 3);
    const size_t end = find_outside(rest, "@/?#");
    return end != npos && rest[end] == '@';
}

} // namespace weir
