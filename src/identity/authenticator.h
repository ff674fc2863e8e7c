// identity/authenticator.h - who sends a request: the Authorization field in, a principal out. What the gateway calls.
//
// Puts together what the other files do: reads the field, looks for a verdict, otherwise judges the token or the API key,
// within the worker's budget for signatures, and asks whether it may be used at this server. Time and keys are told; it
// does no I/O. One per worker and configuration, one thread; a token that is known costs no allocation.
#pragma once

#include "identity/api_key.h"
#include "identity/budget.h"
#include "identity/digest_memo.h"
#include "identity/jwt.h"
#include "identity/verdicts.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::identity {

/// What one server asks of those who come.
struct Resource {
    /// An issuer (by its index) whose tokens are taken, if they are meant for one of `audiences` (at least one).
    struct Trust {
        uint32_t issuer = 0;
        std::vector<std::string> audiences;
    };
    std::string server;
    std::vector<Trust> trusts;
    std::vector<std::string> scopes; // all are needed for any request; more may be for a tool (missing_scope())
    bool api_keys = false;           // whether keys that weir issued are taken
};

/// The first of `needed` that the principal lacks, or nothing.
std::string_view missing_scope(const Principal& principal, std::span<const std::string> needed);

class Authenticator {
  public:
    /// `issuers` outlive this.
    explicit Authenticator(std::span<const Issuer> issuers, const Verdicts::Bounds& bounds = {});

    /// The keys of an issuer, as they are from now on; nullptr: there are none that hold. Verdicts of other keys die.
    void set_keys(uint32_t issuer, std::shared_ptr<const KeySet> keys);
    void set_api_keys(std::shared_ptr<const ApiKeys> keys);

    /// Who sends a request with this Authorization field (empty: it has none) to `resource`, and until when that holds.
    /// `address` stands for the client's network address (a hash of it; of an IPv6 address its first 64 bits).
    ///
    /// Errors: all of token_error.h. The client is answered by row_of(error).challenge and told nothing else. key_unknown
    /// and keys_missing name an issuer: ask for its keys (KeySource::want()). The detail holds until the next call.
    std::expected<Accepted, Refusal> authenticate(std::string_view field, const Resource& resource,
                                                  const Moment& moment, uint64_t address);

    /// Since the start.
    struct Counts {
        uint64_t known = 0;    // answered by a verdict
        uint64_t verified = 0; // signatures looked at
        uint64_t wrong = 0;    // of these, wrong ones
        uint64_t put_off = 0;  // refused as busy
    };
    const Counts& counts() const { return counts_; }

  private:
    std::expected<Accepted, Refusal> admit(const Accepted& accepted, uint32_t issuer, const Resource& resource) const;
    std::expected<Accepted, Refusal> judge(std::string_view token, const crypto::Digest& digest,
                                           const Resource& resource, const Moment& moment, uint64_t address);

    std::span<const Issuer> issuers_;
    std::vector<std::shared_ptr<const KeySet>> keys_; // by issuer
    std::shared_ptr<const ApiKeys> api_keys_;
    std::vector<Trusted> trusted_; // of the resource that is looked at
    TokenReader reader_;
    DigestMemo memo_;
    Verdicts verdicts_;
    SignatureBudget budget_;
    Counts counts_;
};

} // namespace weir::identity
