// identity/key_source.h - when the keys of one issuer are fetched, and how long those that were fetched hold.
//
// Not the fetching (the thread `web` of control does it, with a deadline of two seconds, without redirects, of at most
// KeySet::text_bytes_max). One fetch at a time; two begin at least half a minute apart, whatever tokens ask for; once
// every five minutes otherwise, so that tokens of a key that was removed fail by then. A fetch that fails changes
// nothing: the last good keys hold for a day after they were last seen, and then none do. Pure: time is told.
#pragma once

#include "base/limits.h"
#include "identity/issuer.h"
#include "identity/jwks.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace weir::identity {

class KeySource {
  public:
    static constexpr uint64_t apart_ns_min = 30 * s_ns;
    static constexpr uint64_t period_ns = 300 * s_ns;
    static constexpr uint64_t life_ns_max = 86'400 * s_ns;

    /// Two fetches begin at least `apart_ns` apart; while there are no keys at all, a failed one is repeated sooner, after
    /// one second, two, four.
    explicit KeySource(uint64_t apart_ns = apart_ns_min) : apart_ns_(apart_ns) {}

    /// When the next fetch is due; UINT64_MAX while one is on. 0 before the first.
    uint64_t due_ns() const;
    bool is_due(uint64_t now_ns) const { return now_ns >= due_ns(); }

    /// A token named a key that is not among these: the next fetch is due as soon as it may be.
    void want(uint64_t now_ns);
    /// The fetch that was due begins.
    void begin(uint64_t now_ns);
    /// It gave these keys. They are in force now; true if they differ from those before.
    bool arrive(std::shared_ptr<const KeySet> keys, uint64_t now_ns);
    /// It gave nothing that could be used.
    void fail(uint64_t now_ns);

    /// The keys in force, or nullptr: none came yet, or none for a day.
    std::shared_ptr<const KeySet> keys(uint64_t now_ns) const;
    /// How many fetches have failed since the last good one, for alarms.
    uint32_t failures() const { return failures_; }

  private:
    std::shared_ptr<const KeySet> keys_;
    uint64_t apart_ns_;
    uint64_t began_ns_ = 0, arrived_ns_ = 0, due_ns_ = 0;
    bool fetching_ = false;
    uint32_t failures_ = 0;
};

/// Where the keys of `issuer` are, by its metadata (OIDC Discovery, section 3; RFC 8414, section 2).
///
/// A sentence says what is wrong: the metadata are not an object, are those of another issuer (compared exactly, RFC 8414,
/// section 3.3), or name keys that may not be fetched.
std::expected<std::string, std::string> keys_url_of(const Issuer& issuer, json::Value metadata);

} // namespace weir::identity
