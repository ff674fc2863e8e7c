// net/tls_parts.h - the insides of TlsServer and TlsClient, for net/tls*.cc alone: mbedTLS stays behind them.
#pragma once

#include "crypto/aead.h"
#include "net/tls_setup.h"

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <optional>
#include <span>

namespace weir::net {

/// Before 1970 less than nothing.
int64_t unix_s_of(const mbedtls_x509_time& time);

/// A chain of certificates and, for those that weir shows, the key of the first.
struct TlsChain {
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    TlsChain() {
        mbedtls_x509_crt_init(&chain);
        mbedtls_pk_init(&key);
    }
    ~TlsChain() {
        mbedtls_x509_crt_free(&chain);
        mbedtls_pk_free(&key);
    }
    TlsChain(const TlsChain&) = delete;
    TlsChain& operator=(const TlsChain&) = delete;
    /// Empty: read. Else what is wrong.
    std::string read(const TlsCertificateText& text);
    /// Whether it stands for the host `name` (RFC 6125 section 6.4: DNS names, a wildcard for one whole leftmost label).
    bool stands_for(std::string_view name) const;
};

/// Seals sessions into tickets and opens them (RFC 5077 section 4, RFC 8446 section 4.6.1).
class TlsTickets {
  public:
    TlsTickets(const TlsTicketSecret& secret, uint64_t (*unix_s)()) : secret_(secret), unix_s_(unix_s) {}
    static int write(void* self, const mbedtls_ssl_session* session, unsigned char* start, const unsigned char* end,
                     size_t* size, uint32_t* lifetime_s);
    static int parse(void* self, mbedtls_ssl_session* session, unsigned char* ticket, size_t size);

  private:
    struct Key {
        uint64_t period = UINT64_MAX;
        std::optional<crypto::Aead> aead;
    };
    crypto::Aead& key_of(uint64_t period);
    TlsTicketSecret secret_;
    uint64_t (*unix_s_)();
    Key keys_[2]; // of even and of odd periods
};

struct TlsSession {
    mbedtls_ssl_context ssl;
    TlsSession() { mbedtls_ssl_init(&ssl); }
    ~TlsSession() { mbedtls_ssl_free(&ssl); }
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;
};

struct TlsConfig {
    mbedtls_ssl_config ssl;
    TlsConfig() { mbedtls_ssl_config_init(&ssl); }
    ~TlsConfig() { mbedtls_ssl_config_free(&ssl); }
    TlsConfig(const TlsConfig&) = delete;
    TlsConfig& operator=(const TlsConfig&) = delete;
};

struct TlsServer::Parts {
    std::vector<std::unique_ptr<TlsChain>> certificates;
    TlsChain client_authorities;
    std::optional<TlsTickets> tickets;
    TlsConfig config;
};

struct TlsClient::Parts {
    ~Parts();
    Parts() { mbedtls_ssl_session_init(&session); }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    /// Remembers the session of `ssl` for the next connection.
    void remember(const mbedtls_ssl_context& ssl);
    std::string name;
    TlsChain authorities;
    std::vector<crypto::Digest> pins;
    bool resume = true;
    mbedtls_ssl_session session;
    bool has_session = false;
    TlsConfig config;
};

} // namespace weir::net
