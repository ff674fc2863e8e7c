// gateway/config_values.cc - texts to values, strictly: what is not wholly of the form is nothing.
#include "gateway/config_values.h"

#include "http/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <algorithm>
#include <charconv>

namespace weir::gateway {
namespace {

struct Unit {
    std::string_view name;
    uint64_t factor;
};

constexpr Unit duration_units[] = {{"ns", 1},        {"us", 1'000},      {"ms", ms_ns},       {"s", s_ns},
                                   {"m", 60 * s_ns}, {"h", 3600 * s_ns}, {"d", 86'400 * s_ns}};
constexpr Unit size_units[] = {{"", 1},
                               {"B", 1},
                               {"KiB", 1ull << 10},
                               {"MiB", 1ull << 20},
                               {"GiB", 1ull << 30},
                               {"TiB", 1ull << 40},
                               {"kB", 1'000},
                               {"MB", 1'000'000},
                               {"GB", 1'000'000'000},
                               {"TB", 1'000'000'000'000}};

std::optional<uint64_t> number_with_unit(std::string_view text, std::span<const Unit> units) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    const std::string_view name(end, static_cast<size_t>(text.data() + text.size() - end));
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& each) { return each.name == name; });
    uint64_t product = 0;
    if (unit == units.end() || __builtin_mul_overflow(number, unit->factor, &product)) return std::nullopt;
    return product;
}

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
bool is_lower(char byte) { return byte >= 'a' && byte <= 'z'; }
char lower(char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte; }

} // namespace

std::optional<uint64_t> parse_duration(std::string_view text) { return number_with_unit(text, duration_units); }
std::optional<uint64_t> parse_size(std::string_view text) { return number_with_unit(text, size_units); }

std::optional<ListenAddress> parse_address(std::string_view text) {
    const auto authority = http::read_authority(text);
    if (!authority || authority->port == 0) return std::nullopt;
    ListenAddress out;
    out.text = lowered(text);
    out.port = authority->port;
    if (authority->host.starts_with('[')) {
        const std::string host(without_brackets(authority->host));
        auto& v6 = reinterpret_cast<sockaddr_in6&>(out.address.storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(out.port);
        if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
        out.address.size = sizeof v6;
        out.loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
        return out;
    }
    auto& v4 = reinterpret_cast<sockaddr_in&>(out.address.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(out.port);
    if (inet_pton(AF_INET, std::string(authority->host).c_str(), &v4.sin_addr) != 1) return std::nullopt;
    out.address.size = sizeof v4;
    out.loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    return out;
}

UrlProblem parse_server_url(std::string_view text, ServerUrl& into) {
    const size_t colon = text.find("://");
    if (colon == std::string_view::npos) return UrlProblem::malformed;
    const std::string scheme = lowered(text.substr(0, colon));
    if (scheme != "http" && scheme != "https") return UrlProblem::scheme;
    const std::string_view rest = text.substr(colon + 3);
    if (rest.find_first_of("?#") != std::string_view::npos) return UrlProblem::query;
    if (rest.substr(0, rest.find('/')).find('@') != std::string_view::npos) return UrlProblem::user;
    const auto url = http::read_url(text);
    if (!url) return UrlProblem::malformed;
    into.text = text;
    into.port = url->port;
    into.authority = lowered(url->host);
    into.host = without_brackets(into.authority);
    into.tls = url->tls;
    if (into.port != (into.tls ? 443 : 80)) into.authority += ":" + std::to_string(into.port);
    into.target = url->target;
    return UrlProblem::fine;
}

bool valid_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || name.front() == '-' || name.front() == '_') return false;
    return std::all_of(name.begin(), name.end(),
                       [](char byte) { return is_lower(byte) || is_digit(byte) || byte == '_' || byte == '-'; });
}

std::string lowered(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

std::string absolute_path(const std::string& path, const std::string& directory) {
    return path.starts_with('/') || directory.empty() ? path : directory + "/" + path;
}

bool valid_field_name(std::string_view name) {
    constexpr std::string_view beside = "!#$%&'*+-.^_`|~";
    return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [&](char byte) {
        return is_lower(lower(byte)) || is_digit(byte) || beside.find(byte) != std::string_view::npos;
    });
}

bool field_is_weirs(std::string_view name) {
    static constexpr std::string_view own[] = {"accept",
                                               "accept-encoding",
                                               "authorization",
                                               "connection",
                                               "content-encoding",
                                               "content-length",
                                               "content-type",
                                               "cookie",
                                               "expect",
                                               "forwarded",
                                               "host",
                                               "keep-alive",
                                               "last-event-id",
                                               "origin",
                                               "proxy-authorization",
                                               "proxy-connection",
                                               "te",
                                               "trailer",
                                               "transfer-encoding",
                                               "upgrade",
                                               "x-forwarded-for"};
    return name.starts_with("mcp-") || std::ranges::find(own, name) != std::end(own);
}

std::optional<std::string> parse_authority(std::string_view text) {
    if (!http::read_authority(text)) return std::nullopt;
    return lowered(text);
}

std::optional<std::string> parse_origin(std::string_view text) {
    if (!http::read_origin(text)) return std::nullopt;
    return lowered(text);
}

bool valid_path(std::string_view path) {
    if (path.size() < 2 || path.size() > 1024 || path.front() != '/') return false;
    size_t begin = 1;
    while (begin <= path.size()) {
        const size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view part = path.substr(begin, end - begin);
        if (part.empty() || part == "." || part == "..") return false;
        for (const char byte : part) {
            if (!is_lower(lower(byte)) && !is_digit(byte) &&
                std::string_view("-._~").find(byte) == std::string_view::npos) {
                return false;
            }
        }
        begin = end + 1;
    }
    return true;
}

} // namespace weir::gateway
