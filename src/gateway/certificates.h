// gateway/certificates.h - who a client is by its certificate.
//
// Pure. Whether the certificate is good was TLS's to say. The rule, as docs/operating.md has it: the subject is the first URI of
// the subjectAltName (SPIFFE), else its first e-mail address, else its first DNS name, else `sha256:` and the digest of the
// certificate; the issuer is `cert:` and the name of who signed it. It has no groups, no scopes and no claims.
#pragma once

#include "identity/principal.h"
#include "net/tls.h"

#include <memory>

namespace weir::gateway {

struct Certified {
    identity::Principal principal;
    uint64_t ends_unix_s = 0; // of the certificate
};

/// Who `peer` is.
std::shared_ptr<const Certified> certified(const net::PeerCertificate& peer);

} // namespace weir::gateway
