// gateway/certificates.cc - the names of a certificate, in the order in which they count.
#include "gateway/certificates.h"

#include "crypto/hex.h"

#include <array>

namespace weir::gateway {

std::shared_ptr<const Certified> certified(const net::PeerCertificate& peer) {
    std::string subject;
    for (const auto* names : {&peer.uris, &peer.emails, &peer.names})
        if (subject.empty() && !names->empty()) subject = names->front();
    if (subject.empty()) {
        std::array<char, 2 * sizeof(crypto::Digest)> digits{};
        crypto::write_hex({reinterpret_cast<const char*>(peer.digest.data()), peer.digest.size()}, digits.data());
        subject.assign("sha256:").append(digits.data(), digits.size());
    }
    auto made = std::make_shared<Certified>();
    const std::string shown = peer.subject.empty() ? subject : peer.subject;
    made->principal = identity::make_principal("cert:" + peer.issuer, subject, "", shown, {});
    if (!peer.emails.empty()) made->principal.email = peer.emails.front(); // Who signed it vouches for it.
    made->ends_unix_s = peer.ends_unix_s;
    return made;
}

} // namespace weir::gateway
