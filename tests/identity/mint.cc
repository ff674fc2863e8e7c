// tests/identity/mint.cc - signing by mbedTLS.
#include "mint.h"

#include "crypto/base64.h"
#include "crypto/secret.h"
#include "json/scan.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/md.h>
#include <mbedtls/rsa.h>

#include <array>
#include <catch2/catch_test_macros.hpp>

namespace weir::identity {
namespace {

using crypto::SignatureAlgorithm;

constexpr std::string_view prime_1 =
    "fb1dfcf00988e31c7d104f8e9b82af8b13a940ffb69662a0f11f89fea94738354f123edd11e0abe3a45a5114e072b70e33739806"
    "94164e96a38ea1024129238f0a6f2e96f908c4062910dc0c5d1a0ca0e5cfcb7696c90292bebeb77dfe62ae3c7e3e6d8c305ee618"
    "611ab7df738983b1124f3d23bd7a61aaf9aacaaba1643849";
constexpr std::string_view prime_2 =
    "cbee52f906a0e1fe9d0c813a9f82609ce59815ea31631b200bd8fe9e47353c4ccf7f0b4f17659c03381efbe4b74b2c417dc5e5fe"
    "25171ebc6d62f0e1b52fe3b965eb3bd8d855a6736c80f7ac7ff150369d55d9a144a6ebfc183c54b95b2ae4730fb423132f998cd2"
    "cf8d5343125ba29b33b885fc20d6c339b756c14774fe5eef";

int random_octets(void*, unsigned char* to, size_t size) { return crypto::fill_random({to, size}) ? 0 : -1; }

const unsigned char* octets(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string octets_of(const mbedtls_mpi& number, size_t size) {
    std::string text(size, '\0');
    REQUIRE(mbedtls_mpi_write_binary(&number, octets(text), size) == 0);
    return text;
}

} // namespace

std::string base64url(std::string_view text) {
    std::string to(crypto::base64url_size(text.size()), ' ');
    crypto::encode_base64url(text, to.data());
    return to;
}

std::string from_base64url(std::string_view text) {
    std::string to(crypto::base64_decoded_max(text.size()), ' ');
    const auto size = crypto::decode_base64url(text, to.data());
    REQUIRE(size);
    to.resize(*size);
    return to;
}

Object& Object::set(const std::string& name, const std::string& json) {
    for (auto& member : members_)
        if (member.first == name) {
            member.second = json;
            return *this;
        }
    members_.emplace_back(name, json);
    return *this;
}

Object& Object::drop(const std::string& name) {
    std::erase_if(members_, [&name](const auto& member) { return member.first == name; });
    return *this;
}

std::string Object::text() const {
    std::string text = "{";
    for (const auto& [name, json] : members_) {
        if (text.size() > 1) text += ',';
        text.append("\"").append(name).append("\":").append(json);
    }
    return text + "}";
}

struct Mint::Keys {
    mbedtls_rsa_context rsa;
    mbedtls_ecp_keypair ec;
    bool is_rsa = false;
    size_t coordinate_bytes = 0;
    Keys() {
        mbedtls_rsa_init(&rsa);
        mbedtls_ecp_keypair_init(&ec);
    }
    ~Keys() {
        mbedtls_ecp_keypair_free(&ec);
        mbedtls_rsa_free(&rsa);
    }
    Keys(const Keys&) = delete;
    Keys& operator=(const Keys&) = delete;
};

Mint::Mint() : keys_(std::make_unique<Keys>()) {}
Mint::Mint(Mint&&) noexcept = default;
Mint::~Mint() = default;

Mint Mint::rsa() {
    Mint mint;
    mint.keys_->is_rsa = true;
    mbedtls_mpi p, q, e;
    for (mbedtls_mpi* number : {&p, &q, &e}) mbedtls_mpi_init(number);
    REQUIRE(mbedtls_mpi_read_string(&p, 16, std::string(prime_1).c_str()) == 0);
    REQUIRE(mbedtls_mpi_read_string(&q, 16, std::string(prime_2).c_str()) == 0);
    REQUIRE(mbedtls_mpi_lset(&e, 65537) == 0);
    REQUIRE(mbedtls_rsa_import(&mint.keys_->rsa, nullptr, &p, &q, nullptr, &e) == 0);
    REQUIRE(mbedtls_rsa_complete(&mint.keys_->rsa) == 0);
    for (mbedtls_mpi* number : {&p, &q, &e}) mbedtls_mpi_free(number);
    return mint;
}

Mint Mint::ec(crypto::Curve curve) {
    Mint mint;
    const bool p256 = curve == crypto::Curve::p256;
    mint.keys_->coordinate_bytes = p256 ? 32 : 48;
    REQUIRE(mbedtls_ecp_gen_key(p256 ? MBEDTLS_ECP_DP_SECP256R1 : MBEDTLS_ECP_DP_SECP384R1, &mint.keys_->ec,
                                random_octets, nullptr) == 0);
    return mint;
}

Object Mint::jwk(const std::string& kid) const {
    Object jwk;
    jwk.set_text("use", "sig").set_text("kid", kid);
    if (keys_->is_rsa) {
        const size_t size = mbedtls_rsa_get_len(&keys_->rsa);
        std::string modulus(size, '\0');
        REQUIRE(mbedtls_rsa_export_raw(&keys_->rsa, octets(modulus), size, nullptr, 0, nullptr, 0, nullptr, 0, nullptr,
                                       0) == 0);
        return jwk.set_text("kty", "RSA").set_text("n", base64url(modulus)).set_text("e", "AQAB");
    }
    const size_t size = keys_->coordinate_bytes;
    std::string point(1 + 2 * size, '\0');
    size_t written = 0;
    REQUIRE(mbedtls_ecp_write_public_key(&keys_->ec, MBEDTLS_ECP_PF_UNCOMPRESSED, &written, octets(point),
                                         point.size()) == 0);
    return jwk.set_text("kty", "EC")
        .set_text("crv", size == 32 ? "P-256" : "P-384")
        .set_text("x", base64url(std::string_view(point).substr(1, size)))
        .set_text("y", base64url(std::string_view(point).substr(1 + size)));
}

std::string Mint::sign(SignatureAlgorithm algorithm, std::string_view text) const {
    const std::string_view name = crypto::name_of(algorithm);
    const mbedtls_md_type_t type = name.ends_with("256")   ? MBEDTLS_MD_SHA256
                                   : name.ends_with("384") ? MBEDTLS_MD_SHA384
                                                           : MBEDTLS_MD_SHA512;
    std::array<unsigned char, 64> hash;
    const auto* const kind = mbedtls_md_info_from_type(type);
    const auto hash_bytes = static_cast<unsigned>(mbedtls_md_get_size(kind));
    REQUIRE(mbedtls_md(kind, octets(text), text.size(), hash.data()) == 0);
    if (name.starts_with("ES")) {
        mbedtls_mpi r, s, d;
        mbedtls_ecp_group group;
        mbedtls_ecp_group_init(&group);
        for (mbedtls_mpi* number : {&r, &s, &d}) mbedtls_mpi_init(number);
        REQUIRE(mbedtls_ecp_export(&keys_->ec, &group, &d, nullptr) == 0);
        REQUIRE(mbedtls_ecdsa_sign(&group, &r, &s, &d, hash.data(), hash_bytes, random_octets, nullptr) == 0);
        const std::string signature = octets_of(r, keys_->coordinate_bytes) + octets_of(s, keys_->coordinate_bytes);
        for (mbedtls_mpi* number : {&r, &s, &d}) mbedtls_mpi_free(number);
        mbedtls_ecp_group_free(&group);
        return signature;
    }
    std::string signature(mbedtls_rsa_get_len(&keys_->rsa), '\0');
    if (name.starts_with("PS")) {
        REQUIRE(mbedtls_rsa_set_padding(&keys_->rsa, MBEDTLS_RSA_PKCS_V21, type) == 0);
        REQUIRE(mbedtls_rsa_rsassa_pss_sign(&keys_->rsa, random_octets, nullptr, type, hash_bytes, hash.data(),
                                            octets(signature)) == 0);
    } else {
        REQUIRE(mbedtls_rsa_set_padding(&keys_->rsa, MBEDTLS_RSA_PKCS_V15, MBEDTLS_MD_NONE) == 0);
        REQUIRE(mbedtls_rsa_rsassa_pkcs1_v15_sign(&keys_->rsa, random_octets, nullptr, type, hash_bytes, hash.data(),
                                                  octets(signature)) == 0);
    }
    return signature;
}

std::string Mint::raw_rsa(std::string_view block) const {
    std::string result(block.size(), '\0');
    REQUIRE(mbedtls_rsa_private(&keys_->rsa, random_octets, nullptr, octets(block), octets(result)) == 0);
    return result;
}

std::string Mint::token(SignatureAlgorithm algorithm, std::string_view header, std::string_view claims) const {
    const std::string text = base64url(header) + "." + base64url(claims);
    return text + "." + base64url(sign(algorithm, text));
}

std::string key_set_text(const std::vector<std::string>& jwks) {
    std::string text = R"({"keys":[)";
    for (const std::string& jwk : jwks) text.append(text.back() == '[' ? "" : ",").append(jwk);
    return text + "]}";
}

Result<KeySet> read_key_set(std::string_view text) {
    BufferPool pool;
    PaddedBytes bytes(pool);
    bytes.append(text);
    json::Scanner scanner{json::ScanLimits{}};
    return KeySet::parse(bytes.padded(), scanner);
}

KeySet key_set(const std::vector<std::string>& jwks) {
    auto set = read_key_set(key_set_text(jwks));
    REQUIRE(set.has_value());
    return std::move(*set);
}

} // namespace weir::identity
