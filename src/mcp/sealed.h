// mcp/sealed.h - what a later request must prove, sealed into the ids that the client carries: any worker of any node
// opens them, and nobody else makes or reads them.
//
// A sealed id is base64url of: version, number of the key, nonce, ciphertext and tag of AES-256-GCM. The version, the
// key's number, the purpose (session, event or approval) and the Bond are authenticated along with it, so that an id opens only for
// the principal, server and session it was issued to. A key of its own for each purpose is derived from the ring's.
//
// A KeyRing is plain data, shared read-only. A Sealer keeps cipher state and random octets: one for each worker. It
// allocates when it is made, not afterwards. Random nonces keep a key good for 2^32 ids of each purpose (NIST SP 800-38D,
// section 8.3); rotate by adding a key in front.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/workspace.h"
#include "crypto/aead.h"
#include "mcp/method.h"
#include "mcp/remembered.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace weir::mcp {

/// The keys that ids are sealed with. The first one seals, all of them open.
class KeyRing {
  public:
    using Octets = std::array<unsigned char, 32>;
    struct Key {
        uint8_t number;
        Octets octets;
    };
    KeyRing() = default;
    ~KeyRing(); // wipes
    KeyRing(KeyRing&&) = default;
    KeyRing& operator=(KeyRing&&) = default;

    /// Adds a key behind those that are there. False when the number is taken.
    bool add(uint8_t number, const Octets& octets);
    std::span<const Key> keys() const { return keys_; }

  private:
    std::vector<Key> keys_;
};

/// To whom an id is bound. Not in the sealed text: whoever opens it must say the same again.
struct Bond {
    std::string_view principal; // Principal::key()
    std::string_view server;    // its name in the configuration
    std::string_view session;   // events: the upstream's session id; empty: none
};

/// What a legacy session id stands for.
struct SessionSeal {
    std::string_view upstream_id; // the upstream's session id; empty: it has none
    std::string_view revision;    // as agreed by initialize
    std::string_view client;      // what the client calls itself
};

/// What an event id stands for: what a resumed stream must be treated as. What is masked in it, policies say by these
/// names when it is taken up.
struct EventSeal {
    std::string_view upstream_id;    // the upstream's event id
    Method method = Method::unknown; // of the request that the stream answers; unknown: a GET stream
    std::string_view name;           // the tool, prompt or URI
};

/// What the `requestState` of a call that waits for its approval stands for. It proves who waits for what; it is never
/// by itself enough to run anything.
struct ApprovalSeal {
    std::string_view ticket;      // its id
    std::string_view digest;      // of what is to be approved, 32 octets
    uint64_t round = 0;           // how many input_required the client got, this one included
    uint64_t expires_unix_ns = 0; // the ticket's; the state is refused afterwards
};

class Sealer {
  public:
    /// `ring` has at least one key.
    explicit Sealer(const KeyRing& ring);

    /// Appends the sealed id: visible ASCII, no longer than 4/3 of the texts in it and 64.
    /// Errors: limit_reached when one of them is longer than text_bytes_max.
    Result<void> seal_session(const SessionSeal& session, const Bond& bond, PaddedBytes& out);
    Result<void> seal_event(const EventSeal& event, const Bond& bond, PaddedBytes& out);

    Result<void> seal_approval(const ApprovalSeal& approval, const Bond& bond, PaddedBytes& out);

    /// Opens what a Sealer of the same keys sealed for the same bond; the texts lie in `space`.
    /// Errors: seal_invalid for anything else, without telling which of the reasons it is.
    Result<SessionSeal> open_session(std::string_view sealed, const Bond& bond, Workspace& space);
    Result<EventSeal> open_event(std::string_view sealed, const Bond& bond, Workspace& space);

    Result<ApprovalSeal> open_approval(std::string_view sealed, const Bond& bond, Workspace& space);

    /// Whether `state` is one of weir's own, by the look of it: an upstream's goes on as it is.
    static bool is_approval(std::string_view state) { return state.starts_with(approval_prefix); }

    static constexpr std::string_view approval_prefix = "weir1.";
    static constexpr size_t text_bytes_max = 1024;

  private:
    enum class Purpose : uint8_t { session = 1, event = 2, approval = 3 };
    struct Opener {
        uint8_t number;
        crypto::Aead session, event, approval;
        crypto::Aead& of(Purpose purpose) {
            return purpose == Purpose::session ? session : purpose == Purpose::event ? event : approval;
        }
    };
    Result<void> seal(Purpose purpose, std::span<const std::string_view> parts, const Bond& bond, PaddedBytes& out);
    Result<std::string_view> open(Purpose purpose, std::string_view sealed, const Bond& bond, Workspace& space);
    std::string_view next_nonce();

    std::vector<Opener> keys_;
    Remembered remembered_;
    std::array<unsigned char, 40 * crypto::Aead::nonce_bytes> random_{};
    size_t random_left_ = 0;
};

} // namespace weir::mcp
