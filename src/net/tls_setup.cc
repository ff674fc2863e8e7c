// net/tls_setup.cc - the settings that every connection has, and who is let in with which proof.
#include "net/tls_parts.h"

#include "base/assert.h"
#include "crypto/base64.h"
#include "crypto/secret.h"

#include <mbedtls/asn1.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/rsa.h>
#include <psa/crypto.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

namespace weir::net {
namespace {

/// AEAD suites with forward secrecy, the cheapest first.
constexpr int suites[] = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                          MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                          MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                          MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                          0};
constexpr uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                               MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
const char* protocols[] = {"http/1.1", nullptr};

const unsigned char* octets(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

int random(void*, unsigned char* to, size_t size) {
    return crypto::fill_random({to, size}) ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

uint64_t system_unix_s() { return static_cast<uint64_t>(::time(nullptr)); }

std::string text_of(int error) {
    char room[160] = "";
    mbedtls_strerror(error, room, sizeof room);
    return room;
}

char lower(char octet) { return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet + 32) : octet; }

bool equal_names(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, [](char a, char b) { return lower(a) == lower(b); });
}

bool covers(std::string_view pattern, std::string_view name) {
    if (!pattern.starts_with("*.")) return equal_names(pattern, name);
    const size_t dot = name.find('.');
    return dot != std::string_view::npos && dot != 0 && equal_names(pattern.substr(1), name.substr(dot));
}

/// Calls each(tag, octets) for every subject alternative name.
template <class Each> void each_name(const mbedtls_x509_crt& certificate, Each each) {
    for (const auto* at = &certificate.subject_alt_names; at != nullptr; at = at->next)
        if (at->buf.p != nullptr)
            each(at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK,
                 std::string_view(reinterpret_cast<const char*>(at->buf.p), at->buf.len));
}

std::string address_text(std::string_view raw) {
    std::string out;
    if (raw.size() == 4) {
        for (const char part : raw) {
            if (!out.empty()) out += '.';
            out += std::to_string(static_cast<unsigned char>(part));
        }
        return out;
    }
    static constexpr char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < raw.size(); ++i) {
        if (i != 0 && i % 2 == 0) out += ':';
        out += digits[static_cast<unsigned char>(raw[i]) >> 4];
        out += digits[static_cast<unsigned char>(raw[i]) & 15];
    }
    return out;
}

/// PEM as mbedTLS wants it: with its terminating zero.
std::string read_chain(mbedtls_x509_crt& chain, std::string_view pem, std::string_view what) {
    const std::string text(pem);
    const int failed = mbedtls_x509_crt_parse(&chain, octets(text), text.size() + 1);
    if (failed == 0) return {};
    if (failed > 0) return std::to_string(failed) + " of the " + std::string(what) + " cannot be read";
    if (pem.find("-----BEGIN CERTIFICATE-----") == std::string_view::npos)
        return "it holds no certificate (PEM, \"-----BEGIN CERTIFICATE-----\")";
    return "a certificate in it cannot be read: " + text_of(failed);
}

