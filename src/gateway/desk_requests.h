// gateway/desk_requests.h - people with tokens at the admin listener: their requests to /api/v1/approvals, and their answers.
//
// A request is admitted by its Host, never from a page in a browser (it would have an Origin), and only with a bearer token,
// which no browser sends by itself: nothing here can be done by luring somebody to a page. Its token is judged by the same
// step as those of clients (authentication.cc); what it means, by the clerk's thread (desk_routes.h). Nothing here blocks.
#pragma once

#include "gateway/exchange.h"

#include <string_view>

namespace weir::gateway {

/// The head of a request to the admin listener that is for no page. Looks at what the head alone decides.
Next admit_person(Exchange& exchange);

/// Its body is here: hands it to the clerk. False: too many questions wait.
bool ask_desk(Exchange& exchange);

/// The clerk has answered. Nobody waits there any more: nothing happens.
void hear_desk(Worker& worker, post::DeskNews&& news);

/// Whether the exchange came by the admin listener.
bool is_admin(const Exchange& exchange);

/// A refusal as these people get it: JSON with the error's name and a sentence.
void write_desk_error(PaddedBytes& out, std::string_view name, std::string_view text);

} // namespace weir::gateway
