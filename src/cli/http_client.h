// cli/http_client.h - one HTTP/1.1 request to one server and its answer, with deadlines.
//
// For commands that a person waits for, never for a worker. One connection a request, no redirects, no proxy.
// Owns the connection and the bytes of the answer.
#pragma once

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "control/wire.h"
#include "http/body.h"
#include "http/head.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::cli {

using control::Endpoint;

/// Takes `http://host[:port]/path` or `https://...` apart. invalid: anything else.
Result<Endpoint> read_endpoint(std::string_view url);

struct HttpRequest {
    http::Method method = http::Method::get;
    std::vector<std::pair<std::string, std::string>> fields; // beside Host, Content-Length and Connection
    std::string_view body;
};

class HttpExchange {
  public:
    explicit HttpExchange(BufferPool& pool) : raw_(pool), body_(pool) {}

    /// Connects, sends, and reads the answer's head. `silence_ns_max` bounds every wait from here on.
    /// io_failed: why() tells what; request_timeout: nobody answered in time; others: the answer is not HTTP.
    Result<void> start(const Endpoint& to, const HttpRequest& request, uint64_t silence_ns_max);
    /// Receives more of the body into body(). False: it is complete.
    Result<bool> read_more();
    /// All of the rest, at most `bytes_max` (upstream_too_large).
    Result<void> read_all(size_t bytes_max);

    uint16_t status() const { return status_; }
    http::MediaType content_type() const { return content_type_; }
    const std::string& session_id() const { return session_id_; }
    /// What of the body came and was not consumed.
    PaddedBytes& body() { return body_; }
    /// What went wrong, for a person.
    const std::string& why() const { return why_.empty() ? wire_.why() : why_; }

  private:
    Result<bool> receive(); // false: the peer is done
    Result<void> take_payload();

    control::Wire wire_;
    PaddedBytes raw_; // received, not yet decoded
    PaddedBytes body_;
    http::ChunkedReader chunks_;
    http::Framing framing_ = http::Framing::none;
    uint64_t left_ = 0; // of a body with a length
    uint16_t status_ = 0;
    http::MediaType content_type_ = http::MediaType::none;
    std::string session_id_;
    std::string why_;
    bool complete_ = false;
};

} // namespace weir::cli
