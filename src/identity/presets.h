// identity/presets.h - issuers that many have, described: what their access tokens look like, and what of it to trust.
//
// Starting points: what an operator configures beside a preset replaces the field it names. The sources of each shape
// stand with it in presets.cc; docs/identity.md tells operators what to set up at the provider. Pure.
#pragma once

#include "identity/issuer.h"

#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace weir::identity {

/// An Issuer, or a sentence about what was given.
using Preset = std::expected<Issuer, std::string>;

/// Microsoft Entra ID, access tokens of version 2: `tenants` are their ids (GUIDs in lower case), at least one.
Preset entra_v2(std::span<const std::string> tenants);
/// The same, version 1 (`accessTokenAcceptedVersion` null or 1 in the application's manifest).
Preset entra_v1(std::span<const std::string> tenants);
/// An Okta custom authorization server: https://ORG.okta.com/oauth2/ID.
Preset okta(std::string_view url);
/// Google Workspace: ID tokens, since Google's access tokens are opaque. `domains` are the hosted domains (`hd`).
Preset google_workspace(std::span<const std::string> domains);
/// A Keycloak realm: https://HOST/realms/REALM.
Preset keycloak(std::string_view url);
/// Any provider whose access tokens are JWTs: RFC 9068, or near it.
Preset oidc(std::string_view url);

/// The claims `names` reads, for descriptions in code: asserts that they are well-formed.
std::vector<ClaimName> claim_names(std::initializer_list<std::string_view> names);

} // namespace weir::identity
