// identity/presets.cc - the shapes of tokens that providers document.
#include "identity/presets.h"

#include "base/assert.h"

#include <algorithm>
#include <utility>

namespace weir::identity {
namespace {

using enum crypto::SignatureAlgorithm;

Preset checked(Issuer issuer) {
    auto problem = problem_of(issuer);
    if (!problem.empty()) return std::unexpected(std::move(problem));
    return issuer;
}

bool is_guid(std::string_view text) {
    if (text.size() != 36) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (dash ? text[i] != '-' : !digit) return false;
    }
    return true;
}

/// What both versions share (learn.microsoft.com: "Access token claims reference", "Access tokens in the Microsoft
/// identity platform"). `sub` differs from application to application, `oid` is a person's within the tenant; names and
/// addresses can be changed by tenants' administrators, so that no e-mail is taken. A token without scopes and roles
/// grants nothing; ID tokens have neither.
Preset entra(std::span<const std::string> tenants, std::string url, std::string_view version,
             std::string_view metadata_behind) {
    if (tenants.empty()) return std::unexpected("list the ids of the tenants that you trust");
    if (!std::all_of(tenants.begin(), tenants.end(), is_guid))
        return std::unexpected("a tenant is given by its id, a GUID in lower case; names like `common` are no tenant");
    Issuer issuer;
    issuer.url = std::move(url);
    issuer.tenants.assign(tenants.begin(), tenants.end());
    // The metadata of `organizations` name their issuer with the same place for the tenant.
    std::string directory = "organizations";
    if (tenants.size() == 1) {
        directory = tenants[0];
        issuer.url = issuer.url_for(tenants[0]);
    }
    issuer.metadata_url = "https://login.microsoftonline.com/" + directory + std::string(metadata_behind);
    issuer.algorithms = {rs256};
    issuer.types = {"jwt"};
    issuer.pins = {{claim_names({"ver"})[0], {std::string(version)}}};
    issuer.any_of = claim_names({"scp", "roles"});
    issuer.subject = claim_names({"oid"});
    issuer.scopes = claim_names({"scp"});
    issuer.application_scopes = claim_names({"roles"});
    issuer.groups = claim_names({"groups"});
    return issuer;
}

} // namespace

std::vector<ClaimName> claim_names(std::initializer_list<std::string_view> names) {
    std::vector<ClaimName> result;
    for (const std::string_view name : names) {
        auto parsed = ClaimName::parse(name);
        WEIR_ASSERT(parsed.has_value());
        result.push_back(std::move(*parsed));
    }
    return result;
}

Preset entra_v2(std::span<const std::string> tenants) {
    auto issuer = entra(tenants, "https://login.microsoftonline.com/{tenantid}/v2.0", "2.0",
                        "/v2.0/.well-known/openid-configuration");
    if (!issuer) return issuer;
    issuer->client = claim_names({"azp"});
    issuer->display = claim_names({"name", "preferred_username"});
    issuer->keys_name_issuers = true;
    return checked(std::move(*issuer));
}

Preset entra_v1(std::span<const std::string> tenants) {
    auto issuer = entra(tenants, "https://sts.windows.net/{tenantid}/", "1.0", "/.well-known/openid-configuration");
    if (!issuer) return issuer;
    issuer->client = claim_names({"appid"});
    issuer->display = claim_names({"name", "unique_name", "upn"});
    return checked(std::move(*issuer));
}

/// developer.okta.com: "Okta-generated access tokens". Headers have no `typ`. `uid` is a person's, `sub` a login, which can
/// pass to somebody else, or the client itself where there is no person. ID tokens have no `cid`. Lists of groups end at
/// 100. Tokens of the organisation's own server are for Okta's API and not to be verified by others.
Preset okta(std::string_view url) {
    if (url.find("/oauth2/") == std::string_view::npos)
        return std::unexpected(
            "only custom authorization servers issue tokens for others: https://ORG.okta.com/oauth2/ID");
    Issuer issuer;
    issuer.url = url;
    issuer.algorithms = {rs256};
    issuer.type_optional = true;
    issuer.any_of = claim_names({"cid"});
    issuer.subject = claim_names({"uid", "sub"});
    issuer.client = claim_names({"cid"});
    issuer.display = claim_names({"name", "sub"});
    issuer.scopes = claim_names({"scp"});
    issuer.groups = claim_names({"groups"});
    issuer.groups_whole_max = 100;
    return checked(std::move(issuer));
}

/// developers.google.com: "OpenID Connect", "Validate an ID token". Access tokens are opaque, so the token is the one for
/// identities, issued to the client itself (`aud` is its id), without scopes. `hd` says that an organisation owns the
/// account: without it anybody with a Google account would come in. Groups are never in it.
Preset google_workspace(std::span<const std::string> domains) {
    if (domains.empty())
        return std::unexpected("list the domains of your organisation: otherwise every account is taken");
    Issuer issuer;
    issuer.url = "https://accounts.google.com";
    issuer.algorithms = {rs256};
    issuer.types = {"jwt"};
    issuer.foreign_claims = {"events"};
    issuer.pins = {{claim_names({"hd"})[0], {domains.begin(), domains.end()}}};
    issuer.subject = claim_names({"sub"});
    issuer.client = claim_names({"azp"});
    issuer.display = claim_names({"name", "email"});
    issuer.email = claim_names({"email"});
    issuer.email_verified = claim_names({"email_verified"});
    issuer.offline_scope = false;
    return checked(std::move(issuer));
}

/// Keycloak's "Server Administration Guide", tokens and mappers. The claim `typ` tells its kinds of tokens apart: Bearer,
/// ID, Refresh, Logout. Old versions put a `nonce` into access tokens.
Preset keycloak(std::string_view url) {
    if (url.find("/realms/") == std::string_view::npos)
        return std::unexpected("the issuer is a realm: https://HOST/realms/REALM");
    Issuer issuer;
    issuer.url = url;
    issuer.algorithms = {rs256, ps256, es256};
    issuer.foreign_claims = {"at_hash", "c_hash", "s_hash", "events"};
    issuer.pins = {{claim_names({"typ"})[0], {"Bearer"}}};
    issuer.subject = claim_names({"sub"});
    issuer.client = claim_names({"azp", "client_id"});
    issuer.display = claim_names({"preferred_username", "name"});
    issuer.email = claim_names({"email"});
    issuer.email_verified = claim_names({"email_verified"});
    issuer.scopes = claim_names({"scope"});
    issuer.offline_scope = false;
    issuer.groups = claim_names({"groups"});
    return checked(std::move(issuer));
}

/// RFC 9068, section 2.2, and the claims of OIDC Core, section 5.1.
Preset oidc(std::string_view url) {
    Issuer issuer;
    issuer.url = url;
    issuer.algorithms = {rs256, ps256, es256, es384};
    issuer.subject = claim_names({"sub"});
    issuer.client = claim_names({"client_id", "azp"});
    issuer.display = claim_names({"preferred_username", "name", "email"});
    issuer.email = claim_names({"email"});
    issuer.email_verified = claim_names({"email_verified"});
    issuer.scopes = claim_names({"scope"});
    issuer.groups = claim_names({"groups"});
    return checked(std::move(issuer));
}

} // namespace weir::identity
