// identity/jwt.cc - the rules for tokens, in the order of what they cost.
#include "identity/jwt.h"

#include "identity/principal_claims.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace weir::identity {
namespace {

std::unexpected<Refusal> refuse(TokenError error, std::string_view detail = {}) {
    return std::unexpected(Refusal{error, printable(detail)});
}

/// NumericDate of RFC 7519: seconds, perhaps with a fraction, which is cut off. Nothing if it is no number, or one
/// beyond what all parsers read alike.
std::optional<int64_t> numeric_date(json::Value value) {
    const auto number = value.number();
    constexpr double safe = 9007199254740991; // 2^53 - 1
    if (!number || !(std::fabs(*number) <= safe)) return std::nullopt;
    return static_cast<int64_t>(std::floor(*number));
}

/// `typ` as it is compared: in lower case, without `application/` (RFC 7515, 4.1.9; RFC 9068, 2.1).
bool is_type(std::string_view type, std::string_view expected) {
    constexpr std::string_view prefix = "application/";
    const auto same = [](std::string_view left, std::string_view right) {
        return left.size() == right.size() &&
               std::equal(left.begin(), left.end(), right.begin(), [](char one, char two) {
                   return (one >= 'A' && one <= 'Z' ? static_cast<char>(one | 0x20) : one) == two;
               });
    };
    if (type.size() > prefix.size() && same(type.substr(0, prefix.size()), prefix)) type.remove_prefix(prefix.size());
    return same(type, expected);
}

bool holds(const Pin& pin, json::Value claim, Workspace& space) {
    const auto fits = [&](json::Value value) {
        if (value.is(json::Kind::object) || value.is(json::Kind::array) || !value) return false;
        const std::string_view text = value.is(json::Kind::string) ? value.string(space) : value.raw();
        return std::find(pin.values.begin(), pin.values.end(), text) != pin.values.end();
    };
    if (!claim.is(json::Kind::array)) return fits(claim);
    for (const json::Value element : claim.elements())
        if (fits(element)) return true;
    return false;
}

/// `aud`: a string or an array of strings (RFC 7519, 4.1.3).
std::expected<void, Refusal> check_audience(json::Value claims, std::span<const std::string> audiences,
                                            Workspace& space) {
    const json::Value aud = claims.find("aud");
    const auto wanted = [&](json::Value value) {
        return std::any_of(audiences.begin(), audiences.end(),
                           [value](const std::string& audience) { return value.equals(audience); });
    };
    if (aud.is(json::Kind::string)) {
        if (wanted(aud)) return {};
        return refuse(TokenError::audience_refused, aud.string(space));
    }
    if (!aud) return refuse(TokenError::audience_refused, "none");
    if (!aud.is(json::Kind::array)) return refuse(TokenError::claims_malformed, "aud");
    bool found = false;
    for (const json::Value element : aud.elements()) {
        if (!element.is(json::Kind::string)) return refuse(TokenError::claims_malformed, "aud");
        found = found || wanted(element);
    }
    if (!found) return refuse(TokenError::audience_refused);
    return {};
}

} // namespace

std::expected<TokenReader::Checked, Refusal> TokenReader::check(std::string_view token,
                                                                std::span<const Trusted> trusted, uint64_t now_unix_s) {
    document_ = {};
    const auto jws = jws_.read(token);
    if (!jws) return std::unexpected(jws.error());
    const auto document = jws_.read_claims();
    if (!document) return std::unexpected(document.error());
    document_ = *document;
    Checked checked{.jws = *jws};
    const json::Value iss = claims().find("iss");
    if (!iss.is(json::Kind::string)) return refuse(TokenError::claims_malformed, "iss");
    const std::string_view name = iss.string(jws_.space());
    const auto called = std::find_if(trusted.begin(), trusted.end(),
                                     [name](const Trusted& candidate) { return candidate.issuer->is_called(name); });
    if (called == trusted.end()) return refuse(TokenError::issuer_unknown, name);
    checked.trusted = &*called;
    const Issuer& issuer = *checked.trusted->issuer;
    const auto failed = [&](std::expected<void, Refusal> result) -> std::optional<Refusal> {
        if (result) return std::nullopt;
        Refusal refusal = result.error();
        refusal.issuer = checked.trusted->index;
        return refusal;
    };
    if (auto no = failed(check_kind(*jws, issuer))) return std::unexpected(*no);
    if (auto no = failed(check_audience(claims(), checked.trusted->audiences, jws_.space())))
        return std::unexpected(*no);
    if (auto no = failed(check_times(issuer, now_unix_s, checked))) return std::unexpected(*no);
    if (auto no = failed(check_client(issuer))) return std::unexpected(*no);
    if (auto no = failed(check_key(*checked.trusted, name, checked))) return std::unexpected(*no);
    return checked;
}

