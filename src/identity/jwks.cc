// identity/jwks.cc - JSON Web Keys into public keys.
#include "identity/jwks.h"

#include "crypto/base64.h"
#include "crypto/sha256.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace weir::identity {
namespace {

/// A key while its set is read.
struct Candidate {
    KeySet::Key key;
    crypto::Digest digest; // of all that makes it this key
    bool conflicting = false;
};

using Skip = uint32_t KeySet::Skipped::*;

class Reading {
  public:
    explicit Reading(Workspace& space) : space_(space) {}

    /// One element of `keys`; or why it is skipped.
    std::expected<Candidate, Skip> read(json::Value jwk) {
        if (!jwk.is(json::Kind::object)) return std::unexpected(&KeySet::Skipped::unfit);
        const json::Value kty = jwk.find("kty");
        const bool rsa = kty.equals("RSA"), ec = kty.equals("EC");
        if (!rsa && !ec) return std::unexpected(&KeySet::Skipped::kind);
        if (ec && !jwk.find("crv").equals("P-256") && !jwk.find("crv").equals("P-384"))
            return std::unexpected(&KeySet::Skipped::kind);
        if (!may_verify(jwk)) return std::unexpected(&KeySet::Skipped::use);
        const json::Value kid = jwk.find("kid");
        if (!kid) return std::unexpected(&KeySet::Skipped::unnamed);
        // Whose private half is published (RFC 7518, 6.2.2 and 6.3.2) signs for everybody.
        if (!is_name(kid) || jwk.find("d")) return std::unexpected(&KeySet::Skipped::unfit);
        auto key = rsa ? make_rsa(jwk) : make_ec(jwk);
        if (!key) return std::unexpected(&KeySet::Skipped::unfit);
        crypto::SignatureAlgorithms algorithms = key->algorithms();
        if (const json::Value alg = jwk.find("alg")) {
            const auto algorithm = crypto::signature_algorithm(alg.string(space_));
            if (!algorithm || !algorithms.has(*algorithm)) return std::unexpected(&KeySet::Skipped::use);
            algorithms = {*algorithm};
        }
        const json::Value issuer = jwk.find("issuer");
        if (issuer && !is_name(issuer)) return std::unexpected(&KeySet::Skipped::unfit);
        KeySet::Key made{std::string(kid.string(space_)), std::string(issuer.string(space_)), algorithms,
                         std::move(*key)};
        const auto digest = digest_of(jwk, made);
        return Candidate{std::move(made), digest};
    }

  private:
    bool is_name(json::Value value) const {
        return value.is(json::Kind::string) && !value.undecoded().empty() &&
               value.undecoded().size() <= KeySet::kid_bytes_max;
    }

    /// `use` and `key_ops` (RFC 7517, 4.2 and 4.3), where they are said.
    static bool may_verify(json::Value jwk) {
        if (const json::Value use = jwk.find("use"); use && !use.equals("sig")) return false;
        const json::Value operations = jwk.find("key_ops");
        if (!operations) return true;
        for (const json::Value operation : operations.elements())
            if (operation.equals("verify")) return true;
        return false;
    }

    std::optional<std::string> octets(json::Value member) const {
        if (!member.is(json::Kind::string)) return std::nullopt;
        const std::string_view text = member.string(space_);
        std::string decoded(crypto::base64_decoded_max(text.size()), '\0');
        const auto size = crypto::decode_base64url(text, decoded.data());
        if (!size) return std::nullopt;
        decoded.resize(*size);
        return decoded;
    }

    std::optional<crypto::PublicKey> make_rsa(json::Value jwk) const {
        const auto modulus = octets(jwk.find("n")), exponent = octets(jwk.find("e"));
        if (!modulus || !exponent) return std::nullopt;
        auto key = crypto::PublicKey::rsa(*modulus, *exponent);
        return key ? std::optional(std::move(*key)) : std::nullopt;
    }

    std::optional<crypto::PublicKey> make_ec(json::Value jwk) const {
        const auto x = octets(jwk.find("x")), y = octets(jwk.find("y"));
        if (!x || !y) return std::nullopt;
        const auto curve = jwk.find("crv").equals("P-256") ? crypto::Curve::p256 : crypto::Curve::p384;
        auto key = crypto::PublicKey::ec(curve, *x, *y);
        return key ? std::optional(std::move(*key)) : std::nullopt;
    }

    crypto::Digest digest_of(json::Value jwk, const KeySet::Key& key) const {
        crypto::Sha256 hash;
        const auto add = [&hash](std::string_view text) {
            for (uint64_t size = text.size(), i = 0; i < 4; ++i) hash.update(static_cast<uint8_t>(size >> (8 * i)));
            hash.update(text);
        };
        add(key.kid);
        add(key.issuer);
        for (size_t i = 0; i < crypto::signature_algorithms; ++i)
            hash.update(static_cast<uint8_t>(key.algorithms.has(static_cast<crypto::SignatureAlgorithm>(i))));
        for (const std::string_view member : {"n", "e", "x", "y"}) add(jwk.find(member).string(space_));
        return hash.finish();
    }

    Workspace& space_;
};

} // namespace

Result<KeySet> KeySet::parse(PaddedView text, json::Scanner& scanner) {
    if (text.size > text_bytes_max) return fail(Error::json_too_large);
    const auto scanned = scanner.scan(text);
    if (!scanned) return fail(scanned.error());
    const json::Document document = *scanned;
    const json::Value entries = json::Value::root(document).find("keys");
    if (!entries.is(json::Kind::array)) return fail(Error::invalid);
    if (entries.count() > keys_max) return fail(Error::limit_reached);

    BufferPool pool;
    Workspace space(pool);
    Reading reading(space);
    KeySet set;
    std::vector<Candidate> candidates;
    for (const json::Value entry : entries.elements()) {
        auto candidate = reading.read(entry);
        if (candidate) candidates.push_back(std::move(*candidate));
        else ++(set.skipped_.*candidate.error());
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& one, const Candidate& other) {
        return one.key.kid != other.key.kid ? one.key.kid < other.key.kid : one.digest < other.digest;
    });
    const auto last =
        std::unique(candidates.begin(), candidates.end(), [](const Candidate& one, const Candidate& other) {
            return one.digest == other.digest; // the kid is in the digest
        });
    candidates.erase(last, candidates.end());
    for (size_t i = 1; i < candidates.size(); ++i)
        if (candidates[i].key.kid == candidates[i - 1].key.kid)
            candidates[i].conflicting = candidates[i - 1].conflicting = true;
    crypto::Sha256 hash;
    for (Candidate& candidate : candidates) {
        if (candidate.conflicting) {
            ++set.skipped_.conflicting;
            continue;
        }
        hash.update(crypto::bytes_of(candidate.digest));
        set.keys_.push_back(std::move(candidate.key));
    }
    const crypto::Digest digest = hash.finish();
    std::memcpy(&set.fingerprint_, digest.data(), sizeof set.fingerprint_);
    if (set.fingerprint_ == 0) set.fingerprint_ = 1;
    return set;
}

const KeySet::Key* KeySet::find(std::string_view kid) const {
    const auto at = std::lower_bound(keys_.begin(), keys_.end(), kid,
                                     [](const Key& key, std::string_view name) { return key.kid < name; });
    return at != keys_.end() && at->kid == kid ? &*at : nullptr;
}

} // namespace weir::identity
