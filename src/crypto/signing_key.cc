// crypto/signing_key.cc - a key of mbedTLS, and its signatures in the form of a JWS.
#include "crypto/signing_key.h"

#include "crypto/secret.h"
#include "crypto/sha256.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/pk.h>
#include <psa/crypto.h>

#include <array>
#include <span>

namespace weir::crypto {
namespace {

constexpr size_t number_bytes = 32, rsa_bytes_max = SigningKey::modulus_bits_max / 8; // of P-256; of RSA

int random(void*, unsigned char* to, size_t size) {
    return fill_random(std::span(to, size)) ? 0 : MBEDTLS_ERR_PK_ALLOC_FAILED;
}

} // namespace

struct SigningKey::Parts {
    Parts() { mbedtls_pk_init(&key); }
    ~Parts() { mbedtls_pk_free(&key); }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    mbedtls_pk_context key;
};

SigningKey::SigningKey(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

std::expected<SigningKey, std::string> SigningKey::read(std::string_view pem) {
    const auto wrong = [](std::string_view why) { return std::unexpected(std::string(why)); };
    if (psa_crypto_init() != PSA_SUCCESS) return wrong("it cannot be used: the cryptography of mbedTLS does not start");
    auto parts = std::make_unique<Parts>();
    std::string text(pem); // with its terminating zero, as mbedTLS wants it
    auto* const octets = reinterpret_cast<unsigned char*>(text.data());
    const int failed = mbedtls_pk_parse_key(&parts->key, octets, text.size() + 1, nullptr, 0, random, nullptr);
    wipe({octets, text.size()});
    if (failed == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || failed == MBEDTLS_ERR_PK_PASSWORD_MISMATCH)
        return wrong("it is an encrypted key: weir asks nobody for a password");
    if (failed != 0) return wrong("it is no private key (PEM)");
    const size_t bits = mbedtls_pk_get_bitlen(&parts->key);
    if (mbedtls_pk_can_do(&parts->key, MBEDTLS_PK_RSA) != 0) {
        if (bits < PublicKey::modulus_bits_min || bits > modulus_bits_max)
            return wrong("it is an RSA key of another size than 2048 to 4096 bits");
    } else if (mbedtls_pk_can_do(&parts->key, MBEDTLS_PK_ECDSA) == 0 ||
               mbedtls_pk_ec(parts->key)->MBEDTLS_PRIVATE(grp).id != MBEDTLS_ECP_DP_SECP256R1) {
        return wrong("it is neither an RSA key nor one on the curve P-256");
    }
    return SigningKey(std::move(parts));
}

SignatureAlgorithm SigningKey::algorithm() const {
    return mbedtls_pk_can_do(&parts_->key, MBEDTLS_PK_RSA) != 0 ? SignatureAlgorithm::rs256 : SignatureAlgorithm::es256;
}

std::string SigningKey::sign(std::string_view text) {
    const Digest digest = Sha256::of(text);
    const auto* const hash = reinterpret_cast<const unsigned char*>(digest.data());
    std::array<unsigned char, rsa_bytes_max> signature{};
    if (algorithm() == SignatureAlgorithm::rs256) {
        size_t size = 0;
        const int failed = mbedtls_pk_sign(&parts_->key, MBEDTLS_MD_SHA256, hash, digest.size(), signature.data(),
                                           signature.size(), &size, random, nullptr);
        return failed == 0 ? std::string(reinterpret_cast<const char*>(signature.data()), size) : std::string();
    }
    // Both numbers side by side (RFC 7518, section 3.4), which is not how mbedtls_pk_sign() writes them.
    mbedtls_ecp_keypair& pair = *mbedtls_pk_ec(parts_->key);
    mbedtls_mpi r, s;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    const bool good = mbedtls_ecdsa_sign(&pair.MBEDTLS_PRIVATE(grp), &r, &s, &pair.MBEDTLS_PRIVATE(d), hash,
                                         digest.size(), random, nullptr) == 0 &&
                      mbedtls_mpi_write_binary(&r, signature.data(), number_bytes) == 0 &&
                      mbedtls_mpi_write_binary(&s, signature.data() + number_bytes, number_bytes) == 0;
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return good ? std::string(reinterpret_cast<const char*>(signature.data()), 2 * number_bytes) : std::string();
}

} // namespace weir::crypto