/// Algorithm, type, tenant, and the claims that tell one kind of token from another.
std::expected<void, Refusal> TokenReader::check_kind(const Jws& jws, const Issuer& issuer) {
    if (!issuer.algorithms.has(jws.algorithm))
        return refuse(TokenError::algorithm_refused, crypto::name_of(jws.algorithm));
    const bool typed = jws.type.empty()
                           ? issuer.type_optional
                           : std::any_of(issuer.types.begin(), issuer.types.end(),
                                         [&jws](const std::string& type) { return is_type(jws.type, type); });
    if (!typed) return refuse(TokenError::type_refused, jws.type);
    if (!issuer.tenants.empty()) {
        const json::Value tid = claims().find("tid");
        const bool known = std::any_of(issuer.tenants.begin(), issuer.tenants.end(), [&](const std::string& tenant) {
            return tid.equals(tenant) && claims().find("iss").equals(issuer.url_for(tenant));
        });
        if (!known) return refuse(TokenError::tenant_refused, tid.string(jws_.space()));
    }
    // `at+jwt` says what it is; whoever issues such an access token issues no other kind under that name (RFC 9068, 4).
    if (!is_type(jws.type, "at+jwt"))
        for (const std::string& foreign : issuer.foreign_claims)
            if (claims().find(foreign)) return refuse(TokenError::kind_refused, foreign);
    for (const Pin& pin : issuer.pins)
        if (!holds(pin, pin.claim.in(claims()), jws_.space())) return refuse(TokenError::pin_refused, pin.claim.text());
    const auto present = [this](const ClaimName& claim) { return static_cast<bool>(claim.in(claims())); };
    if (!issuer.any_of.empty() && std::none_of(issuer.any_of.begin(), issuer.any_of.end(), present))
        return refuse(TokenError::kind_refused, issuer.any_of[0].text());
    return {};
}

std::expected<void, Refusal> TokenReader::check_times(const Issuer& issuer, uint64_t now_unix_s, Checked& checked) {
    const auto now = static_cast<int64_t>(now_unix_s), leeway = static_cast<int64_t>(issuer.leeway_s);
    const auto exp = numeric_date(claims().find("exp"));
    if (!exp) return refuse(TokenError::claims_malformed, "exp");
    if (now >= *exp + leeway) return refuse(TokenError::expired);
    int64_t begins = 0;
    for (const char* const name : {"nbf", "iat"}) {
        const json::Value claim = claims().find(name);
        if (!claim) continue;
        const auto date = numeric_date(claim);
        if (!date) return refuse(TokenError::claims_malformed, name);
        if (now + leeway < *date) return refuse(TokenError::not_yet_valid, name);
        begins = std::max(begins, *date - leeway);
    }
    checked.begins_unix_s = static_cast<uint64_t>(begins);
    checked.ends_unix_s = static_cast<uint64_t>(*exp + leeway); // above now
    return {};
}

/// That all claims for the client agree, and that it is listed if any are.
std::expected<void, Refusal> TokenReader::check_client(const Issuer& issuer) {
    const auto client = read_client(issuer, claims(), jws_.space());
    if (!client) return std::unexpected(client.error());
    if (issuer.clients.empty()) return {};
    if (std::find(issuer.clients.begin(), issuer.clients.end(), *client) == issuer.clients.end())
        return refuse(TokenError::client_refused, *client);
    return {};
}

std::expected<void, Refusal> TokenReader::check_key(const Trusted& trusted, std::string_view iss, Checked& checked) {
    if (trusted.keys == nullptr) return refuse(TokenError::keys_missing);
    const auto found = find_key(checked.jws, *trusted.keys);
    if (!found) return std::unexpected(found.error());
    const KeySet::Key& key = **found;
    if (trusted.issuer->keys_name_issuers && !key.issuer.empty() &&
        with_tenant(key.issuer, claims().find("tid").string(jws_.space())) != iss)
        return refuse(TokenError::key_issuer, key.issuer);
    checked.key = &key;
    return {};
}

std::expected<Accepted, Refusal> TokenReader::accept(const Checked& checked) {
    if (!checked.key->key.verify(checked.jws.algorithm, checked.jws.signed_text, checked.jws.signature)) {
        return std::unexpected(Refusal{TokenError::signature_wrong, {}, checked.trusted->index});
    }
    auto principal = read_principal(*checked.trusted->issuer, document_, jws_.space());
    if (!principal) return std::unexpected(principal.error());
    return Accepted{std::make_shared<const Principal>(std::move(*principal)), checked.begins_unix_s,
                    checked.ends_unix_s};
}

bool is_meant_for(const Principal& principal, std::span<const std::string> audiences) {
    return std::any_of(principal.audiences.begin(), principal.audiences.end(),
                       [audiences](const std::string& audience) {
                           return std::find(audiences.begin(), audiences.end(), audience) != audiences.end();
                       });
}

} // namespace weir::identity
