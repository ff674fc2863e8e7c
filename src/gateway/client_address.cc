// gateway/client_address.cc - X-Forwarded-For: each proxy adds to its end whom it got the request from.
#include "gateway/client_address.h"

#include <optional>

namespace weir::gateway {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// "192.0.2.7", "192.0.2.7:4711", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711".
std::optional<IpAddress> entry_of(std::string_view text) {
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == std::string_view::npos) return {};
        const std::string_view behind = text.substr(end + 1), inside = text.substr(1, end - 1);
        if (!behind.empty() && !(behind[0] == ':' && is_port(behind.substr(1)))) return {};
        return inside.find(':') == std::string_view::npos ? std::nullopt : IpAddress::parse(inside);
    }
    const size_t colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos)
        return is_port(text.substr(colon + 1)) ? IpAddress::parse(text.substr(0, colon)) : std::nullopt;
    return IpAddress::parse(text);
}

} // namespace

Result<IpAddress> forwarded_for(const http::FieldSet& fields, const IpAddress& proxy,
                                std::span<const IpRange> trusted) {
    if (!fields.has(http::FieldId::x_forwarded_for)) return proxy;
    std::optional<IpAddress> found; // the last that counts so far; nothing: it is no address
    bool any = false;
    fields.each(http::FieldId::x_forwarded_for, [&](std::string_view value) {
        for (size_t at = 0; at <= value.size();) {
            const size_t comma = std::min(value.find(',', at), value.size());
            const auto entry = entry_of(trimmed(value.substr(at, comma - at)));
            if (!any || !entry || !any_holds(trusted, *entry)) found = entry;
            any = true;
            at = comma + 1;
        }
    });
    if (!found) return fail(Error::head_malformed);
    return *found;
}

} // namespace weir::gateway
