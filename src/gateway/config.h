// gateway/config.h - what weir.toml says, as plain data, and the reader that refuses whatever it does not understand.
//
// An unknown key, a wrong type or a value out of bounds is a problem with file, line and column; a Config exists only
// when there is none. Paths are absolute or relative to the directory of the file. Reading is the only I/O here; the
// data owns its memory, and nobody changes it after the start. Any thread.
#pragma once

#include "base/ip_address.h"
#include "base/limits.h"
#include "identity/client_auth.h"
#include "identity/issuer.h"
#include "net/tls_setup.h"
#include "ring/ring.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::gateway {

/// An address to listen on: `127.0.0.1:7070` or `[::1]:7070`, never a name, never port 0.
struct ListenAddress {
    std::string text;
    ring::Address address;
    uint16_t port = 0;
    bool loopback = false;
};

/// Where a server is, taken apart. http:// or https:// without user, query or fragment.
struct ServerUrl {
    std::string text;      // as written
    std::string authority; // what goes into Host: the host, and the port unless it is that of the scheme
    std::string host;      // a name or an address, IPv6 without its brackets
    std::string target;    // path, at least "/"
    uint16_t port = 80;
    bool tls = false;
};

/// The operator's tag of tools: every tool whose name one of the globs matches.
struct TagConfig {
    std::string tag;
    std::vector<std::string> globs;
};

struct LabelConfig {
    std::string name;
    std::string value;
};

/// What weir shows a server so that it is let in. The secret is where this says, never in the configuration.
struct CredentialConfig {
    std::string header = "Authorization";
    std::string prefix = "Bearer "; // stands before the secret
    std::string env, file;          // one of them: a variable, an absolute path
    // OAuth client credentials: the secret is a client's, and what the provider gives for it is shown.
    std::string token_url{}, client_id{}, scope{}, resource{}, audience{};
    identity::ClientAuth client_auth = identity::ClientAuth::basic;
    std::string key_id{}, assertion_audience{}; // of private_key_jwt
    std::string ca{};                           // who signs the provider's certificate: a file; empty: the system's
    bool granted() const { return !token_url.empty(); }
};

/// An issuer of tokens, and how servers call it.
struct IssuerConfig {
    std::string name; // as those of servers
    identity::Issuer issuer;
    std::vector<std::string> audiences;  // of its tokens, for servers that say none
    uint64_t refetch_ns_min = 30 * s_ns; // between two fetches of its keys, whatever tokens ask for
    uint32_t line = 0;                   // of its [[issuer]]
};

/// What those who call what the glob matches must be allowed, beside `scopes` of the server.
struct ScopeRule {
    std::string glob;
    std::vector<std::string> scopes; // at least one
};

struct ServerConfig {
    std::string name; // [a-z0-9] then [a-z0-9_-], at most 64
    ServerUrl url;
    std::string path; // of the requests it gets here; begins with "/", ends without
    bool allow_by_default = false;
    bool anonymous = false;             // anyone may come; then none of what follows is there
    bool api_keys = false;              // keys that weir issued are taken
    bool client_certificates = false;   // a certificate of [listen.tls] says who comes without a token
    std::vector<uint32_t> issuers;      // whose tokens are taken: indexes into Config::issuers
    std::vector<std::string> audiences; // for whom tokens must be meant; none: what their issuer's [[issuer]] says
    std::vector<std::string> scopes;    // needed for any request
    std::vector<ScopeRule> method_scopes, tool_scopes;
    std::vector<LabelConfig> labels;          // by name
    std::vector<TagConfig> tags;              // by tag
    std::vector<std::string> forward_headers; // in lower case
    std::optional<CredentialConfig> credential;
    std::string ca{}; // https: who signs its certificate; empty: the system's authorities, or `pins` alone
    std::vector<crypto::Digest> pins{}; // https: the keys that it may have
    // Those of [limits] unless the server has its own.
    uint64_t connect_ns_max = 0;
    uint64_t first_octet_ns_max = 0;
    uint64_t silence_ns_max = 0;
    uint32_t line = 0; // of its [[server]]
};

