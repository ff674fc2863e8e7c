// identity/authenticator.cc - from a field to a principal.
#include "identity/authenticator.h"

#include "base/assert.h"
#include "identity/bearer.h"

#include <algorithm>
#include <utility>

namespace weir::identity {

std::string_view missing_scope(const Principal& principal, std::span<const std::string> needed) {
    for (const std::string& scope : needed)
        if (!principal.has_scope(scope)) return scope;
    return {};
}

Authenticator::Authenticator(std::span<const Issuer> issuers, const Verdicts::Bounds& bounds)
    : issuers_(issuers), keys_(issuers.size()), verdicts_(static_cast<uint32_t>(issuers.size()), bounds) {
    trusted_.reserve(issuers.size());
}

void Authenticator::set_keys(uint32_t issuer, std::shared_ptr<const KeySet> keys) {
    WEIR_ASSERT(issuer < keys_.size());
    verdicts_.set_keys(issuer, keys ? keys->fingerprint() : 0);
    keys_[issuer] = std::move(keys);
}

void Authenticator::set_api_keys(std::shared_ptr<const ApiKeys> keys) { api_keys_ = std::move(keys); }

std::expected<Accepted, Refusal> Authenticator::authenticate(std::string_view field, const Resource& resource,
                                                             const Moment& moment, uint64_t address) {
    const auto token = behind_scheme(field);
    if (!token) return std::unexpected(token.error());
    if (token->starts_with(ApiKey::prefix)) {
        if (!resource.api_keys || !api_keys_) return std::unexpected(Refusal{TokenError::api_key_unknown});
        const auto holder = api_keys_->find(*token, resource.server, moment.unix_s);
        if (!holder) return std::unexpected(holder.error());
        if (const auto scope = missing_scope(*holder->principal, resource.scopes); !scope.empty())
            return std::unexpected(Refusal{TokenError::scope_missing, scope});
        return Accepted{holder->principal, 0, holder->ends_unix_s};
    }
    if (token->size() > Jws::token_bytes_max) return std::unexpected(Refusal{TokenError::too_large});
    const crypto::Digest* const remembered = memo_.look(*token);
    const crypto::Digest digest = remembered != nullptr ? *remembered : crypto::Sha256::of(*token);
    if (const auto* const verdict = verdicts_.find(digest, moment)) {
        if (remembered == nullptr) memo_.put(digest);
        ++counts_.known;
        return admit(verdict->accepted, verdict->issuer, resource);
    }
    // Of a token with a verdict the characters were looked at before.
    if (const auto read = read_bearer(field); !read) return std::unexpected(read.error());
    return judge(*token, digest, resource, moment, address);
}

/// Whether a good token of `issuer` may be used at `resource`.
std::expected<Accepted, Refusal> Authenticator::admit(const Accepted& accepted, uint32_t issuer,
                                                      const Resource& resource) const {
    const auto trust = std::find_if(resource.trusts.begin(), resource.trusts.end(),
                                    [issuer](const Resource::Trust& one) { return one.issuer == issuer; });
    if (trust == resource.trusts.end())
        return std::unexpected(Refusal{TokenError::issuer_unknown, printable(accepted.principal->issuer), issuer});
    if (!is_meant_for(*accepted.principal, trust->audiences))
        return std::unexpected(Refusal{TokenError::audience_refused, {}, issuer});
    if (const auto scope = missing_scope(*accepted.principal, resource.scopes); !scope.empty())
        return std::unexpected(Refusal{TokenError::scope_missing, scope, issuer});
    return accepted;
}

std::expected<Accepted, Refusal> Authenticator::judge(std::string_view token, const crypto::Digest& digest,
                                                      const Resource& resource, const Moment& moment,
                                                      uint64_t address) {
    trusted_.clear();
    for (const Resource::Trust& trust : resource.trusts)
        trusted_.push_back({&issuers_[trust.issuer], keys_[trust.issuer].get(), trust.audiences, trust.issuer});
    const auto checked = reader_.check(token, trusted_, moment.unix_s);
    if (!checked) return std::unexpected(checked.error());
    const uint32_t issuer = checked->trusted->index;
    if (verdicts_.is_refused(digest, moment)) {
        ++counts_.known;
        return std::unexpected(Refusal{TokenError::signature_wrong, "again", issuer});
    }
    const uint64_t cost_ns = SignatureBudget::cost_ns(checked->jws.algorithm, checked->jws.signature.size());
    if (!budget_.take(cost_ns, address, moment.now_ns)) {
        ++counts_.put_off;
        return std::unexpected(Refusal{TokenError::busy, {}, issuer});
    }
    ++counts_.verified;
    const auto accepted = reader_.accept(*checked);
    if (!accepted) {
        if (accepted.error() == TokenError::signature_wrong) {
            ++counts_.wrong;
            budget_.failed(address, moment.now_ns);
            verdicts_.refuse(digest, issuer, moment);
        }
        return std::unexpected(accepted.error());
    }
    verdicts_.keep(digest, issuer, *accepted, moment);
    return admit(*accepted, issuer, resource);
}

} // namespace weir::identity
