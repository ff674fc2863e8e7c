// net/tls_peer.cc - who a certificate is for: its names as texts that can be compared, recorded and shown.
#include "net/tls.h"
#include "net/tls_parts.h"

#include <mbedtls/x509_crt.h>
#include <algorithm>

namespace weir::net {
namespace {

constexpr size_t names_max = 32, name_bytes_max = 256;

bool is_plain(const std::string& text) {
    return !text.empty() && text.size() <= name_bytes_max &&
           std::ranges::all_of(text, [](char octet) { return octet > ' ' && octet <= '~'; });
}

std::string text_of(const mbedtls_x509_name& name) {
    char room[1024] = "";
    const int size = mbedtls_x509_dn_gets(room, sizeof room, &name);
    return {room, size > 0 ? static_cast<size_t>(size) : 0};
}

} // namespace

std::optional<PeerCertificate> Tls::peer() const {
    const mbedtls_x509_crt* certificate = mbedtls_ssl_get_peer_cert(&session_->ssl);
    if (certificate == nullptr || state_ == State::handshaking || state_ == State::failed) return {};
    PeerCertificate out;
    out.digest = crypto::Sha256::of({reinterpret_cast<const char*>(certificate->raw.p), certificate->raw.len});
    out.subject = text_of(certificate->subject);
    out.issuer = text_of(certificate->issuer);
    out.ends_unix_s = static_cast<uint64_t>(std::max<int64_t>(0, unix_s_of(certificate->valid_to)));
    size_t names = 0;
    for (const mbedtls_x509_sequence* each = &certificate->subject_alt_names; each != nullptr; each = each->next) {
        if (each->buf.p == nullptr) continue;
        if (++names > names_max) return {};
        std::vector<std::string>* into = nullptr;
        switch (each->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) {
            case MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER: into = &out.uris; break;
            case MBEDTLS_X509_SAN_RFC822_NAME: into = &out.emails; break;
            case MBEDTLS_X509_SAN_DNS_NAME: into = &out.names; break;
            default: continue;
        }
        into->emplace_back(reinterpret_cast<const char*>(each->buf.p), each->buf.len);
        if (!is_plain(into->back())) return {};
    }
    return out;
}

} // namespace weir::net
