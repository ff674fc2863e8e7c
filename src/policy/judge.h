// policy/judge.h - applies a PolicySet to facts: the one seam between the gateway and the policies.
//
// Synchronous, bounded in time and memory, and it never fails: what goes wrong is a verdict that blocks. Every policy
// that matches is evaluated, and the strictest decision holds; of a request that nobody decided on, the server's
// default holds (policies/builtin.lua). What an on = "list" policy hides is refused by name too: both places ask the
// same rule.
//
// What a policy on = "response" says of an answer is a judgement of its own: who asks for it asks may_touch_response()
// when the request goes out, and judges the answer only if that says so. No default holds for answers.
//
// One per worker, used by one thread at a time. Owns the worker's Lua states.
#pragma once

#include "base/limits.h"
#include "base/workspace.h"
#include "policy/facts.h"
#include "policy/set.h"
#include "policy/verdict.h"
#include "policy/watchdog.h"

#include <cstdint>
#include <memory>

namespace weir::policy {

/// What one Judge counts.
struct JudgeCounts {
    uint64_t judged = 0;
    uint64_t handler_runs = 0;
    uint64_t slow = 0;   // runs that took longer than policy_cpu_ns_warn, by the clock
    uint64_t errors = 0; // runs that failed, timeouts and memory included
    uint64_t timeouts = 0;
    uint64_t out_of_memory = 0;
    uint64_t suspended = 0; // denied without a run: five errors of that policy in 60 s
    uint64_t states_built = 0;
};

/// What policies may do with an answer, as far as the names in its request tell.
struct ResponseTouch {
    bool judged = false;    // some policy may have a say: judge the answer
    bool masks = false;     // and it may mask: the tool's outputSchema no longer holds
    bool arguments = false; // and it may ask for the arguments of the request: keep them
};

class Judge {
  public:
    /// `watchdog` outlives the Judge. Limits are those the set was loaded with.
    Judge(std::shared_ptr<const PolicySet> set, Watchdog& watchdog);
    ~Judge();
    Judge(const Judge&) = delete;
    Judge& operator=(const Judge&) = delete;

    /// Judges one request, answer or entry of a list, as facts.on says. What handlers said is copied to `space`.
    Verdict judge(const Facts& facts, Workspace& space);
    /// Whether the entry that `facts` describe is to be left out of its list.
    bool hides(const Facts& facts, Workspace& space) { return !judge(facts, space).goes_on(); }

    /// What policies on = "response" may do with the answer to the request of `facts` (whatever its `on`, arguments and
    /// results are). Costs one look into a table, and nothing in a set without such policies.
    ResponseTouch may_touch_response(Facts facts);

    const PolicySet& set() const;
    const JudgeCounts& counts() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace weir::policy
