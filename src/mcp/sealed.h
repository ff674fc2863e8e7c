// mcp/sealed.h - what must prove itself when it comes back, because sessions have no home: session ids and event ids.
//
// An id that weir gives a client is the upstream's own id sealed together with whom and what it is for (AES-256-GCM), so
// that any worker and any node can check it without a table. Visible ASCII. Owns nothing: texts go into a Workspace.
#pragma once

#include "base/result.h"
#include "base/workspace.h"
#include "crypto/aead.h"
#include "mcp/methods.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace weir::mcp {

/// Keys, newest first: the first seals, all open. Each thread that seals needs its own (crypto::Aead).
class KeyRing {
  public:
    using Key = std::array<uint8_t, crypto::Aead::key_bytes>;
    explicit KeyRing(std::span<const Key> keys);
    /// Seals `plain` for `purpose`, as base64url text in `space`. A random nonce each time: with one key, 2^32 messages keep
    /// the chance of a repeat below 2^-32 (NIST SP 800-38D, section 8.3).
    std::string_view seal(std::string_view purpose, std::string_view plain, Workspace& space);
    /// What was sealed, in `space`. seal_invalid: anything else.
    Result<std::string_view> open(std::string_view purpose, std::string_view text, Workspace& space);

  private:
    std::vector<crypto::Aead> aeads_;
};

struct SessionSeal {
    std::string_view upstream_id; // empty: the upstream has none
    std::string_view server;      // its configured name
    std::string_view principal;   // Principal::key
    std::string_view revision;    // agreed in initialize
};

struct EventSeal {
    std::string_view upstream_id; // of the event
    std::string_view server;
    std::string_view principal;
    std::string_view session;     // the upstream's session id
    Method method = Method::unknown; // of the request whose stream it is; unknown: a GET stream's
    std::string_view name;        // the tool, prompt or resource of that request
};

/// The id that the client gets; lives in `space`.
std::string_view seal_session(KeyRing& keys, const SessionSeal& session, Workspace& space);
std::string_view seal_event(KeyRing& keys, const EventSeal& event, Workspace& space);

/// What was sealed. seal_invalid: not made by these keys for this purpose, or changed.
Result<SessionSeal> open_session(KeyRing& keys, std::string_view text, Workspace& space);
Result<EventSeal> open_event(KeyRing& keys, std::string_view text, Workspace& space);

} // namespace weir::mcp
