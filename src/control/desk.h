// control/desk.h - the thread at the control socket: it takes one HTTP/1.1 request from a connection, has it answered, closes.
//
// It knows no routes: what a request means is the answering function's. Who may ask is the kernel's word (SO_PEERCRED):
// the owner of this process and root, whatever the mode of the socket's file says. One connection after the other, each
// within a deadline, so that who stalls delays the others and no more. Blocks on the socket and on what the answering
// function blocks on; no worker ever waits for it.
//
// Owns its thread, its listening socket and the socket's file, which goes with it.
#pragma once

#include "base/limits.h"
#include "http/head.h"

#include <sys/types.h>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir::control {

/// Who is at the other end, as the kernel says.
struct Visitor {
    uid_t uid = 0;
    std::string name; // of the account; its number when it has none
};

/// One request. The views live as long as the call.
struct DeskRequest {
    http::Method method = http::Method::get;
    std::string_view path, query, body;
    Visitor visitor;
    std::optional<std::string> if_match{}, idempotency_key{}; // fields of these names; several lines are one list
};

struct DeskReply {
    uint16_t status = 200;
    std::string_view type = "application/json";
    std::string body;
    std::string etag{}; // of what the body shows; empty: it has none
};

struct DeskOptions {
    std::string path{};                                    // of the socket; what is there is replaced
    uint64_t read_ns_max = 5 * s_ns;                       // a whole request has arrived
    uint64_t write_ns_max = 5 * s_ns;                      // a whole answer is gone
    size_t body_bytes_max = size_t{64} << 10;              // of a request: 413
    std::function<DeskReply(const DeskRequest&)> answer{}; // called on the desk's thread; must not throw
};

class Desk {
  public:
    /// Listens at `options.path` (mode 0600) and starts the thread. On failure a text for the operator.
    static std::expected<std::unique_ptr<Desk>, std::string> open(DeskOptions options);
    /// Ends the thread: at once while it waits for a peer, else when the request that it answers is answered.
    ~Desk();
    Desk(const Desk&) = delete;
    Desk& operator=(const Desk&) = delete;

  private:
    struct Parts;
    explicit Desk(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

} // namespace weir::control
