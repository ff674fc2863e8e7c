// mcp/era.cc - the rules that tell the two eras apart.
#include "mcp/era.h"

#include "crypto/base64.h"

#include <algorithm>

namespace weir::mcp {
namespace {

constexpr std::string_view sentinel_begin = "=?base64?", sentinel_end = "?=";

bool is_date(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
    for (const size_t i : {0, 1, 2, 3, 5, 6, 8, 9})
        if (text[i] < '0' || text[i] > '9') return false;
    return true;
}

/// The mirrored header `what` says what the body says.
Result<void> check_mirror(const Header& header, std::string_view wanted, std::string_view what, bool encoded, Workspace& space,
                          std::string_view& detail) {
    if (!header.given) {
        detail = space.join({"the ", what, " header is missing"});
        return fail(Error::header_mismatch);
    }
    std::string_view value = header.value;
    if (encoded) {
        const auto decoded = decode_mirrored(value, space);
        if (!decoded) {
            detail = space.join({"the ", what, " header is not well encoded"});
            return fail(Error::header_mismatch);
        }
        value = *decoded;
    }
    if (value == wanted) return {};
    detail = space.join({"the ", what, " header and the body disagree"});
    return fail(Error::header_mismatch);
}

Result<Classified> check_modern(const Message& message, const RoutingHeaders& headers, Workspace& space, std::string_view& detail) {
    const Classified modern{Era::modern, message.claimed_version.string(space)};
    if (const auto ok = check_mirror(headers.protocol_version, modern.revision, "MCP-Protocol-Version", false, space, detail); !ok)
        return fail(ok.error());
    if (modern.revision != modern_revision) {
        detail = space.join({"protocol version ", modern.revision, " is not supported"});
        return fail(Error::protocol_unsupported);
    }
    if (message.kind != Kind::request) return modern;
    if (!message.client_capabilities) {
        detail = "params._meta lacks io.modelcontextprotocol/clientCapabilities";
        return fail(Error::rpc_params);
    }
    if (const auto ok = check_mirror(headers.method, message.method_text, "Mcp-Method", false, space, detail); !ok)
        return fail(ok.error());
    if (named_by(message.method) == Named::none || message.name.empty()) return modern;
    if (const auto ok = check_mirror(headers.name, message.name, "Mcp-Name", true, space, detail); !ok) return fail(ok.error());
    return modern;
}

} // namespace

bool is_known_revision(std::string_view revision) { return std::ranges::find(revisions, revision) != revisions.end(); }

bool is_modern_revision(std::string_view revision) { return is_date(revision) && revision >= modern_revision; }

Result<Classified> classify(const Message& message, const RoutingHeaders& headers, Workspace& space, std::string_view& detail) {
    if (message.claimed_version) return check_modern(message, headers, space, detail);
    const std::string_view named = headers.protocol_version.value;
    if (headers.protocol_version.given && is_modern_revision(named)) {
        if (message.method == Method::initialize) {
            detail = "initialize is of an older era than the MCP-Protocol-Version header";
            return fail(Error::header_mismatch);
        }
        if (message.kind == Kind::result || message.kind == Kind::error) {
            detail = "this revision knows no posted responses";
            return fail(Error::rpc_invalid);
        }
        if (message.kind == Kind::notification) return Classified{Era::modern, modern_revision};
        detail = "params._meta lacks io.modelcontextprotocol/protocolVersion and io.modelcontextprotocol/clientCapabilities";
        return fail(Error::rpc_params);
    }
    if (message.method == Method::initialize) return Classified{Era::legacy, message.params.find("protocolVersion").string(space)};
    if (!headers.protocol_version.given) return Classified{Era::legacy, assumed_revision};
    if (!is_known_revision(named)) {
        detail = space.join({"protocol version ", named, " is not supported"});
        return fail(Error::protocol_unsupported);
    }
    return Classified{Era::legacy, space.copy(named)};
}

Result<std::string_view> decode_mirrored(std::string_view value, Workspace& space) {
    if (!value.starts_with(sentinel_begin) || !value.ends_with(sentinel_end) ||
        value.size() < sentinel_begin.size() + sentinel_end.size())
        return value;
    const auto inside = value.substr(sentinel_begin.size(), value.size() - sentinel_begin.size() - sentinel_end.size());
    char* decoded = space.take(crypto::base64_decoded_max(inside.size()) + 1, 1);
    const auto size = crypto::decode_base64(inside, decoded);
    if (!size) return fail(Error::invalid);
    return std::string_view(decoded, *size);
}

} // namespace weir::mcp
