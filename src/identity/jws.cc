// identity/jws.cc - three parts and a header.
#include "identity/jws.h"

#include "crypto/base64.h"

#include <algorithm>

namespace weir::identity {
namespace {

std::unexpected<Refusal> refuse(TokenError error, std::string_view detail = {}) {
    return std::unexpected(Refusal{error, printable(detail)});
}

} // namespace

JwsReader::JwsReader()
    : scanner_(json::ScanLimits{
          .text_bytes_max = Jws::token_bytes_max, .depth_max = 32, .members_max = 1024, .number_bytes_max = 64}) {}

bool JwsReader::decode(std::string_view part, PaddedBytes& to) {
    to.clear();
    to.reserve(crypto::base64_decoded_max(part.size()));
    const auto size = crypto::decode_base64url(part, to.data());
    if (size) to.grew(*size);
    return size.has_value();
}

std::expected<json::Document, Refusal> JwsReader::scan(const PaddedBytes& text, TokenError otherwise) {
    const auto document = scanner_.scan(text.padded());
    if (!document) return refuse(otherwise, weir::row_of(document.error()).name);
    if (!json::Value::root(*document).is(json::Kind::object)) return refuse(otherwise);
    return *document;
}

std::expected<Jws, Refusal> JwsReader::read(std::string_view token) {
    space_.reset();
    payload_part_ = {};
    if (token.size() > Jws::token_bytes_max) return refuse(TokenError::too_large);
    const auto dots = std::count(token.begin(), token.end(), '.');
    if (dots == 4) return refuse(TokenError::encrypted);
    if (dots != 2) return refuse(TokenError::not_a_jws);
    const size_t first = token.find('.'), second = token.find('.', first + 1);
    payload_part_ = token.substr(first + 1, second - first - 1);
    if (first == 0 || !decode(token.substr(0, first), header_) || !decode(token.substr(second + 1), signature_))
        return refuse(TokenError::not_a_jws);
    const auto scanned = scan(header_, TokenError::header_malformed);
    if (!scanned) return std::unexpected(scanned.error());
    document_ = *scanned;
    const json::Value header = json::Value::root(document_);
    if (header.find("crit")) return refuse(TokenError::critical);
    if (header.find("cty")) return refuse(TokenError::nested);
    Jws jws{.signed_text = token.substr(0, second), .signature = signature_.text()};
    const json::Value algorithm = header.find("alg"), kid = header.find("kid"), type = header.find("typ");
    if (!algorithm.is(json::Kind::string)) return refuse(TokenError::header_malformed, "alg");
    const std::string_view name = algorithm.string(space_);
    const auto known = crypto::signature_algorithm(name);
    if (!known) return refuse(TokenError::algorithm_refused, name);
    jws.algorithm = *known;
    if (!kid) return refuse(TokenError::key_id_missing);
    jws.kid = kid.string(space_);
    if (!kid.is(json::Kind::string) || jws.kid.size() > KeySet::kid_bytes_max)
        return refuse(TokenError::header_malformed, "kid");
    if (jws.kid.empty()) return refuse(TokenError::key_id_missing);
    if (type && !type.is(json::Kind::string)) return refuse(TokenError::header_malformed, "typ");
    jws.type = type.string(space_);
    if (type && jws.type.empty()) return refuse(TokenError::type_refused); // Empty means absent to our callers.
    return jws;
}

std::expected<json::Document, Refusal> JwsReader::read_claims() {
    if (!decode(payload_part_, payload_)) return refuse(TokenError::not_a_jws);
    return scan(payload_, TokenError::claims_malformed);
}

std::expected<const KeySet::Key*, Refusal> find_key(const Jws& jws, const KeySet& keys) {
    const KeySet::Key* const key = keys.find(jws.kid);
    if (key == nullptr) return refuse(TokenError::key_unknown, jws.kid);
    if (!key->algorithms.has(jws.algorithm)) return refuse(TokenError::key_algorithm, crypto::name_of(jws.algorithm));
    if (jws.signature.size() != key->key.signature_bytes()) return refuse(TokenError::signature_wrong, "size");
    return key;
}

} // namespace weir::identity
