// gateway/people.h - principals as the rules about approvals see them: who asks, and who decides.
//
// Pure. Who acts for somebody stands in the `act` claim of their token (RFC 8693, section 4.1).
#pragma once

#include "approve/decider.h"
#include "identity/principal.h"

#include <string>
#include <vector>

namespace weir::gateway {

/// Who must not decide about a call of `principal`: it, who acts for it, and the client that it uses.
approve::Asker asker_of(const identity::Principal& principal);

approve::Decider decider_of(const identity::Principal& principal);

} // namespace weir::gateway
