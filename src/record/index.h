// record/index.h - sessions of the record, out of its entries.
//
// A session is one principal at one server through one client. Every worker writes its own piece of it, under the same
// key; the pieces are one session as long as no half hour of silence lies between two calls. Nothing here is kept on
// disk: it is a view that is made by reading. Pure but for memory; entries are to come in the order of time that
// Reader gives.
#pragma once

#include "record/fields.h"
#include "record/reader.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weir::record {

inline constexpr uint64_t session_silence_ns_max = 1'800'000'000'000;

struct SessionLine {
    std::string id; // `se_` and the first 12 digits of its key; `-2` for the second session under one key, and so on
    std::string key;
    std::string principal, person, client, server, revision;
    uint64_t first_ns = 0, last_ns = 0;
    uint64_t asked = 0, allowed = 0, blocked = 0, answered = 0, errors = 0, ambiguous = 0, events = 0;
    uint64_t pieces_open = 0; // on how many workers it has not ended
};

class SessionIndex {
  public:
    static constexpr size_t none = SIZE_MAX;

    /// Takes an entry in. Gives the number of the session it belongs to, or none: it is of the log itself, or of a
    /// session whose beginning is not there any more. What became of a ticket (the stream `control`) belongs to the
    /// session that first asked for it; it is counted nowhere, and makes no session longer. It may be all that is left of
    /// one: a worker's entries of the moment in which weir is killed can be lost, those of tickets never.
    size_t add(const Entry& entry, const Fields& fields);

    /// In the order in which they began.
    const std::vector<SessionLine>& sessions() const { return sessions_; }
    /// The numbers of the sessions that `id` names: "last", a whole id, or the beginning of some (`se_` may be left out).
    std::vector<size_t> find(std::string_view id) const;

  private:
    using Ref = std::pair<uint32_t, uint64_t>; // stream, and a seq or an exchange in it
    struct Hash {
        size_t operator()(const Ref& ref) const {
            return std::hash<uint64_t>()(ref.second * 0x9e3779b97f4a7c15U + ref.first);
        }
    };
    size_t session_for(std::string_view key, uint64_t time_ns);
    size_t of_asked(const Entry& entry, const Fields& fields);
    size_t close(const Entry& entry, const Fields& fields);
    size_t of_ticket(const Entry& entry, const Fields& fields);

    std::vector<SessionLine> sessions_;
    std::map<std::string, std::pair<size_t, unsigned>, std::less<>> by_key_; // the latest under a key, and how many
    std::unordered_map<Ref, size_t, Hash> by_opened_;
    std::unordered_map<Ref, size_t, Hash> by_exchange_;
    std::map<std::string, size_t, std::less<>> by_ticket_; // that people have to decide about, or had to
};

} // namespace weir::record
