// gateway/generation.h - everything that a configuration decides, as one immutable object: servers, routes, policies.
//
// A running weir has one current generation; what began under an older one ends under it. Read by all workers, written
// by none. What changes at run time (addresses after a new look-up, credentials) is each worker's own.
#pragma once

#include "base/result.h"
#include "gateway/config.h"
#include "gateway/credentials.h"
#include "http/url.h"
#include "identity/authenticator.h"
#include "net/tls_setup.h"
#include "policy/set.h"
#include "ring/ring.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace weir::gateway {

/// One configured server with what is computed from it once.
struct Server {
    uint32_t index = 0;
    const ServerConfig* config = nullptr;
    std::string post_head; // "POST /path HTTP/1.1 … Content-Length: ", to be followed by the length
    std::string get_head;  // "GET /path HTTP/1.1 …", ending in CRLF, to be followed by more fields
    std::string delete_head;
    ring::Address address;                                     // as first looked up; size 0: not resolved
    CredentialField credential;                                // as first read; null: it has none
    identity::Resource resource;                               // what it asks of those who come
    std::shared_ptr<const net::TlsClientOptions> tls_client{}; // as first read; null: plain text
};

struct Generation {
    uint64_t number = 1;
    Config config;
    std::vector<http::Authority> hosts; // what [listen] says, read; views into config
    std::vector<http::Origin> origins;
    std::vector<http::Authority> desk_hosts; // what [admin] says, read
    identity::Resource desk;                 // what is asked of those who decide with a token; no trusts: nobody may
    std::vector<identity::Issuer> issuers;   // in the order of the configuration
    std::vector<Server> servers;
    net::TlsTicketSecret tls_tickets;
    std::shared_ptr<const net::TlsServerOptions> tls_server; // as first read; null: clients come in plain text
    std::unordered_map<std::string_view, uint32_t> routes;   // path to server; keys live in config
    std::shared_ptr<const policy::PolicySet> policies;       // never null

    /// The server at `path`, or nullptr.
    const Server* route(std::string_view path) const {
        const auto found = routes.find(path);
        return found == routes.end() ? nullptr : &servers[found->second];
    }
};

} // namespace weir::gateway
