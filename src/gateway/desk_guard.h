// gateway/desk_guard.h - what a decision by HTTP depends on: If-Match, and Idempotency-Key.
//
// If-Match (RFC 9110, section 13.1.1): the versions of the ticket that who decides has seen, as strong entity tags, `"3"`; a
// decision about another one is not made. Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a request that comes
// again under its key gets its first answer, and another request under that key is refused. The key is who decides' own, and
// is kept by the store in the transaction of the decision.
//
// Pure.
#pragma once

#include "control/desk.h"
#include "control/store.h"

#include <expected>
#include <string>
#include <string_view>

namespace weir::gateway {

inline constexpr size_t idempotency_key_bytes_max = 255;

/// What `request` about `id` says of it; `Guard::write` is left to the caller. A sentence, when a field is not understood.
std::expected<control::Guard, std::string> read_guard(const control::DeskRequest& request, std::string_view id);

/// The entity tag of a ticket of that version.
std::string etag_of(uint64_t version);

/// A reply as it is kept under a key, and back.
std::string kept_text(const control::DeskReply& reply);
control::DeskReply kept_reply(std::string_view text);

} // namespace weir::gateway
