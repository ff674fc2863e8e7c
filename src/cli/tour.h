// cli/tour.h - the demo's tour: what a person would try by hand, tried by weir itself and told step by step.
#pragma once

#include "cli/http_client.h"
#include "cli/tickets.h"
#include "demo/acme.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

struct Step {
    bool good = false;
    std::string what; // "query sql=\"drop table customers\""
    std::string seen; // one line
};

/// Walks through weir at `endpoint` in both eras, telling each step through `tell`. `acme` knows what reached it; what
/// waits for people is decided at `desk`, as `weir approvals` does. True: all went as it should.
bool walk(const Endpoint& endpoint, const demo::Acme& acme, const TicketDesk& desk,
          const std::function<void(const Step&)>& tell);

/// Reads the record below `segments` back: every call of a walk must be in it with its verdict. Prints nothing.
Step recorded(const std::string& segments);

} // namespace weir::cli
