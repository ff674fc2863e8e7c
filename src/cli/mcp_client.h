// cli/mcp_client.h - a small MCP client over Streamable HTTP that speaks both eras.
//
// For `weir call`, `weir tools` and the demo's tour: one request at a time, no capabilities offered, so servers have
// nothing to ask back but ping. It tries the stateless era (2026-07-28) first and falls back to the handshake of the
// legacy one, as the specification tells clients that know both. Blocking; one thread.
//
// Ownership: a Reply's values live until the next request of the same client.
#pragma once

#include "base/bytes.h"
#include "base/workspace.h"
#include "cli/http_client.h"
#include "json/document.h"
#include "json/scan.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::cli {

enum class Era : uint8_t { unknown, modern, legacy };

struct Reply {
    uint16_t status = 0; // HTTP
    json::Value result;  // one of these two, or neither: the answer was not JSON-RPC
    json::Value error;
    std::string_view text; // the whole message, or the body that was no message
};

class McpClient {
  public:
    /// `notified` gets each notification of an answer's stream while it comes. `silence_ns_max` bounds every wait.
    McpClient(Endpoint endpoint, uint64_t silence_ns_max, std::function<void(json::Value)> notified = {});

    /// Finds the era, does the handshake if there is one. Anything but success: why() has a sentence; status() the HTTP
    /// status if there was one.
    Result<void> connect(Era era = Era::unknown);
    /// Every request from here on comes with this bearer token; to https, or within this machine, and not elsewhere.
    void come_with(std::string token) { token_ = std::move(token); }
    /// One request. `members` is the inside of its params without `_meta`, e.g. `"name":"x"`; `name` what Mcp-Name says
    /// ("" for methods without). Errors are those of the transport; a JSON-RPC error is a Reply.
    Result<Reply> request(std::string_view method, std::string_view members, std::string_view name = {});
    /// One page of tools/list; an empty cursor is the first.
    Result<Reply> tools(const std::string& cursor);
    /// One tools/call; `arguments` is a JSON object. A server of the stateless era that refuses it because arguments are to
    /// be repeated in header fields (Mcp-Param-) is asked for the tool's schema, and called again with them. One that asks
    /// for nothing but the same call again (input_required with a requestState alone) gets it, rounds_max times.
    Result<Reply> call(std::string_view tool, std::string_view arguments);
    /// Ends a legacy session that has an id. Failures do not matter.
    void end();

    Era era() const { return era_; }
    const std::string& protocol() const { return protocol_; }
    uint16_t status() const { return status_; }
    const std::string& why() const { return why_; }
    /// The JSON-RPC error that connect() failed with, as it came; empty when it was something else.
    const std::string& refusal() const { return refusal_; }
    const Endpoint& endpoint() const { return endpoint_; }
    Workspace& space() { return space_; }

  private:
    Result<Reply> post(std::string_view body, std::string_view method, std::string_view name, uint64_t id);
    Result<Reply> read_stream(HttpExchange& exchange, uint64_t id);
    Result<Reply> reply_of(uint64_t id, bool& answered);
    void answer_server(json::Value request);
    std::string message(std::string_view method, std::string_view members, uint64_t id) const;
    HttpRequest http_request(http::Method method, std::string_view body) const;
    Result<void> mirror(std::string_view tool, std::string_view arguments);
    Result<void> discover();
    Result<void> initialize();

    Endpoint endpoint_;
    std::string token_;
    uint64_t silence_ns_max_;
    std::function<void(json::Value)> notified_;
    BufferPool pool_;
    Workspace space_;
    json::Scanner scanner_;
    json::Document document_;
    PaddedBytes kept_; // the text of the last message
    Era era_ = Era::unknown;
    std::string protocol_;
    std::string session_id_;
    std::vector<std::pair<std::string, std::string>> mirrored_; // fields of the call that is being made
    uint64_t next_id_ = 1;
    uint16_t status_ = 0;
    std::string why_, refusal_;
};

/// `value` as a header of MCP 2026-07-28 carries it: as it is, or `=?base64?...?=`.
std::string header_value(std::string_view value);

} // namespace weir::cli
