// mcp/reply.h - every message that weir itself originates, valid by the JSON schema of the revision it answers.
//
// Texts only, no HTTP: which status goes with which is base/result.h's and the gateway's. Nothing of a policy but its own
// words is told, and nothing of weir's insides. Texts given are UTF-8 (asserted nowhere: they come out of scanned JSON,
// configuration or constants). Pure but for `out`, to which all functions append.
#pragma once

#include "base/bytes.h"
#include "mcp/method.h"
#include "mcp/revision.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::mcp {

/// One JSON-RPC error.
struct ErrorReply {
    std::string_view id = {}; // the request's, as JSON text; empty: null in the legacy era, left out in the modern one
    Era era = Era::legacy;
    int32_t code = 0;
    std::string_view message = {};
    std::string_view data = {}; // JSON text; empty: none
};
void write_error(PaddedBytes& out, const ErrorReply& error);

/// A request and what a policy says to it.
struct Denial {
    std::string_view id = {}; // the request's, as JSON text
    Era era = Era::legacy;
    Method method = Method::unknown;
    std::string_view name = {}; // the tool, prompt or URI
    bool hidden = false;        // as if it did not exist: nothing of what follows is told
    bool as_error = false;      // of tools/call: a JSON-RPC error instead of a result
    std::string_view code = {}; // the policy's own word for the reason; may be empty
    std::string_view text = {}; // for the model and its user; empty: a text of weir's own
    std::string_view hint = {}; // what would be allowed; may be empty
    uint32_t retry_after_s = 0; // 0: not at all
    int32_t rpc_code = 40301;   // of the error, where it is one of weir's own
};

/// The answer to a request that a policy denies, in the form that a client of that method can read and show; HTTP 200.
///
///   tools/call           a result with isError and one text; hidden: error -32602 "Unknown tool: …", as of one that never was
///   resources/read       error -32602, before 2026-07-28 -32002, "Resource not found", with data.uri
///   prompts/get, resources/subscribe, resources/unsubscribe   error -32602
///   completion/complete  no values
///   any other            error rpc_code; hidden: -32601
/// All that is not hidden says why: in a result's _meta["dev.weir/decision"], in an error's data.weir.
void write_denial(PaddedBytes& out, const Denial& denial);

/// A call that waits for people.
struct Pending {
    std::string_view id = {}; // the request's, as JSON text
    Era era = Era::legacy;
    Method method = Method::unknown;
    std::string_view ticket = {};  // its id, `ap_…`
    std::string_view reason = {};  // of the policy that asks; may be empty
    std::string_view expires = {}; // when an answer can no longer come, RFC 3339
    std::string_view digest = {};  // of what is to be approved, hexadecimal
    uint32_t retry_after_s = 30;
};

/// "Not executed, waits for approval": for tools/call a result with isError that nobody can read as success, for any
/// other method an error 40302 with the same facts in its data. HTTP 200.
void write_pending(PaddedBytes& out, const Pending& pending);

/// The same as a round of 2026-07-28: `input_required` with `state` alone, upon which clients retry by themselves.
void write_input_required(PaddedBytes& out, std::string_view id, std::string_view state);

/// notifications/progress without an end in sight. `token` is the request's, as JSON text; `count` rises by one each.
void write_progress(PaddedBytes& out, std::string_view token, uint64_t count, std::string_view message);

/// notifications/message of weir's own, level notice.
void write_notice(PaddedBytes& out, std::string_view text);

/// What a server is answered when the client is not asked on its behalf: sampling is rejected (-1), elicitation declined,
/// roots are none, any other method is unknown (-32601).
void write_declined(PaddedBytes& out, std::string_view id, Method method);

/// The data of a protocol_unsupported error: the revisions weir offers in that era and the one that was asked for.
void write_versions(PaddedBytes& out, std::span<const std::string_view> offered, std::string_view requested);

/// A result without anything in it: of ping.
void write_empty_result(PaddedBytes& out, std::string_view id, Era era);

/// The graceful end of a subscriptions/listen: a result that names its subscription.
void write_listen_end(PaddedBytes& out, std::string_view id);

} // namespace weir::mcp
