// crypto/aead.cc - AES-256-GCM through mbedTLS.
#include "crypto/aead.h"

#include "crypto/secret.h"

#include <mbedtls/gcm.h>

namespace weir::crypto {
namespace {

const unsigned char* octets(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

} // namespace

struct Aead::Context {
    mbedtls_gcm_context gcm{};
    Context() { mbedtls_gcm_init(&gcm); }
    ~Context() { mbedtls_gcm_free(&gcm); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
};

Aead::Aead(const Key& key) : context_(std::make_unique<Context>()) {
    const int failed = mbedtls_gcm_setkey(&context_->gcm, MBEDTLS_CIPHER_ID_AES, key.data(), 256);
    WEIR_ASSERT(failed == 0);
}
Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

void Aead::seal(std::string_view about, std::string_view plain, PaddedBytes& out) const {
    out.reserve(plain.size() + overhead_bytes);
    auto* nonce = reinterpret_cast<unsigned char*>(out.data() + out.size());
    unsigned char* text = nonce + nonce_bytes;
    const bool filled = fill_random({nonce, nonce_bytes});
    WEIR_ASSERT(filled);
    const int failed = mbedtls_gcm_crypt_and_tag(&context_->gcm, MBEDTLS_GCM_ENCRYPT, plain.size(), nonce, nonce_bytes,
                                                 octets(about), about.size(), octets(plain), text, tag_bytes,
                                                 text + plain.size());
    WEIR_ASSERT(failed == 0);
    out.grew(plain.size() + overhead_bytes);
}

Result<void> Aead::open(std::string_view about, std::string_view sealed, PaddedBytes& out) const {
    if (sealed.size() < overhead_bytes) return fail(Error::seal_invalid);
    const size_t size = sealed.size() - overhead_bytes;
    out.reserve(size + 1); // mbedTLS wants somewhere to write even for an empty text
    const int failed = mbedtls_gcm_auth_decrypt(&context_->gcm, size, octets(sealed), nonce_bytes, octets(about), about.size(),
                                                octets(sealed) + nonce_bytes + size, tag_bytes, octets(sealed) + nonce_bytes,
                                                reinterpret_cast<unsigned char*>(out.data() + out.size()));
    if (failed != 0) return fail(Error::seal_invalid);
    out.grew(size);
    return {};
}

} // namespace weir::crypto
