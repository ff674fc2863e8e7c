// mcp/era.cc - the rules of classification, in order, and the fields held against the body.
#include "mcp/era.h"

#include "crypto/base64.h"

#include <algorithm>
#include <cstdint>

namespace weir::mcp {
namespace {

using json::Value;

constexpr std::string_view encoded_begin = "=?base64?", encoded_end = "?=";

bool is_encoded(std::string_view value) {
    return value.size() >= encoded_begin.size() + encoded_end.size() && value.starts_with(encoded_begin) &&
           value.ends_with(encoded_end);
}

std::unexpected<Error> mismatch(std::string_view& detail, std::string_view text) {
    detail = text;
    return fail(Error::header_mismatch);
}

/// The methods whose name Mcp-Name mirrors (2026-07-28, "Standard Request Headers"; the tasks extension).
bool mirrors_name(Method method) {
    return method == Method::tools_call || method == Method::prompts_get || method == Method::resources_read ||
           method == Method::tasks_get || method == Method::tasks_update || method == Method::tasks_cancel;
}

/// Whether the field, decoded, is `text`.
bool says(const Header& header, std::string_view text, Workspace& space) {
    const auto decoded = decode_header(header.value, space);
    return decoded && *decoded == text;
}

Result<void> check_routing(const Message& message, std::string_view version, const RoutingHeaders& headers,
                           Workspace& space, std::string_view& detail) {
    if (!headers.protocol_version.present) return mismatch(detail, "the field MCP-Protocol-Version is missing");
    if (headers.protocol_version.value != version)
        return mismatch(detail, "MCP-Protocol-Version is not the protocolVersion of _meta");
    const bool request = message.kind == Kind::request;
    if (request && !headers.method.present) return mismatch(detail, "the field Mcp-Method is missing");
    if (headers.method.present && !says(headers.method, message.method_text, space))
        return mismatch(detail, "Mcp-Method is not the method of the body");
    if (!request || !mirrors_name(message.method)) return {};
    if (!headers.name.present) return mismatch(detail, "the field Mcp-Name is missing");
    if (!says(headers.name, message.name, space)) return mismatch(detail, "Mcp-Name is not the name of the body");
    return {};
}

std::string_view missing_keys(bool version, bool capabilities) {
    if (version && capabilities)
        return "params._meta lacks io.modelcontextprotocol/protocolVersion and "
               "io.modelcontextprotocol/clientCapabilities";
    if (version) return "params._meta lacks io.modelcontextprotocol/protocolVersion";
    return "params._meta lacks io.modelcontextprotocol/clientCapabilities";
}

std::unexpected<Error> unsupported(std::string_view version, Workspace& space, std::string_view& detail) {
    // What a client says goes back to it, but not megabytes of it.
    constexpr size_t shown_max = 64;
    detail = version.size() > shown_max ? "this protocol version is not supported"
                                        : space.join({"protocol version ", version, " is not supported"});
    return fail(Error::protocol_unsupported);
}

Result<Classified> classify_modern(const Message& message, const RoutingHeaders& headers, Workspace& space,
                                   std::string_view& detail) {
    if (!message.claimed_version.is(json::Kind::string)) {
        detail = "io.modelcontextprotocol/protocolVersion must be a string";
        return fail(Error::rpc_params);
    }
    const std::string_view version = message.claimed_version.string(space);
    if (const auto agrees = check_routing(message, version, headers, space, detail); !agrees)
        return fail(agrees.error());
    const std::string_view known = known_revision(version);
    if (known.empty() || !is_modern_revision(known)) return unsupported(version, space, detail);
    if (message.kind == Kind::request && !message.client_capabilities) {
        detail = missing_keys(false, true);
        return fail(Error::rpc_params);
    }
    return Classified{Era::modern, known};
}

/// A modern field, and a body that claims nothing.
Result<Classified> classify_unclaimed(const Message& message, const RoutingHeaders& headers, Workspace& space,
                                      std::string_view& detail) {
    const std::string_view version = headers.protocol_version.value;
    switch (message.kind) {
        case Kind::result:
        case Kind::error: detail = "this revision has no responses of clients"; return fail(Error::rpc_invalid);
        case Kind::request:
            if (message.method == Method::initialize)
                return mismatch(detail, "initialize is not of the revision that MCP-Protocol-Version names");
            detail = missing_keys(true, !message.client_capabilities);
            return fail(Error::rpc_params);
        case Kind::notification: break;
    }
    if (const auto agrees = check_routing(message, version, headers, space, detail); !agrees)
        return fail(agrees.error());
    const std::string_view known = known_revision(version);
    if (known.empty()) return unsupported(version, space, detail);
    return Classified{Era::modern, known};
}

/// A decimal number without exponent as an integer; nothing when it has a fraction other than zeros.
bool whole_number(std::string_view text, int64_t& number) {
    const size_t point = text.find('.');
    if (point != std::string_view::npos) {
        const std::string_view fraction = text.substr(point + 1);
        if (fraction.empty() || fraction.find_first_not_of('0') != std::string_view::npos) return false;
        text = text.substr(0, point);
    }
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    if (text.empty() || text.size() > 16 || text.find_first_not_of("0123456789") != std::string_view::npos)
        return false;
    number = 0;
    for (const char digit : text) number = number * 10 + (digit - '0');
    if (number > 9007199254740991) return false;
    if (negative) number = -number;
    return true;
}

} // namespace

Result<Classified> classify(const Message& message, const RoutingHeaders& headers, Workspace& space,
                            std::string_view& detail) {
    // mcp's order: the body's claim, then initialize, then what the field says of a body that claims nothing.
    if (message.claimed_version) return classify_modern(message, headers, space, detail);
    const Header& version = headers.protocol_version;
    if (!version.present) return Classified{Era::legacy, assumed_revision};
    if (is_modern_revision(version.value)) return classify_unclaimed(message, headers, space, detail);
    const std::string_view known = known_revision(version.value);
    if (known.empty()) return unsupported(version.value, space, detail);
    return Classified{Era::legacy, known};
}

Result<std::string_view> decode_header(std::string_view value, Workspace& space) {
    if (!is_encoded(value)) return value;
    value.remove_prefix(encoded_begin.size());
    value.remove_suffix(encoded_end.size());
    char* to = space.take(crypto::base64_decoded_max(value.size()), 1);
    const auto size = crypto::decode_base64(value, to);
    if (!size) return fail(Error::header_mismatch);
    return std::string_view(to, *size);
}

void encode_header(std::string_view text, PaddedBytes& out) {
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char octet) { return octet >= ' ' && octet <= '~'; });
    const bool edges = text.starts_with(' ') || text.ends_with(' ');
    if (printable && !edges && !is_encoded(text)) return out.append(text);
    out.append(encoded_begin);
    const size_t size = crypto::base64_size(text.size());
    out.reserve(size);
    crypto::encode_base64(text, out.data() + out.size());
    out.grew(size);
    out.append(encoded_end);
}

Result<void> check_param_header(Value argument, const Header& header, Workspace& space) {
    const bool absent = !argument || argument.is(json::Kind::null);
    if (absent != !header.present) return fail(Error::header_mismatch);
    if (absent) return {};
    const auto text = decode_header(header.value, space);
    if (!text) return fail(Error::header_mismatch);
    bool equal = false;
    switch (argument.kind()) {
        case json::Kind::string: equal = argument.equals(*text); break;
        case json::Kind::boolean: equal = argument.raw() == *text; break;
        case json::Kind::number: {
            int64_t in_body = 0, in_field = 0;
            equal = whole_number(argument.raw(), in_body) && whole_number(*text, in_field) && in_body == in_field;
            break;
        }
        case json::Kind::null:
        case json::Kind::object:
        case json::Kind::array: break; // never mirrored
    }
    if (!equal) return fail(Error::header_mismatch);
    return {};
}

} // namespace weir::mcp
