// cli/sessions.h - `weir sessions list|show|tail`: what stands in the record, for people and for pipes.
//
// Reads the segments themselves, also while weir writes them; asks no running weir. Everything that came from clients
// and servers is printed with its control and invisible characters escaped. Standard output is data, standard error
// talk; damage in the record is told there and makes the exit code 1, and what can be read is shown all the same.
#pragma once

#include "cli/commands.h"

#include <cstdint>
#include <string>

namespace weir::cli {

struct SessionsOptions {
    std::string segments; // the directory of all streams
    std::string session;  // an id, the beginning of one, or "last"; of tail: empty for all
    bool json = false;
    bool utc = false;
    bool bodies = false; // show, tail
    bool follow = true;  // tail
    uint64_t lines = 20; // tail: of the past
    uint64_t limit = 50; // list; 0: all
};

/// The sessions, the newest last. not_found: there is no record.
Exit sessions_list(const SessionsOptions& options);
/// Every entry of one session. not_found: no such session; usage: several begin like that.
Exit sessions_show(const SessionsOptions& options);
/// The last entries, and those that come, until interrupted or nobody reads them. not_found: no such session.
Exit sessions_tail(const SessionsOptions& options);

} // namespace weir::cli
