// identity/issuer.cc - what an issuer is called, and what a sound description of one is.
#include "identity/issuer.h"

#include <algorithm>

namespace weir::identity {
namespace {

bool is_url_character(char octet) {
    constexpr std::string_view never = "\"<>\\^`{|}#";
    return octet > 0x20 && octet < 0x7f && never.find(octet) == std::string_view::npos;
}

/// The rest of `url` behind its scheme, or nothing if it is not https, nor http to this machine.
std::string_view behind_scheme(std::string_view url) {
    constexpr std::string_view https = "https://", http = "http://";
    if (url.starts_with(https)) return url.substr(https.size());
    if (!url.starts_with(http)) return {};
    url.remove_prefix(http.size());
    const std::string_view authority = url.substr(0, url.find_first_of("/?"));
    for (const std::string_view host : {"127.0.0.1", "[::1]", "localhost"})
        if (authority == host || (authority.starts_with(host) && authority[host.size()] == ':')) return url;
    return {};
}

} // namespace

std::string with_tenant(std::string_view text, std::string_view tenant) {
    std::string result(text);
    const size_t at = result.find(Issuer::tenant_place);
    if (at != std::string::npos) result.replace(at, Issuer::tenant_place.size(), tenant);
    return result;
}

std::string Issuer::url_for(std::string_view tenant) const { return with_tenant(url, tenant); }

bool Issuer::is_called(std::string_view iss) const {
    const std::string_view whole = url;
    const size_t at = tenants.empty() ? std::string_view::npos : whole.find(tenant_place);
    if (at == std::string_view::npos) return iss == whole;
    const std::string_view before = whole.substr(0, at), behind = whole.substr(at + tenant_place.size());
    if (iss.size() < before.size() + behind.size() || !iss.starts_with(before) || !iss.ends_with(behind)) return false;
    const std::string_view tenant = iss.substr(before.size(), iss.size() - before.size() - behind.size());
    return std::find(tenants.begin(), tenants.end(), tenant) != tenants.end();
}

bool may_fetch(std::string_view url) {
    const std::string_view rest = behind_scheme(url);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    return url.size() <= 2048 && !authority.empty() && authority[0] != ':' &&
           authority.find('@') == std::string_view::npos && std::all_of(url.begin(), url.end(), is_url_character);
}

std::string metadata_url_of(const Issuer& issuer) {
    if (!issuer.metadata_url.empty()) return issuer.metadata_url;
    std::string url = issuer.url;
    if (url.ends_with('/')) url.pop_back();
    return url + "/.well-known/openid-configuration";
}

std::string problem_of(const Issuer& issuer) {
    const bool templated = issuer.url.find(Issuer::tenant_place) != std::string::npos;
    if (!may_fetch(with_tenant(issuer.url, "t")) || issuer.url.find('?') != std::string::npos)
        return "its url is not an https URL (http only on loopback) without query and fragment";
    if (templated && issuer.tenants.empty()) return "its url is that of any tenant: list the tenants that you trust";
    if (issuer.tenants.size() > Issuer::tenants_max) return "more than 256 tenants";
    for (const std::string& tenant : issuer.tenants)
        if (!is_plain_name(tenant, 64)) return "a tenant is not an id";
    if (issuer.keys_url.empty() && !may_fetch(metadata_url_of(issuer)))
        return "its metadata cannot be fetched from there: https only (http on loopback)";
    if (!issuer.keys_url.empty() && !may_fetch(issuer.keys_url))
        return "its keys cannot be fetched from there: https only (http on loopback)";
    if (issuer.algorithms.empty()) return "it has no algorithms";
    if (issuer.types.empty()) return "it has no types";
    if (issuer.leeway_s > Issuer::leeway_s_max) return "its leeway is above 30 seconds";
    if (issuer.subject.empty()) return "it has no claim for the subject";
    if (!issuer.clients.empty() && issuer.client.empty()) return "it lists clients, but has no claim for the client";
    if (issuer.email.empty() != issuer.email_verified.empty())
        return "a claim for e-mail needs one that says whether it is verified";
    for (const Pin& pin : issuer.pins)
        if (pin.values.empty()) return "a pinned claim has no values";
    return {};
}

std::string problem_of(std::span<const Issuer> issuers) {
    for (size_t i = 0; i < issuers.size(); ++i) {
        if (std::string problem = problem_of(issuers[i]); !problem.empty()) return issuers[i].url + ": " + problem;
        const Issuer& one = issuers[i];
        for (const Issuer& other : issuers.first(i)) {
            const auto alike = [&other](const std::string& name) { return other.is_called(name); };
            bool meet = alike(one.url);
            for (const std::string& tenant : one.tenants) meet = meet || alike(one.url_for(tenant));
            if (meet) return one.url + ": two issuers are called so";
        }
    }
    return {};
}

} // namespace weir::identity