enum class Durability : uint8_t { off, batch, strict };

struct RecordConfig {
    Durability durability = Durability::batch;
    uint64_t body_bytes_max = 1 << 20; // of one stored body; the rest by SHA-256 and size
    uint64_t segment_bytes = uint64_t{64} << 20;
    uint64_t retain_bytes = 0; // 0: sealed segments are kept
    uint32_t retain_days = 0;  // 0: the same
};

/// A certificate for clients: two files.
struct CertificateConfig {
    std::string chain, key;
    uint32_t line = 0; // of its [[certificate]]
};

struct ListenTlsConfig {
    std::vector<CertificateConfig> certificates; // none: clients come in plain text
    net::TlsClients clients = net::TlsClients::off;
    std::string client_ca; // file
    bool only_1_3 = false;
    bool resumption = true;
    uint32_t line = 0; // of [listen.tls]
};

/// Who may come to the admin listener with a token, to decide about calls that wait; and how `weir login` gets one.
struct DecidersConfig {
    std::vector<std::string> audiences; // for whom tokens must be meant; none: nobody may come
    std::vector<uint32_t> issuers;      // whose tokens are taken: indexes into Config::issuers
    std::vector<std::string> scopes;    // needed for any request
    std::vector<std::string> hosts;     // accepted Host values, in lower case
    uint32_t login_issuer = 0;          // index into Config::issuers
    std::string login_client; // the OAuth client that people sign in through; empty: `weir login` must be told
    std::vector<std::string> login_scopes;
};

/// A value that a policy reads with config "name".
struct PolicyValue {
    std::string name;
    std::variant<std::string, double, bool> value;
};

/// How a trusted proxy says for whom it comes.
enum class ClientAddress : uint8_t { connection, proxy_protocol, x_forwarded_for };

struct Config {
    std::string file;                     // as it was named, for messages
    std::vector<ListenAddress> addresses; // at least one
    std::vector<std::string> hosts;       // accepted Host values, in lower case
    std::vector<std::string> origins;     // accepted Origin values, in lower case
    std::string public_url;               // scheme and authority by which clients know weir; empty: by their Host
    ListenTlsConfig tls;
    bool without_tls = false; // an explicit word: beyond loopback in plain text
    ClientAddress client_address = ClientAddress::connection;
    std::vector<IpRange> trusted_proxies{}; // none unless client_address is another than `connection`
    uint32_t workers = 0;                   // 0: one per core
    std::string state_dir = "/var/lib/weir";
    RecordConfig record;
    std::string policies_dir;               // empty: no policies
    uint32_t policies_line = 0;             // where the file names it
    std::vector<PolicyValue> policy_values; // by name
    std::optional<ListenAddress> admin;
    bool admin_tls = false; // with the certificates of [listen.tls]
    DecidersConfig deciders;
    Limits limits;
    std::vector<IssuerConfig> issuers; // in the order of the file
    std::vector<ServerConfig> servers; // in the order of the file
};

/// One thing that is wrong with a configuration. `code` is stable: config_syntax, config_unknown_key, config_type,
/// config_value, config_missing, config_duplicate, config_unreadable, config_warning.
struct ConfigProblem {
    std::string file;
    uint32_t line = 0; // from 1; 0: the file as a whole
    uint32_t column = 0;
    std::string_view code;
    std::string text;
};

/// `weir.toml:41:9: unknown key ... (config_unknown_key)`, one line without its end.
std::string describe(const ConfigProblem& problem);

/// All that is wrong, in the order of the file; never empty.
using ConfigProblems = std::vector<ConfigProblem>;

/// Reads the file `path`. config_unreadable when it cannot be read or is over 4 MiB.
std::expected<Config, ConfigProblems> load_config(const std::string& path);

/// Reads `text`, which problems call `name`; relative paths in it begin at `directory`.
std::expected<Config, ConfigProblems> parse_config(std::string_view text, const std::string& name,
                                                   const std::string& directory);

/// What is allowed but probably not meant (`weir check` says so, --strict fails on it). Empty: nothing.
ConfigProblems warnings_of(const Config& config);

} // namespace weir::gateway
