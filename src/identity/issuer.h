// identity/issuer.h - one issuer of tokens as it is configured: how it is called, what its tokens look like, and what is
// asked of them.
//
// Plain data, made once (by hand or by presets.h), read by all workers. Not its keys (jwks.h), and not what a server
// wants (authenticator.h). docs/identity.md tells operators the same.
#pragma once

#include "crypto/signature.h"
#include "identity/claims.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::identity {

/// A claim that must be there with one of these values; it is a string, a number or boolean written so, or an array that
/// holds one.
struct Pin {
    ClaimName claim;
    std::vector<std::string> values;
};

struct Issuer {
    static constexpr uint32_t leeway_s_max = 30;
    static constexpr size_t tenants_max = 256;
    static constexpr std::string_view tenant_place = "{tenantid}";

    /// `iss`, compared octet by octet. With `tenants`, tenant_place in it stands for the tenant of the token.
    std::string url;
    /// Entra: the tenants whose tokens are taken. Each token's `tid` is one of them, and its `iss` that tenant's.
    std::vector<std::string> tenants;
    std::string metadata_url; // empty: `url` and /.well-known/openid-configuration
    std::string keys_url;     // empty: what the metadata say

    crypto::SignatureAlgorithms algorithms;
    /// What `typ` may be, in lower case and without `application/`.
    std::vector<std::string> types = {"at+jwt", "jwt"};
    bool type_optional = false; // a token without `typ` is one of type `jwt`
    /// Claims that no token of type `jwt` may have: those of ID tokens, logout tokens and security events.
    std::vector<std::string> foreign_claims = {"at_hash", "c_hash", "s_hash", "nonce", "events"};
    std::vector<Pin> pins;
    std::vector<ClaimName> any_of;    // if there are any, one of these claims must be there
    std::vector<std::string> clients; // to which tokens may have been issued; empty: any
    bool keys_name_issuers = false;   // Entra: a key with `issuer` signs for that issuer only
    uint32_t leeway_s = leeway_s_max; // for clocks that differ

    /// The first of these that is there. A token without any subject is refused.
    std::vector<ClaimName> subject;
    /// All that are there must agree.
    std::vector<ClaimName> client;
    std::vector<ClaimName> display; // the first that is there and can be shown; otherwise the subject
    /// Taken only if `email_verified` says true, in the claim of that name.
    std::vector<ClaimName> email;
    std::vector<ClaimName> email_verified;
    /// Words of a string, or an array of strings.
    std::vector<ClaimName> scopes;
    std::vector<ClaimName> application_scopes; // what counts as scopes in a token that has none of `scopes`
    /// Together. Groups are *unknown*, so that no rule about groups is satisfied by their absence, when
    ///   - one of these claims is missing or is not a string or an array of strings (absent_groups_are_none: a missing one
    ///     means none), or no claim is configured;
    ///   - `_claim_names` names one of them (OIDC Core, 5.6.2), or `hasgroups` is true: the issuer had too many to send;
    ///   - there are groups_whole_max of them or more: the issuer cuts its lists there (0: it does not).
    std::vector<ClaimName> groups;
    bool absent_groups_are_none = false;
    uint32_t groups_whole_max = 0;

    /// Refresh tokens are asked for with the scope offline_access (OIDC Core, 11). False: they come anyway, and that scope
    /// means more (Keycloak: a session without an end), or is unknown (Google).
    bool offline_scope = true;

    /// Whether a token with this `iss` is one of this issuer's, whatever its tenant.
    bool is_called(std::string_view iss) const;
    /// `url` for `tenant`.
    std::string url_for(std::string_view tenant) const;
};

/// What is wrong with a description, in a sentence; empty: nothing.
std::string problem_of(const Issuer& issuer);
/// The same for all that are configured together: no two may be called alike, since a token has one judge.
std::string problem_of(std::span<const Issuer> issuers);

/// Where the metadata of an issuer are (OIDC Discovery, section 4).
std::string metadata_url_of(const Issuer& issuer);

/// Whether keys and metadata may be fetched from `url`: https, or http from this machine's loopback; a host without user
/// information; no fragment; no characters that have no place in a URL.
bool may_fetch(std::string_view url);

/// `text` with the first tenant_place in it replaced.
std::string with_tenant(std::string_view text, std::string_view tenant);

} // namespace weir::identity
