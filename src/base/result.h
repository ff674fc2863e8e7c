// base/result.h - results, and the one table of everything that can go wrong outside of weir's own code.
//
// Each row of the table gives the name, the HTTP status and the JSON-RPC code that a client gets for it (0: none of
// its own), and a text that a person can act on. JSON-RPC codes of weir's own lie outside -32768..-32000, which the
// JSON-RPC 2.0 specification reserves; -32020..-32022 are MCP 2026-07-28's.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

// name, HTTP status, JSON-RPC code, text
#define WEIR_ERRORS(row) \
    row(incomplete, 0, 0, "more bytes are needed") \
    row(head_malformed, 400, 0, "the HTTP head is malformed") \
    row(head_too_large, 431, 0, "the HTTP head is too large") \
    row(target_too_long, 414, 0, "the request target is too long") \
    row(method_not_allowed, 405, 0, "this HTTP method is not allowed here") \
    row(version_not_supported, 505, 0, "only HTTP/1.1 is spoken here") \
    row(framing_ambiguous, 400, 0, "the length of the body is ambiguous") \
    row(body_not_allowed, 400, 0, "this HTTP method takes no body") \
    row(body_too_large, 413, 0, "the body is too large") \
    row(chunk_malformed, 400, 0, "the chunked body is malformed") \
    row(host_refused, 403, 0, "this Host is not served here") \
    row(origin_refused, 403, 0, "this Origin is not allowed here") \
    row(expectation_failed, 417, 0, "the only expectation met here is 100-continue") \
    row(media_type_unsupported, 415, 0, "the body must be application/json in UTF-8, not encoded") \
    row(not_acceptable, 406, 0, "the client must accept application/json and text/event-stream") \
    row(route_unknown, 404, 0, "no server is configured at this path") \
    row(token_missing, 401, 40101, "an access token is needed here") \
    row(token_refused, 401, 40101, "the access token is not valid here") \
    row(token_malformed, 400, 40001, "the Authorization field is not one scheme and one token") \
    row(scope_missing, 403, 40311, "the access token lacks a scope that is needed for this") \
    row(identity_unavailable, 503, 50305, "weir cannot tell now who asks; try again") \
    row(request_timeout, 408, 0, "the request took too long to arrive") \
    row(json_syntax, 400, -32700, "the body is not valid JSON") \
    row(json_utf8, 400, -32700, "the body is not valid UTF-8") \
    row(json_depth, 400, -32700, "the JSON nests too deeply") \
    row(json_members, 400, -32700, "an object of the JSON has too many members") \
    row(json_number, 400, -32700, "a number of the JSON is out of range or too long") \
    row(json_duplicate, 400, -32700, "an object of the JSON has the same name twice") \
    row(json_surrogate, 400, -32700, "a string of the JSON escapes half of a surrogate pair") \
    row(json_too_large, 413, -32700, "the JSON is too large") \
    row(rpc_invalid, 400, -32600, "this is not a JSON-RPC 2.0 message of MCP") \
    row(rpc_name, 400, -32600, "a name of the message is a known one in disguise, or has control characters") \
    row(rpc_method_unknown, 404, -32601, "unknown method") \
    row(rpc_params, 400, -32602, "the params are not as MCP defines them") \
    row(rpc_internal, 500, -32603, "internal error") \
    row(header_mismatch, 400, -32020, "an MCP header and the body disagree") \
    row(capability_missing, 400, -32021, "the client lacks a capability that is needed") \
    row(protocol_unsupported, 400, -32022, "this protocol version is not supported") \
    row(session_unknown, 404, -32600, "unknown or ended session") \
    row(batch_refused, 400, -32600, "batches are only for sessions that agreed on 2025-03-26") \
    row(id_in_flight, 400, -32600, "a request with this id is already in flight") \
    row(policy_denied, 200, 40301, "denied by policy") \
    row(approval_pending, 200, 40302, "waits for the approval of a person") \
    row(approval_denied, 200, 40303, "the approval was refused") \
    row(approval_expired, 200, 40304, "nobody approved it in time") \
    row(approval_ambiguous, 200, 40306, "it was approved and may have run; its outcome is not known") \
    row(approval_unavailable, 200, 50304, "an approval is needed and cannot be asked for now") \
    row(policy_error, 200, 40305, "denied: a policy failed") \
    row(mask_failed, 200, 40305, "denied: the answer cannot be masked") \
    row(upstream_unreachable, 502, -32603, "the MCP server cannot be reached") \
    row(upstream_timeout, 504, -32603, "the MCP server did not answer in time") \
    row(upstream_malformed, 502, -32603, "the MCP server's answer is malformed") \
    row(upstream_cut, 502, -32603, "the MCP server broke off its answer") \
    row(client_left, 0, 0, "the client left before the answer was whole; it may take it up again") \
    row(upstream_too_large, 502, -32603, "the MCP server's answer is too large") \
    row(upstream_refused, 502, -32603, "the MCP server refuses weir's credential") \
    row(upstream_redirect, 502, -32603, "the MCP server redirects, which is not followed") \
    row(streams_exceeded, 429, 42901, "too many event streams are open for this principal; close one first") \
    row(overloaded, 503, 50301, "weir is at its limit; try again") \
    row(record_unavailable, 503, 50302, "weir cannot write its record, so it lets nothing through") \
    row(draining, 503, 50303, "weir is shutting down") \
    row(seal_invalid, 404, -32600, "this id was not issued by this weir") \
    row(corrupt, 0, 0, "the bytes are damaged") \
    row(not_found, 0, 0, "not found") \
    row(exists, 0, 0, "it exists already") \
    row(io_failed, 0, 0, "input or output failed") \
    row(no_space, 0, 0, "no space is left") \
    row(invalid, 0, 0, "invalid value") \
    row(limit_reached, 0, 0, "a limit is reached")

namespace weir {

enum class Error : uint8_t {
#define WEIR_ROW(name, status, code, text) name,
    WEIR_ERRORS(WEIR_ROW)
#undef WEIR_ROW
};

/// What a peer is told about an error: HTTP status (0: never answered with), JSON-RPC code (0: none), text.
struct ErrorRow {
    std::string_view name;
    uint16_t status;
    int32_t code;
    std::string_view text;
};

/// The row of `error` in the table.
const ErrorRow& row_of(Error error);

/// A value, or the error that stands in its place. std::expected without its monadic members (g++ 12 lacks them).
template <class T> using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(error); }

} // namespace weir
