// crypto/aead.cc - AES-256-GCM behind one face.
#include "crypto/aead.h"

#include "base/assert.h"

#include <mbedtls/gcm.h>

namespace weir::crypto {
namespace {

const unsigned char* octets(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

} // namespace

struct Aead::Gcm {
    mbedtls_gcm_context context;
    Gcm() { mbedtls_gcm_init(&context); }
    ~Gcm() { mbedtls_gcm_free(&context); }
    Gcm(const Gcm&) = delete;
    Gcm& operator=(const Gcm&) = delete;
};

Aead::Aead(std::span<const uint8_t, key_bytes> key) : gcm_(std::make_unique<Gcm>()) {
    const int failed = mbedtls_gcm_setkey(&gcm_->context, MBEDTLS_CIPHER_ID_AES, key.data(), key_bytes * 8);
    WEIR_ASSERT(failed == 0);
}
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;
Aead::~Aead() = default;

void Aead::seal(std::string_view nonce, std::string_view along, std::string_view plain, char* to) {
    WEIR_ASSERT(nonce.size() == nonce_bytes);
    auto* out = reinterpret_cast<unsigned char*>(to);
    const int failed =
        mbedtls_gcm_crypt_and_tag(&gcm_->context, MBEDTLS_GCM_ENCRYPT, plain.size(), octets(nonce), nonce.size(),
                                  octets(along), along.size(), octets(plain), out, tag_bytes, out + plain.size());
    WEIR_ASSERT(failed == 0);
}

Result<size_t> Aead::open(std::string_view nonce, std::string_view along, std::string_view sealed, char* to) {
    if (nonce.size() != nonce_bytes || sealed.size() < tag_bytes) return fail(Error::seal_invalid);
    const size_t size = sealed.size() - tag_bytes;
    // mbedTLS wipes the output when the tag does not fit.
    const int failed = mbedtls_gcm_auth_decrypt(&gcm_->context, size, octets(nonce), nonce.size(), octets(along),
                                                along.size(), octets(sealed) + size, tag_bytes, octets(sealed),
                                                reinterpret_cast<unsigned char*>(to));
    if (failed != 0) return fail(Error::seal_invalid);
    return size;
}

} // namespace weir::crypto