/// What every connection has, on either side.
std::string set_common(mbedtls_ssl_config& ssl, int endpoint) {
    if (psa_crypto_init() != PSA_SUCCESS) return "the cryptography of mbedTLS does not start";
    if (mbedtls_ssl_config_defaults(&ssl, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return "no memory is left";
    mbedtls_ssl_conf_rng(&ssl, random, nullptr);
    mbedtls_ssl_conf_min_tls_version(&ssl, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(&ssl, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_ciphersuites(&ssl, suites);
    mbedtls_ssl_conf_groups(&ssl, groups);
    mbedtls_ssl_conf_renegotiation(&ssl, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_tls13_key_exchange_modes(&ssl, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
    if (mbedtls_ssl_conf_alpn_protocols(&ssl, protocols) != 0) return "no memory is left";
    return {};
}

/// Every certificate that stands for the name, so that clients of either kind of key find theirs; none: the first.
int choose(void* self, mbedtls_ssl_context* ssl, const unsigned char* name, size_t size) {
    auto& parts = *static_cast<TlsServer::Parts*>(self);
    const std::string_view host(reinterpret_cast<const char*>(name), size);
    for (const auto& each : parts.certificates)
        if (each->stands_for(host))
            if (const int failed = mbedtls_ssl_set_hs_own_cert(ssl, &each->chain, &each->key)) return failed;
    return 0;
}

/// Looks at each certificate of a server's chain, the issuer first: a pinned key is proof enough when nothing else is
/// asked for, and is asked for beside the chain when there are authorities.
int verify(void* self, mbedtls_x509_crt* certificate, int depth, uint32_t* flags) {
    const auto& parts = *static_cast<const TlsClient::Parts*>(self);
    if (parts.pins.empty()) return 0;
    const bool by_chain = parts.authorities.chain.version != 0;
    if (!by_chain) *flags &= ~uint32_t{MBEDTLS_X509_BADCERT_NOT_TRUSTED | MBEDTLS_X509_BADCERT_CN_MISMATCH};
    if (depth != 0) return 0;
    const auto& key = certificate->pk_raw;
    const auto digest = crypto::Sha256::of({reinterpret_cast<const char*>(key.p), key.len});
    if (std::ranges::find(parts.pins, digest) == parts.pins.end()) *flags |= MBEDTLS_X509_BADCERT_OTHER;
    return 0;
}

} // namespace

int64_t unix_s_of(const mbedtls_x509_time& time) {
    std::tm broken{};
    broken.tm_year = time.year - 1900;
    broken.tm_mon = time.mon - 1;
    broken.tm_mday = time.day;
    broken.tm_hour = time.hour;
    broken.tm_min = time.min;
    broken.tm_sec = time.sec;
    return ::timegm(&broken);
}

std::string TlsChain::read(const TlsCertificateText& text) {
    if (auto wrong = read_chain(chain, text.chain, "certificates"); !wrong.empty()) return wrong;
    if (psa_crypto_init() != PSA_SUCCESS) return "the cryptography of mbedTLS does not start";
    const std::string pem = text.key;
    const int failed = mbedtls_pk_parse_key(&key, octets(pem), pem.size() + 1, nullptr, 0, random, nullptr);
    crypto::wipe({const_cast<unsigned char*>(octets(pem)), pem.size()});
    if (failed == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || failed == MBEDTLS_ERR_PK_PASSWORD_MISMATCH)
        return "its key is encrypted: weir asks nobody for a password";
    if (failed != 0) return "its key cannot be read: " + text_of(failed);
    if (mbedtls_pk_check_pair(&chain.pk, &key, random, nullptr) != 0) return "its key belongs to another certificate";
    return {};
}

bool TlsChain::stands_for(std::string_view name) const {
    bool found = false;
    each_name(chain, [&](int tag, std::string_view raw) {
        if (tag == MBEDTLS_X509_SAN_DNS_NAME && covers(raw, name)) found = true;
    });
    return found;
}

std::expected<TlsCertificateFacts, std::string> read_certificate(const TlsCertificateText& text) {
    TlsChain read;
    if (auto wrong = read.read(text); !wrong.empty()) return std::unexpected(std::move(wrong));
    TlsCertificateFacts facts{.names = {},
                              .not_before_s = unix_s_of(read.chain.valid_from),
                              .not_after_s = unix_s_of(read.chain.valid_to),
                              .key_bits = mbedtls_pk_get_bitlen(&read.key),
                              .rsa = mbedtls_pk_can_do(&read.key, MBEDTLS_PK_RSA) != 0};
    each_name(read.chain, [&](int tag, std::string_view raw) {
        if (tag == MBEDTLS_X509_SAN_DNS_NAME) facts.names.emplace_back(raw);
        else if (tag == MBEDTLS_X509_SAN_IP_ADDRESS) facts.names.push_back(address_text(raw));
    });
    return facts;
}

std::expected<size_t, std::string> read_authorities(std::string_view pem) {
    TlsChain read;
    if (auto wrong = read_chain(read.chain, pem, "certificates"); !wrong.empty()) return std::unexpected(wrong);
    size_t count = 0;
    for (const auto* at = &read.chain; at != nullptr; at = at->next) ++count;
    return count;
}

std::expected<crypto::Digest, std::string> read_pin(std::string_view text) {
    constexpr std::string_view scheme = "sha256/";
    const std::string_view encoded = text.starts_with(scheme) ? text.substr(scheme.size()) : std::string_view();
    std::array<char, 48> room{};
    if (encoded.size() == crypto::base64_size(crypto::Digest().size())) {
        crypto::Digest digest{};
        const auto size = crypto::decode_base64(encoded, room.data());
        if (size && *size == digest.size()) {
            std::memcpy(digest.data(), room.data(), digest.size());
            return digest;
        }
    }
    return std::unexpected(std::string("write \"sha256/\" and the 44 characters of the key's SHA-256 in base64"));
}

// Servers.

TlsServer::TlsServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TlsServer::~TlsServer() = default;

std::expected<std::shared_ptr<TlsServer>, std::string> TlsServer::make(const TlsServerOptions& options) {
    auto parts = std::make_unique<Parts>();
    mbedtls_ssl_config& ssl = parts->config.ssl;
    if (auto wrong = set_common(ssl, MBEDTLS_SSL_IS_SERVER); !wrong.empty()) return std::unexpected(std::move(wrong));
    if (options.only_1_3) mbedtls_ssl_conf_min_tls_version(&ssl, MBEDTLS_SSL_VERSION_TLS1_3);
    for (const auto& text : options.certificates) {
        auto chain = std::make_unique<TlsChain>();
        if (auto wrong = chain->read(text); !wrong.empty()) return std::unexpected(std::move(wrong));
        parts->certificates.push_back(std::move(chain));
    }
    if (parts->certificates.empty()) return std::unexpected(std::string("there is no certificate"));
    auto& first = *parts->certificates.front();
    if (mbedtls_ssl_conf_own_cert(&ssl, &first.chain, &first.key) != 0)
        return std::unexpected(std::string("no memory is left"));
    mbedtls_ssl_conf_sni(&ssl, choose, parts.get());
    mbedtls_ssl_conf_authmode(&ssl, MBEDTLS_SSL_VERIFY_NONE);
    if (options.clients != TlsClients::off) {
        auto wrong = read_chain(parts->client_authorities.chain, options.client_authorities, "authorities");
        if (!wrong.empty()) return std::unexpected(std::move(wrong));
        mbedtls_ssl_conf_ca_chain(&ssl, &parts->client_authorities.chain, nullptr);
        mbedtls_ssl_conf_authmode(
            &ssl, options.clients == TlsClients::required ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL);
    }
    // A resumed session would not bring the client's certificate back.
    const bool resumes = options.tickets != nullptr && options.clients == TlsClients::off;
    mbedtls_ssl_conf_session_tickets(
        &ssl, resumes ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    if (resumes) {
        parts->tickets.emplace(*options.tickets, options.unix_s == nullptr ? system_unix_s : options.unix_s);
        mbedtls_ssl_conf_session_tickets_cb(&ssl, TlsTickets::write, TlsTickets::parse, &*parts->tickets);
        mbedtls_ssl_conf_new_session_tickets(&ssl, 1);
    }
    return std::shared_ptr<TlsServer>(new TlsServer(std::move(parts)));
}

// Clients.

TlsClient::Parts::~Parts() { mbedtls_ssl_session_free(&session); }

void TlsClient::Parts::remember(const mbedtls_ssl_context& ssl) {
    if (!resume) return;
    mbedtls_ssl_session_free(&session);
    mbedtls_ssl_session_init(&session);
    has_session = mbedtls_ssl_get_session(&ssl, &session) == 0;
}

TlsClient::TlsClient(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TlsClient::~TlsClient() = default;

std::expected<std::shared_ptr<TlsClient>, std::string> TlsClient::make(const TlsClientOptions& options) {
    auto parts = std::make_unique<Parts>();
    mbedtls_ssl_config& ssl = parts->config.ssl;
    if (auto wrong = set_common(ssl, MBEDTLS_SSL_IS_CLIENT); !wrong.empty()) return std::unexpected(std::move(wrong));
    if (options.authorities.empty() && options.pins.empty())
        return std::unexpected(std::string("nobody is trusted: there are neither authorities nor pins"));
    parts->name = options.name;
    parts->pins = options.pins;
    parts->resume = options.resume;
    if (!options.authorities.empty()) {
        // A bundle may hold some that mbedTLS does not know (of other kinds of keys): the rest is used.
        const int failed = mbedtls_x509_crt_parse(&parts->authorities.chain, octets(options.authorities),
                                                  options.authorities.size() + 1);
        if (failed < 0) return std::unexpected("no certificate in it can be read: " + text_of(failed));
    }
    mbedtls_ssl_conf_ca_chain(&ssl, &parts->authorities.chain, nullptr);
    mbedtls_ssl_conf_authmode(&ssl, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_verify(&ssl, verify, parts.get());
    mbedtls_ssl_conf_session_tickets(
        &ssl, parts->resume ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(&ssl,
                                                             MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    return std::shared_ptr<TlsClient>(new TlsClient(std::move(parts)));
}

} // namespace weir::net
