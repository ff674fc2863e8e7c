// control/client_assertion.cc - header, claims, signature.
#include "control/client_assertion.h"

#include "crypto/base64.h"
#include "crypto/hex.h"
#include "crypto/secret.h"
#include "crypto/signing_key.h"
#include "json/text.h"

#include <array>

namespace weir::control {
namespace {

void append(std::string& out, std::string_view octets) {
    const size_t before = out.size();
    out.resize(before + crypto::base64url_size(octets.size()));
    crypto::encode_base64url(octets, out.data() + before);
}

} // namespace

std::expected<std::string, std::string> client_assertion(const AssertionFacts& facts, const std::string& pem,
                                                         uint64_t unix_s) {
    auto key = crypto::SigningKey::read(pem);
    if (!key) return std::unexpected(std::move(key.error()));
    std::array<unsigned char, 16> once{};
    if (!crypto::fill_random(once)) return std::unexpected(std::string("the kernel gives no random octets"));
    std::array<char, 32> id{};
    crypto::write_hex({reinterpret_cast<const char*>(once.data()), once.size()}, id.data());
    json::Text header, claims;
    header.begin_object().name("alg").string(crypto::name_of(key->algorithm())).name("typ").string("JWT");
    if (!facts.key_id.empty()) header.name("kid").string(facts.key_id);
    header.end_object();
    claims.begin_object().name("iss").string(facts.client_id).name("sub").string(facts.client_id);
    claims.name("aud").string(facts.audience).name("jti").string({id.data(), id.size()});
    claims.name("iat").number(static_cast<int64_t>(unix_s));
    claims.name("exp").number(static_cast<int64_t>(unix_s + assertion_lives_s)).end_object();
    std::string out;
    append(out, header.text());
    out += '.';
    append(out, claims.text());
    const std::string signature = key->sign(out);
    if (signature.empty()) return std::unexpected(std::string("no memory"));
    out += '.';
    append(out, signature);
    return out;
}

} // namespace weir::control
