// control/upstream_tokens.h - the thread that gets the tokens by which servers let weir in: OAuth client credentials.
//
// RFC 6749 section 4.4, with RFC 8707's `resource`; the client is known by its secret, or by what it signs (RFC 7523). One token for each source, fetched at the start, again before it ends, and
// when somebody wants a new one; one request at a time for each, with growing pauses after failures. https only (http to
// this machine), certificates verified, nothing redirects, fetch_ns_max for a request, at most answer_bytes_max of an answer,
// which is strict JSON. Secrets and tokens are in no log and no message: texts about them name their source and the
// provider's error code.
#pragma once

#include "base/limits.h"
#include "identity/client_auth.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::control {

using identity::ClientAuth;

/// What is needed to get tokens from one provider.
struct TokenSource {
    std::string name;      // for the log
    std::string token_url; // identity::may_fetch() lets it in
    std::string client_id;
    ClientAuth auth = ClientAuth::basic;
    std::string secret, secret_file; // one of them; a file is read for each request. Of private_key_jwt: the key, PEM
    std::string key_id{}, assertion_audience{}; // of private_key_jwt; empty: none, and token_url
    std::string ca{};                           // a file of authorities in place of the system's; empty: the system's
    std::string scope, resource, audience;      // sent when not empty
};

/// A token, or the news that there is none now.
struct TokenNews {
    std::string token; // empty: there is none
    uint64_t number = 0;
};

class UpstreamTokens {
  public:
    static constexpr uint64_t fetch_ns_max = 5 * s_ns;
    static constexpr size_t answer_bytes_max = 64 << 10;
    static constexpr size_t token_bytes_max = 16 << 10;

    /// `told` is called on this thread with the index of a source: for each new token, when one has ended or was refused,
    /// and for each want() that brought none, within fetch_ns_max and a moment.
    UpstreamTokens(std::vector<TokenSource> sources, std::function<void(uint32_t, TokenNews)> told);
    ~UpstreamTokens();
    UpstreamTokens(const UpstreamTokens&) = delete;
    UpstreamTokens& operator=(const UpstreamTokens&) = delete;

    /// Any thread, at once. Somebody needs a token of `source`.
    void want(uint32_t source);
    /// Any thread, at once. The server refused the token `number`: if that is the one in use, another is fetched, at most one in
    /// refetch_ns_min.
    void refused(uint32_t source, uint64_t number);
    static constexpr uint64_t refetch_ns_min = 5 * s_ns;

  private:
    struct Thread;
    struct Asked {
        bool wanted = false;
        uint64_t refused = 0; // 0: none
    };
    std::mutex mutex_;
    std::vector<Asked> asked_; // by source
    bool stopping_ = false;
    std::unique_ptr<Thread> own_;
    std::thread thread_;
};

/// The text of a token endpoint's answer with status 200: the token and for how long it is good, in seconds; or what is wrong
/// with it, in words that repeat nothing of it. Pure.
struct GrantedToken {
    std::string token;
    uint64_t seconds = 0;
};
struct TokenAnswer {
    GrantedToken granted{};
    std::string problem{}; // empty: granted
};
TokenAnswer read_token_answer(std::string_view text);
/// The `error` code of a refusal (RFC 6749 section 5.2), or empty when it is none of that form. Pure.
std::string token_error_code(std::string_view text);

} // namespace weir::control
