// crypto/signature.cc - RSA and ECDSA by mbedTLS, with the checks of keys and sizes that it leaves to its callers.
#include "crypto/signature.h"

#include "base/assert.h"
#include "crypto/roca.h"
#include "crypto/sha256.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/rsa.h>
#include <mbedtls/sha512.h>

#include <bit>
#include <cstring>

namespace weir::crypto {
namespace {

using enum SignatureAlgorithm;

constexpr std::array<std::string_view, signature_algorithms> names = {"RS256", "RS384", "RS512", "PS256",
                                                                      "PS384", "PS512", "ES256", "ES384"};
constexpr SignatureAlgorithms all_of_rsa = {rs256, rs384, rs512, ps256, ps384, ps512};

const unsigned char* octets(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

struct Hash {
    mbedtls_md_type_t type;
    size_t size;
    std::array<unsigned char, 64> octets;
};

Hash hash_for(SignatureAlgorithm algorithm, std::string_view text) {
    Hash hash{MBEDTLS_MD_SHA256, 32, {}};
    switch (algorithm) {
        case rs256:
        case ps256:
        case es256: {
            const Digest digest = Sha256::of(text);
            std::memcpy(hash.octets.data(), digest.data(), digest.size());
            return hash;
        }
        case rs384:
        case ps384:
        case es384: hash = {MBEDTLS_MD_SHA384, 48, {}}; break;
        case rs512:
        case ps512: hash = {MBEDTLS_MD_SHA512, 64, {}}; break;
    }
    const int failed = mbedtls_sha512(octets(text), text.size(), hash.octets.data(), hash.size == 48 ? 1 : 0);
    WEIR_ASSERT(failed == 0); // Only wrong arguments make it fail.
    return hash;
}

constexpr size_t coordinate_bytes(Curve curve) { return curve == Curve::p256 ? 32 : 48; }

/// A curve, a point of it, and the numbers of a signature. Made for each use: its tables are constants of mbedTLS, and
/// nothing is then shared between threads.
struct Ec {
    mbedtls_ecp_group group;
    mbedtls_ecp_point point;
    mbedtls_mpi r, s;
    explicit Ec(Curve curve) {
        mbedtls_ecp_group_init(&group);
        mbedtls_ecp_point_init(&point);
        mbedtls_mpi_init(&r);
        mbedtls_mpi_init(&s);
        loaded = mbedtls_ecp_group_load(
                     &group, curve == Curve::p256 ? MBEDTLS_ECP_DP_SECP256R1 : MBEDTLS_ECP_DP_SECP384R1) == 0;
    }
    ~Ec() {
        mbedtls_mpi_free(&s);
        mbedtls_mpi_free(&r);
        mbedtls_ecp_point_free(&point);
        mbedtls_ecp_group_free(&group);
    }
    Ec(const Ec&) = delete;
    Ec& operator=(const Ec&) = delete;
    bool loaded = false;
};

} // namespace

struct PublicKey::Rsa {
    mbedtls_rsa_context context;
    Rsa() { mbedtls_rsa_init(&context); }
    ~Rsa() { mbedtls_rsa_free(&context); }
    Rsa(const Rsa&) = delete;
    Rsa& operator=(const Rsa&) = delete;
};

std::string_view name_of(SignatureAlgorithm algorithm) { return names[static_cast<size_t>(algorithm)]; }

std::optional<SignatureAlgorithm> signature_algorithm(std::string_view name) {
    for (size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return static_cast<SignatureAlgorithm>(i);
    return std::nullopt;
}

std::string_view text_of(KeyFault fault) {
    switch (fault) {
        case KeyFault::malformed: return "malformed";
        case KeyFault::too_small: return "RSA below 2048 bits";
        case KeyFault::too_large: return "RSA above 8192 bits";
        case KeyFault::exponent: return "an exponent that no sound RSA key has";
        case KeyFault::off_curve: return "not a point of its curve";
        case KeyFault::guessable: return "RSA of the ROCA family (CVE-2017-15361)";
    }
    __builtin_unreachable();
}

PublicKey::PublicKey() = default;
PublicKey::PublicKey(PublicKey&&) noexcept = default;
PublicKey& PublicKey::operator=(PublicKey&&) noexcept = default;
PublicKey::~PublicKey() = default;

std::expected<PublicKey, KeyFault> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
    if (modulus.empty() || exponent.empty() || modulus[0] == 0 || exponent[0] == 0 || modulus.back() % 2 == 0)
        return std::unexpected(KeyFault::malformed);
    const auto bits_of = [](std::string_view number) {
        return number.size() * 8 - static_cast<size_t>(std::countl_zero(static_cast<unsigned char>(number[0])));
    };
    if (bits_of(modulus) < modulus_bits_min) return std::unexpected(KeyFault::too_small);
    if (bits_of(modulus) > modulus_bits_max) return std::unexpected(KeyFault::too_large);
    if (exponent.back() % 2 == 0 || exponent == "\x01" || bits_of(exponent) > exponent_bits_max)
        return std::unexpected(KeyFault::exponent);
    if (has_roca_fingerprint(modulus)) return std::unexpected(KeyFault::guessable);
    PublicKey key;
    key.rsa_ = std::make_unique<Rsa>();
    mbedtls_rsa_context& context = key.rsa_->context;
    if (mbedtls_rsa_import_raw(&context, octets(modulus), modulus.size(), nullptr, 0, nullptr, 0, nullptr, 0,
                               octets(exponent), exponent.size()) != 0 ||
        mbedtls_rsa_complete(&context) != 0 || mbedtls_rsa_check_pubkey(&context) != 0)
        return std::unexpected(KeyFault::malformed);
    // The first use stores what depends on the modulus alone. Done here, later ones only read the key.
    std::string number(modulus.size(), '\0');
    number.back() = 2;
    auto* const at = reinterpret_cast<unsigned char*>(number.data());
    if (mbedtls_rsa_public(&context, at, at) != 0) return std::unexpected(KeyFault::malformed);
    return key;
}

std::expected<PublicKey, KeyFault> PublicKey::ec(Curve curve, std::string_view x, std::string_view y) {
    const size_t size = coordinate_bytes(curve);
    if (x.size() != size || y.size() != size) return std::unexpected(KeyFault::malformed);
    PublicKey key;
    key.curve_ = curve;
    key.point_[0] = 4;
    std::memcpy(key.point_.data() + 1, x.data(), size);
    std::memcpy(key.point_.data() + 1 + size, y.data(), size);
    Ec ec(curve);
    if (!ec.loaded || mbedtls_ecp_point_read_binary(&ec.group, &ec.point, key.point_.data(), 1 + 2 * size) != 0)
        return std::unexpected(KeyFault::malformed);
    if (mbedtls_ecp_check_pubkey(&ec.group, &ec.point) != 0) return std::unexpected(KeyFault::off_curve);
    return key;
}

SignatureAlgorithms PublicKey::algorithms() const {
    if (rsa_) return all_of_rsa;
    return curve_ == Curve::p256 ? SignatureAlgorithms{es256} : SignatureAlgorithms{es384};
}

size_t PublicKey::signature_bytes() const {
    return rsa_ ? mbedtls_rsa_get_len(&rsa_->context) : 2 * coordinate_bytes(curve_);
}

bool PublicKey::verify(SignatureAlgorithm algorithm, std::string_view text, std::string_view signature) const {
    if (!algorithms().has(algorithm) || signature.size() != signature_bytes()) return false;
    const Hash hash = hash_for(algorithm, text);
    const auto hash_size = static_cast<unsigned>(hash.size);
    if (!rsa_) {
        const size_t size = coordinate_bytes(curve_);
        Ec ec(curve_);
        return ec.loaded && mbedtls_ecp_point_read_binary(&ec.group, &ec.point, point_.data(), 1 + 2 * size) == 0 &&
               mbedtls_mpi_read_binary(&ec.r, octets(signature), size) == 0 &&
               mbedtls_mpi_read_binary(&ec.s, octets(signature) + size, size) == 0 &&
               mbedtls_ecdsa_verify(&ec.group, hash.octets.data(), hash.size, &ec.point, &ec.r, &ec.s) == 0;
    }
    if (algorithm == ps256 || algorithm == ps384 || algorithm == ps512)
        return mbedtls_rsa_rsassa_pss_verify_ext(&rsa_->context, hash.type, hash_size, hash.octets.data(), hash.type,
                                                 static_cast<int>(hash.size), octets(signature)) == 0;
    return mbedtls_rsa_rsassa_pkcs1_v15_verify(&rsa_->context, hash.type, hash_size, hash.octets.data(),
                                               octets(signature)) == 0;
}

} // namespace weir::crypto
