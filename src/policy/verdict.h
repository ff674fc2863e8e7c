// policy/verdict.h - what all policies together say about one message or entry.
//
// Plain data. Its views point into the PolicySet (static decisions, names) and the Workspace that was given to the
// Judge (what handlers returned): keep both as long as the verdict.
#pragma once

#include "json/path.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::policy {

/// In order of strictness: of several decisions the greatest holds.
enum class Decision : uint8_t {
    pass,    // nobody decided, and the server's default does not cover the method: it goes on
    allow,   // it goes on because a policy, or the server's default, says so
    mask,    // it goes on without what Verdict::mask names; of responses only
    approve, // it waits for the people whom Verdict::approve names; of requests only
    block,   // refused; the text is for the model
    hide,    // refused as if the tool, prompt or resource did not exist; left out of lists
};

/// How a block is put for tools/call. by_method: as the method's own answer can be read best (result for tools/call).
enum class As : uint8_t { by_method, result, error };

/// What becomes of a value that is not to be seen.
enum class MaskAct : uint8_t { drop, null, last4, replace };

/// One field of one mask.
struct MaskField {
    json::PathView path;
    MaskAct act = MaskAct::drop;
    std::string_view text;   // replace: what stands in its place
    std::string_view policy; // whose mask it is
};

/// What one policy asks of people. Several of them: each is to be satisfied.
struct Approve {
    std::string_view policy;
    std::span<const std::string_view> by; // at least one: groups, persons
    std::string_view reason;              // may be empty
    uint64_t within_ns = 0;               // how long the call waits for them; afterwards it is blocked
};

struct Verdict {
    Decision decision = Decision::pass;
    As as = As::by_method;
    bool error = false;               // blocked because a policy failed; `detail` says how, for the record only
    bool by_default = false;          // no policy decided: this is the server's default
    bool looked_inside = false;       // arguments were read: send on the one re-serialisation, not the bytes received
    std::span<const MaskField> mask;  // decision mask: everything that any policy masks
    std::span<const Approve> approve; // decision approve: what every policy asks for, in order of their names
    uint64_t within_ns = 0;           // decision approve: the shortest of theirs
    uint32_t retry_after_s = 0;       // 0: none
    std::string_view code;            // stable, snake_case; policy_error when `error`
    std::string_view text;            // for the model
    std::string_view hint;            // for the model: what would work
    std::string_view detail;          // for the record: file:line and message of what failed
    std::span<const std::string_view> policies; // who took this decision, by name; empty when nobody did
    std::span<const std::string_view> log;      // lines of log.info, for the record

    /// Whether it goes on without anybody being asked, if with less in it.
    bool goes_on() const { return decision <= Decision::mask; }
};

} // namespace weir::policy
