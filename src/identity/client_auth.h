// identity/client_auth.h - how weir, as a client of a provider of tokens, shows that it is itself (RFC 7591 section 2).
#pragma once

#include <cstdint>

namespace weir::identity {

/// client_secret_basic, client_secret_post, private_key_jwt: its secret in the header or in the form, or what its key signs.
enum class ClientAuth : uint8_t { basic, post, private_key_jwt };

} // namespace weir::identity
