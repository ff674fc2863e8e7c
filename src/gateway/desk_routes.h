// gateway/desk_routes.h - what the control socket answers, and people with tokens at the admin listener: pages, and the calls
// that wait for people.
//
//   GET  /livez /readyz /metrics /status       as the admin listener serves them; by the socket only
//   GET  /api/v1/approvals                     the tickets that wait, oldest first; with all=1 those that are over behind them
//        ?all=1&state=&server=&name=&mine=1&limit=&after=
//   GET  /api/v1/whoami                        as whom the desk takes who asks
//   GET  /api/v1/approvals/{id}                one, with the body that will run
//   POST /api/v1/approvals/{id}/decision       {"decision":"approve"|"deny"|"withdraw"|"revoke","note":"..."}
//
// A decision is recorded as `unix:UID:NAME`, who opened the socket, or as `token:ISSUER:SUBJECT`. A person sees what they may
// decide about or have asked for, and decides by the rules of approve/decider.h. Errors are JSON, {"error","text"} and, for a
// conflict, the ticket as it stands: 400, 403, 404, 405, 409, 412, 422, 503, 504. Blocks on what it is given to ask.
#pragma once

#include "approve/decider.h"
#include "control/desk.h"
#include "control/store.h"
#include "gateway/admin.h"
#include "json/text.h"
#include "post/desk.h"

#include <functional>
#include <string_view>
#include <vector>

namespace weir::gateway {

/// Of a decision that nobody has answered in time: 504.
inline constexpr std::string_view decision_unknown = "not_known";
inline constexpr std::string_view decision_unknown_text =
    "no answer in time: the decision may be made still; look at the ticket, or send it again with an Idempotency-Key";

/// What answers are made of. Without `list` or `decide`, approvals are answered with 503.
struct DeskParts {
    std::function<Page(std::string_view path, PaddedBytes& out)> page{};
    std::function<Result<control::Listed>(control::Listing)> list{};
    std::function<Result<control::TicketView>(std::string_view id)> find{};
    std::function<control::Decided(std::string_view id, control::Verb, control::Actor, std::string_view note,
                                   control::Guard)>
        decide{};
};

/// Answers one request, on a thread that may block. `person`: by whose token it came; none: through the control socket.
control::DeskReply answer_desk(const control::DeskRequest& request, const DeskParts& parts,
                               const approve::Decider* person = nullptr);

/// The same for what came by the admin listener with a token.
post::DeskNews answer_person(const post::DeskAsk& ask, const DeskParts& parts);

/// Whether `path` is for people with tokens: below /api/v1/approvals, or /api/v1/whoami.
bool is_approvals(std::string_view path);

/// A ticket as JSON; its body, as a string, only if `body`: what will run is those octets and no others.
void write_ticket(json::Text& out, const control::TicketView& ticket, bool body);

} // namespace weir::gateway
