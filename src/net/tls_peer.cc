// net/tls_peer.cc - who a certificate is for: its names as texts that can be compared, recorded and shown.
#include "net/tls.h"
#include "net/tls_parts.h"

#include <mbedtls/x509_crt.h>
#include <algorithm>
#include <ctime>

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

uint64_t unix_of(const mbedtls_x509_time& at) {
    std::tm parts{};
    parts.tm_year = at.year - 1900;
    parts.tm_mon = at.mon - 1;
    parts.tm_mday = at.day;
    parts.tm_hour = at.hour;
    parts.tm_min = at.min;
    parts.tm_sec = at.sec;
    const std::time_t seconds = ::timegm(&parts);
    return seconds < 0 ? 0 : static_cast<uint64_t>(seconds);
}

} // namespace

std::optional<PeerCertificate> Tls::peer() const {
    const mbedtls_x509_crt* certificate = mbedtls_ssl_get_peer_cert(&session_->ssl);
    if (certificate == nullptr || state_ == State::handshaking || state_ == State::failed) return {};
    PeerCertificate out;
    out.digest = crypto::Sha256::of({reinterpret_cast<const char*>(certificate->raw.p), certificate->raw.len});
    out.subject = text_of(certificate->subject);
    out.issuer = text_of(certificate->issuer);
    out.ends_unix_s = unix_of(certificate->valid_to);
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
