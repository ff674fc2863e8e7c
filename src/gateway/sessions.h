// gateway/sessions.h - the sessions of the record on one worker: who used which server through which client.
//
// Not the protocol's sessions (those travel sealed with the client) but weir's own: principal, client and server; ended by
// 30 minutes of silence. Its key is the same on every worker, so that the
// pieces that SO_REUSEPORT scatters are read as one. Fixed number of places; the longest idle one is evicted.
#pragma once

#include "base/limits.h"
#include "identity/principal.h"
#include "record/writer.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::gateway {

/// What names a session. Views for the length of the call.
struct SessionFacts {
    std::string_view principal;
    std::string_view client; // name and version, as it says itself
    std::string_view server;
    std::string_view revision;
    std::string_view mcp_session; // the upstream's id of the protocol session when it opened; not part of the name
    const identity::Principal* who = nullptr; // what the principal is the key of; nullptr: nobody
};

struct Session {
    uint64_t hash = 0;
    uint64_t opened_seq = 0; // of its session_opened entry in this worker's stream
    uint64_t used_ns = 0;
    uint64_t calls = 0;
    std::array<char, 32> key{}; // hexadecimal; the id that policies and readers of the record see
    bool open = false;
    std::string_view id() const { return {key.data(), key.size()}; }
};

class Sessions {
  public:
    static constexpr size_t open_max = 16'384;

    Sessions(record::Writer* record, const std::array<unsigned char, 16>& boot_id, uint64_t idle_ns_max, uint64_t seed);

    /// The session that `facts` name, opened (and recorded) if there is none; recorded once more when the entry about it was
    /// removed with its segment, so that the record goes on to say who it is. nullptr: the record takes no entry.
    Session* find(const SessionFacts& facts, uint64_t now_ns);
    /// Closes what was idle for too long. Looks at a part of the places each time.
    void expire(uint64_t now_ns);
    /// Closes all, as `reason` ("drain").
    void close_all(std::string_view reason);
    size_t count() const { return by_hash_.size(); }

  private:
    bool tell(Session& session, const SessionFacts& facts);
    void close(Session& session, std::string_view reason);
    Session* place();

    record::Writer* record_;
    std::array<unsigned char, 16> boot_id_;
    uint64_t idle_ns_max_;
    uint64_t seed_;
    std::vector<Session> places_;
    std::vector<uint32_t> free_;
    std::unordered_map<uint64_t, uint32_t> by_hash_;
    size_t looked_ = 0;
};

} // namespace weir::gateway
