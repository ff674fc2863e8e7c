// identity/principal_claims.h - reads a Principal out of the claims of an issuer's token, by the names that the issuer's
// description gives them.
//
// Not whether the token is good: jwt.h. Pure. What names somebody must be plain text: what could forge a line of a log or
// mislead a reader is refused, not repaired.
#pragma once

#include "base/workspace.h"
#include "identity/issuer.h"
#include "identity/principal.h"
#include "identity/token_error.h"

#include <expected>
#include <string_view>

namespace weir::identity {

/// The client that the token was issued to; empty: it does not say.
///
/// Errors: claims_malformed when a claim for it is no plain name; client_refused when two of them differ.
std::expected<std::string_view, Refusal> read_client(const Issuer& issuer, json::Value claims, Workspace& space);

/// Who the claims speak of.
///
/// Errors: subject_missing; those of read_client(); claims_malformed when a subject, scope or group is no plain name.
std::expected<Principal, Refusal> read_principal(const Issuer& issuer, const json::Document& claims, Workspace& space);

} // namespace weir::identity
