// gateway/desk_routes.h - what the control socket answers: the pages of the admin listener, and the calls that wait for people.
//
//   GET  /livez /readyz /metrics /status       as the admin listener serves them
//   GET  /api/v1/approvals[?all=1]             the tickets that wait, oldest first; with all=1 those that are over behind them
//   GET  /api/v1/approvals/{id}                one, with the body that will run
//   POST /api/v1/approvals/{id}/decision       {"decision":"approve"|"deny"|"withdraw"|"revoke","note":"..."}
//
// A decision is recorded as `unix:UID:NAME`: who opened the socket is who decides. Errors are JSON, {"error","text"} and,
// for a conflict, the ticket as it stands: 400, 404, 405, 409, 503. Blocks on what it is given to ask.
#pragma once

#include "control/desk.h"
#include "control/store.h"
#include "gateway/admin.h"
#include "json/text.h"

#include <functional>
#include <string_view>
#include <vector>

namespace weir::gateway {

/// What answers are made of. Without `list` or `decide`, approvals are answered with 503.
struct DeskParts {
    std::function<Page(std::string_view path, PaddedBytes& out)> page{};
    std::function<Result<std::vector<control::TicketView>>(bool all, size_t count_max)> list{};
    std::function<Result<control::TicketView>(std::string_view id)> find{};
    std::function<control::Decided(std::string_view id, control::Verb, std::string_view by, std::string_view note)>
        decide{};
};

/// Answers one request, on the desk's thread.
control::DeskReply answer_desk(const control::DeskRequest& request, const DeskParts& parts);

/// A ticket as JSON; its body, as a string, only if `body`: what will run is those octets and no others.
void write_ticket(json::Text& out, const control::TicketView& ticket, bool body);

} // namespace weir::gateway
