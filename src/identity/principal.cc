// identity/principal.cc - the anonymous principal.
#include "identity/principal.h"

namespace weir::identity {

const Principal& anonymous() {
    static const Principal principal{.issuer = {}, .subject = "anonymous", .client = {}, .display = "anonymous",
                                     .groups = {}, .key = "anonymous"};
    return principal;
}

} // namespace weir::identity
