// control/web.h - the thread that fetches from issuers: where their keys are, and the keys.
//
// One curl_multi: fetches of several issuers go on at once, one at a time for each. When to fetch is KeySource's to say
// (identity/key_source.h); how: within fetch_ns_max for metadata and keys together, at most KeySet::text_bytes_max of each,
// only status 200, no redirects, certificates verified, https (http to this machine alone). A URL that an issuer's metadata
// name may not lead to an address that is private to this machine or network, unless it has the host that the operator
// wrote. Workers hear of keys by `told`; nothing of them is waited for.
#pragma once

#include "base/limits.h"
#include "identity/issuer.h"
#include "identity/jwks.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::control {

/// What is known of an issuer after a fetch, or after somebody asked for one that is not due.
struct IssuerNews {
    std::shared_ptr<const identity::KeySet> keys; // nullptr: there are none that hold
    std::shared_ptr<const std::string> metadata;  // as last fetched; nullptr: none yet, or none needed
    bool changed = false;                         // other keys than told before
};

class Web {
  public:
    static constexpr uint64_t fetch_ns_max = 2 * s_ns;

    struct Source {
        std::string name; // for the log
        identity::Issuer issuer;
        uint64_t refetch_ns_min = 30 * s_ns;
    };

    /// `told` is called on this thread with the index of a source: after the first fetch, whenever its keys change or no
    /// longer hold, and once for each want().
    Web(std::vector<Source> sources, std::function<void(uint32_t, IssuerNews)> told);
    ~Web();
    Web(const Web&) = delete;
    Web& operator=(const Web&) = delete;

    /// Any thread, at once. Somebody came with a key of `source` that is not known.
    void want(uint32_t source);

  private:
    struct Thread; // what the thread alone has, curl first of all
    std::mutex mutex_;
    std::vector<bool> wanted_; // by source
    bool stopping_ = false;
    std::unique_ptr<Thread> own_;
    std::thread thread_;
};

} // namespace weir::control
