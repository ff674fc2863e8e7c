// net/tls_setup.h - what the connections of one listener, or those to one server, have in common: keys, trust, tickets.
//
// Versions 1.2 and 1.3, AEAD suites with forward secrecy alone, ALPN http/1.1, no renegotiation. Everything is made of
// texts that were read before; nothing here does I/O but for random octets and the time of day. Immutable once made, but
// for the session that a TlsClient remembers: each worker has objects of its own, which connections share the life of.
#pragma once

#include "crypto/sha256.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct mbedtls_ssl_context;

namespace weir::net {

/// One certificate with those that lead to its issuer, and its private key, as PEM.
struct TlsCertificateText {
    std::string chain{}, key{};
};

/// What is in a certificate, for people and for `weir check`.
struct TlsCertificateFacts {
    std::vector<std::string> names; // DNS names and addresses it stands for
    int64_t not_before_s = 0;       // Unix time
    int64_t not_after_s = 0;
    size_t key_bits = 0;
    bool rsa = false;
};

/// Reads `text`; or what is wrong with it: no certificate, no key, a key that is encrypted or does not belong to it.
std::expected<TlsCertificateFacts, std::string> read_certificate(const TlsCertificateText& text);

/// The number of certificates in a file of trusted ones; or what is wrong with it.
std::expected<size_t, std::string> read_authorities(std::string_view pem);

/// "sha256/" and the digest of a public key (SubjectPublicKeyInfo, RFC 7469 section 2.4) in base64, or nothing.
std::expected<crypto::Digest, std::string> read_pin(std::string_view text);

/// What session tickets are sealed under: shared by all workers, so that a client may come back to any of them. A key is
/// good for one period, in which it seals, and the next, in which it opens.
struct TlsTicketSecret {
    std::array<unsigned char, 32> octets{};
    uint64_t period_s = 3600;
};

enum class TlsClients : uint8_t { off, optional, required };

struct TlsServerOptions {
    std::vector<TlsCertificateText> certificates{}; // at least one; the first for clients that name nobody we know
    TlsClients clients = TlsClients::off;           // whether clients show certificates; a bad one is always refused
    std::string client_authorities{};               // PEM: who signs those
    bool only_1_3 = false;
    const TlsTicketSecret* tickets =
        nullptr;                    // copied; nullptr: no resumption. Nor is there any with client certificates
    uint64_t (*unix_s)() = nullptr; // nullptr: the system's
};

class TlsServer {
  public:
    /// Or a text about what is wrong.
    static std::expected<std::shared_ptr<TlsServer>, std::string> make(const TlsServerOptions& options);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    struct Parts;
    Parts& parts() { return *parts_; }

  private:
    explicit TlsServer(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

struct TlsClientOptions {
    std::string name{};        // of the server: a DNS name or an address; checked against its certificate
    std::string authorities{}; // PEM; may be empty when there are pins
    std::vector<crypto::Digest>
        pins{}; // one of them must be the server's key; without authorities that is all its proof
    bool resume = true;
};

class TlsClient {
  public:
    /// Or a text about what is wrong.
    static std::expected<std::shared_ptr<TlsClient>, std::string> make(const TlsClientOptions& options);
    ~TlsClient();
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    struct Parts;
    Parts& parts() { return *parts_; }

  private:
    explicit TlsClient(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

} // namespace weir::net
