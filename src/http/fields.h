// http/fields.h - the field lines that weir knows by name, and how a set of them is looked into.
//
// Pure, owns nothing: a Field's views point into the bytes the head was read from. Names weir does not know are
// `other`: they are kept, never interpreted. Names compare case-insensitively (RFC 9110 section 5.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir::http {

// enumerator, name, its rule:
//   single  at most one line, in ASCII: a second line or an octet above 127 makes the head malformed
//   plain   any number of lines, in ASCII
//   free    any number of lines, any octet a field value may have
//   hop     free, and about one connection only: Connection may name it (RFC 9110 section 7.6.1)
#define WEIR_HTTP_FIELDS(row) \
    row(host, "host", single) \
    row(content_length, "content-length", single) \
    row(transfer_encoding, "transfer-encoding", single) \
    row(connection, "connection", plain) \
    row(expect, "expect", single) \
    row(content_type, "content-type", single) \
    row(content_encoding, "content-encoding", single) \
    row(accept, "accept", plain) \
    row(origin, "origin", single) \
    row(authorization, "authorization", single) \
    row(mcp_session_id, "mcp-session-id", single) \
    row(mcp_protocol_version, "mcp-protocol-version", single) \
    row(last_event_id, "last-event-id", single) \
    row(mcp_method, "mcp-method", single) \
    row(mcp_name, "mcp-name", single) \
    row(traceparent, "traceparent", single) \
    row(tracestate, "tracestate", plain) \
    row(baggage, "baggage", plain) \
    row(user_agent, "user-agent", free) \
    row(retry_after, "retry-after", single) \
    row(keep_alive, "keep-alive", hop) \
    row(trailer, "trailer", hop) \
    row(upgrade, "upgrade", hop) \
    row(proxy_connection, "proxy-connection", hop) \
    row(proxy_authorization, "proxy-authorization", hop) \
    row(proxy_authenticate, "proxy-authenticate", hop) \
    row(cookie, "cookie", free) \
    row(set_cookie, "set-cookie", free) \
    row(accept_encoding, "accept-encoding", free) \
    row(sec_fetch_mode, "sec-fetch-mode", free) \
    row(date, "date", free) \
    row(cache_control, "cache-control", free) \
    row(location, "location", free) \
    row(www_authenticate, "www-authenticate", free) \
    row(forwarded, "forwarded", free) \
    row(x_forwarded_for, "x-forwarded-for", free) \
    row(access_control_request_method, "access-control-request-method", single) \
    row(access_control_request_headers, "access-control-request-headers", single)

enum class FieldId : uint8_t {
    other,
    mcp_param, // Mcp-Param-{X}: every X at most once, in ASCII
#define WEIR_ROW(id, name, rule) id,
    WEIR_HTTP_FIELDS(WEIR_ROW)
#undef WEIR_ROW
        count_,
};
inline constexpr size_t field_ids = static_cast<size_t>(FieldId::count_);
static_assert(field_ids <= 64, "FieldSet::seen has a bit for each");

constexpr uint64_t bit_of(FieldId id) { return uint64_t{1} << static_cast<unsigned>(id); }

/// One field line. The value is without the white space around it.
struct Field {
    std::string_view name, value;
    FieldId id = FieldId::other;
};

/// The field whose name is `name`, in any case; mcp_param for every Mcp-Param-{X} whose X is not empty; else `other`.
FieldId field_id(std::string_view name);

/// Whether `name` is a known one once its underscores are read as hyphens, as CGI-style servers do: Transfer_Encoding.
/// False for a known name itself.
bool is_disguised(std::string_view name);

/// The field lines of one head, with the first of each known name found in constant time.
struct FieldSet {
    static constexpr size_t fields_max = 255; // of one head
    static constexpr uint8_t none = 255;

    std::span<const Field> fields;
    uint64_t seen = 0;                    // bit_of(id): at least one line
    uint64_t repeated = 0;                // bit_of(id): more than one line
    std::array<uint8_t, field_ids> first; // index into fields; set only where `seen` has the bit

    FieldSet() {} // not defaulted: `first` would be zeroed for each head

    bool has(FieldId id) const { return (seen & bit_of(id)) != 0; }
    const Field* find(FieldId id) const { return has(id) ? &fields[first[static_cast<size_t>(id)]] : nullptr; }
    /// The value of the first line of that name; empty when there is none (see has()).
    std::string_view value(FieldId id) const {
        const Field* field = find(id);
        return field != nullptr ? field->value : std::string_view();
    }
    /// Calls `visit` with the value of each line of that name, in their order.
    template <class Visit> void each(FieldId id, Visit visit) const {
        if (!has(id)) return;
        size_t at = first[static_cast<size_t>(id)];
        visit(fields[at].value);
        if ((repeated & bit_of(id)) == 0) return;
        for (++at; at < fields.size(); ++at)
            if (fields[at].id == id) visit(fields[at].value);
    }
    /// The values of all lines named `name` (small letters; one that weir does not know) as one list, ", " between them (RFC
    /// 9110 section 5.3). Nothing when there is no such line. Allocates: not for the path of a call.
    std::optional<std::string> joined(std::string_view name) const;
};

} // namespace weir::http
