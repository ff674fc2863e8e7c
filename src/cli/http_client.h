// cli/http_client.h - one HTTP/1.1 request to one server and its answer, on a blocking socket with deadlines.
//
// For commands that a person waits for, never for a worker. One connection a request, no redirects, no TLS, no proxy.
// Owns the socket and the bytes of the answer.
#pragma once

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "http/body.h"
#include "http/head.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::cli {

/// Where a request goes.
struct Endpoint {
    std::string host; // a name or an address, IPv6 without brackets
    uint16_t port = 0;
    std::string authority; // for Host
    std::string target = "/";
    std::string socket = {}; // the path of a UNIX socket, in place of host and port
};

/// Takes `http://host[:port]/path` apart. invalid: anything else, https included.
Result<Endpoint> read_endpoint(std::string_view url);

struct HttpRequest {
    http::Method method = http::Method::get;
    std::vector<std::pair<std::string, std::string>> fields; // beside Host, Content-Length and Connection
    std::string_view body;
};

class HttpExchange {
  public:
    explicit HttpExchange(BufferPool& pool) : raw_(pool), body_(pool) {}
    ~HttpExchange();
    HttpExchange(const HttpExchange&) = delete;
    HttpExchange& operator=(const HttpExchange&) = delete;

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
    const std::string& why() const { return why_; }

  private:
    Result<void> connect(const Endpoint& to);
    Result<void> send(std::string_view bytes);
    Result<bool> receive(); // false: the peer is done
    Result<void> wait(short events);
    Result<void> take_payload();
    std::unexpected<Error> failed(std::string_view what);

    int fd_ = -1;
    uint64_t silence_ns_max_ = 0;
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
