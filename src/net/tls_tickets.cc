// net/tls_tickets.cc - a session sealed into a ticket that its client keeps, and opened again.
//
// The ticket: the number of its period in 8 octets, a random nonce, and the session under the key of that period
// (AES-256-GCM, with the number authenticated). Keys are derived, so all workers have the same without talking.
#include "net/tls_parts.h"

#include "crypto/secret.h"

#include <cstring>

namespace weir::net {
namespace {

constexpr size_t number_bytes = 8;
constexpr size_t overhead = number_bytes + crypto::Aead::nonce_bytes + crypto::Aead::tag_bytes;

using Number = std::array<char, number_bytes>;

Number number_of(uint64_t period) {
    Number out;
    for (size_t i = 0; i < number_bytes; ++i) out[i] = static_cast<char>(period >> (8 * (number_bytes - 1 - i)));
    return out;
}

} // namespace

crypto::Aead& TlsTickets::key_of(uint64_t period) {
    Key& key = keys_[period % 2];
    if (key.period != period) {
        std::array<char, 32 + number_bytes> seed;
        std::memcpy(seed.data(), secret_.octets.data(), 32);
        const Number number = number_of(period);
        std::memcpy(seed.data() + 32, number.data(), number_bytes);
        const auto digest = crypto::Sha256::of({seed.data(), seed.size()});
        key.aead.emplace(digest);
        key.period = period;
        crypto::wipe({reinterpret_cast<unsigned char*>(seed.data()), seed.size()});
    }
    return *key.aead;
}

int TlsTickets::write(void* self, const mbedtls_ssl_session* session, unsigned char* start, const unsigned char* end,
                      size_t* size, uint32_t* lifetime_s) {
    auto& tickets = *static_cast<TlsTickets*>(self);
    const auto room = static_cast<size_t>(end - start);
    if (room < overhead) return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
    unsigned char* const plain = start + number_bytes + crypto::Aead::nonce_bytes;
    size_t plain_size = 0;
    if (const int failed = mbedtls_ssl_session_save(session, plain, room - overhead, &plain_size)) return failed;
    const uint64_t period = tickets.unix_s_() / tickets.secret_.period_s;
    const Number number = number_of(period);
    std::memcpy(start, number.data(), number_bytes);
    if (!crypto::fill_random({start + number_bytes, crypto::Aead::nonce_bytes})) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    auto* const text = reinterpret_cast<char*>(plain);
    tickets.key_of(period).seal({reinterpret_cast<char*>(start) + number_bytes, crypto::Aead::nonce_bytes},
                                {number.data(), number_bytes}, {text, plain_size}, text);
    *size = plain_size + overhead;
    *lifetime_s = static_cast<uint32_t>(tickets.secret_.period_s);
    return 0;
}

int TlsTickets::parse(void* self, mbedtls_ssl_session* session, unsigned char* ticket, size_t size) {
    auto& tickets = *static_cast<TlsTickets*>(self);
    if (size < overhead) return MBEDTLS_ERR_SSL_INVALID_MAC;
    uint64_t period = 0;
    for (size_t i = 0; i < number_bytes; ++i) period = period << 8 | ticket[i];
    const uint64_t current = tickets.unix_s_() / tickets.secret_.period_s;
    if (period != current && period + 1 != current) return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
    auto* const text = reinterpret_cast<char*>(ticket);
    char* const sealed = text + number_bytes + crypto::Aead::nonce_bytes;
    const auto opened =
        tickets.key_of(period).open({text + number_bytes, crypto::Aead::nonce_bytes}, {text, number_bytes},
                                    {sealed, size - number_bytes - crypto::Aead::nonce_bytes}, sealed);
    if (!opened) return MBEDTLS_ERR_SSL_INVALID_MAC;
    const int failed = mbedtls_ssl_session_load(session, reinterpret_cast<unsigned char*>(sealed), *opened);
    crypto::wipe({reinterpret_cast<unsigned char*>(sealed), *opened});
    return failed;
}

} // namespace weir::net
