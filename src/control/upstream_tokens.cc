// control/upstream_tokens.cc - requests to token endpoints on one curl_multi, and when each token is replaced.
#include "control/upstream_tokens.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "control/client_assertion.h"
#include "control/trust.h"
#include "crypto/secret.h"
#include "identity/issuer.h"

#include <curl/curl.h>
#include <algorithm>
#include <span>

namespace weir::control {
namespace {

constexpr uint64_t look_every_ns_max = 60 * s_ns;
constexpr uint64_t look_at_fetch_ns = 20 * ms_ns;
constexpr uint64_t pause_ns_min = 1 * s_ns, pause_ns_max = 60 * s_ns; // after failures, doubling
constexpr size_t secret_bytes_max = 16 << 10;

void forget(std::string& secret) {
    crypto::wipe(std::span(reinterpret_cast<unsigned char*>(secret.data()), secret.size()));
    secret.clear();
}

struct Transfer {
    CURL* handle = nullptr;
    curl_slist* fields = nullptr;
    std::string answer;
    bool too_large = false;
};

size_t on_body(char* data, size_t size, size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const size_t bytes = size * count;
    if (transfer.answer.size() + bytes > UpstreamTokens::answer_bytes_max) {
        transfer.too_large = true;
        return 0; // which ends it
    }
    transfer.answer.append(data, bytes);
    return bytes;
}

/// Without the white space around it: a line's end, most often.
void trim(std::string& secret) {
    constexpr std::string_view white = " \t\r\n";
    const size_t from = std::min(secret.find_first_not_of(white), secret.size());
    const size_t to = secret.find_last_not_of(white) + 1; // npos + 1 is 0
    std::string inner = secret.substr(from, to > from ? to - from : 0);
    forget(secret);
    secret = std::move(inner);
}

/// application/x-www-form-urlencoded.
std::string encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '*';
        if (plain) out += c;
        else if (c == ' ') out += '+';
        else {
            const auto octet = static_cast<unsigned char>(c);
            out += '%';
            out += digits[octet >> 4];
            out += digits[octet & 15];
        }
    }
    return out;
}

void add(std::string& form, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    form += '&';
    form += name;
    form += '=';
    std::string text = encoded(value);
    form += text;
    forget(text);
}

} // namespace

struct UpstreamTokens::Thread {
    struct State {
        TokenSource source;
        Transfer transfer;
        std::string token{};  // in use; empty: none
        uint64_t number = 0;  // of the tokens so far
        uint64_t ends_ns = 0; // of the token in use
        uint64_t due_ns = 0;  // when to fetch the next
        uint64_t fetched_ns = 0, pause_ns = 0;
    };

    Thread(std::vector<TokenSource> sources, std::function<void(uint32_t, TokenNews)> tell) : told(std::move(tell)) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        multi = curl_multi_init();
        WEIR_ASSERT(multi != nullptr);
        for (TokenSource& source : sources)
            states.push_back(std::make_unique<State>(State{.source = std::move(source), .transfer = {}}));
    }
    ~Thread() {
        for (auto& state : states) {
            drop(state->transfer);
            forget(state->token);
            forget(state->source.secret);
        }
        curl_multi_cleanup(multi);
    }

    void drop(Transfer& transfer) const {
        if (transfer.handle == nullptr) return;
        curl_multi_remove_handle(multi, transfer.handle);
        curl_easy_cleanup(transfer.handle);
        curl_slist_free_all(transfer.fields);
        transfer.handle = nullptr;
        transfer.fields = nullptr;
    }

    void begin(uint32_t index) {
        State& state = *states[index];
        const TokenSource& source = state.source;
        std::string secret = source.secret;
        if (!source.secret_file.empty()) {
            auto read = read_whole_file(source.secret_file, secret_bytes_max);
            if (!read) return fail(index, "the file of its secret cannot be read");
            secret = std::move(*read);
        }
        if (source.auth != ClientAuth::private_key_jwt) trim(secret);
        if (secret.empty()) return fail(index, "the secret is empty");
        if (source.auth == ClientAuth::private_key_jwt) {
            const std::string& audience =
                source.assertion_audience.empty() ? source.token_url : source.assertion_audience;
            auto assertion =
                client_assertion({source.client_id, audience, source.key_id}, secret, unix_now_ns() / s_ns);
            forget(secret);
            if (!assertion) return fail(index, "its key cannot be used: " + assertion.error());
            secret = std::move(*assertion);
        }
        CURL* handle = curl_easy_init();
        if (handle == nullptr) return fail(index, "no memory");
        Transfer& transfer = state.transfer;
        transfer.handle = handle;
        forget(transfer.answer);
        transfer.too_large = false;
        state.fetched_ns = monotonic_ns();
        std::string form = "grant_type=client_credentials";
        add(form, "scope", source.scope);
        add(form, "resource", source.resource);
        add(form, "audience", source.audience);
        if (source.auth == ClientAuth::private_key_jwt) {
            add(form, "client_id", source.client_id);
            add(form, "client_assertion_type", assertion_type);
            add(form, "client_assertion", secret);
        } else if (source.auth == ClientAuth::post) {
            add(form, "client_id", source.client_id);
            add(form, "client_secret", secret);
        } else { // RFC 6749 section 2.3.1: both are encoded before they are joined.
            std::string id = encoded(source.client_id), text = encoded(secret);
            curl_easy_setopt(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
            curl_easy_setopt(handle, CURLOPT_USERNAME, id.c_str());
            curl_easy_setopt(handle, CURLOPT_PASSWORD, text.c_str());
            forget(text);
        }
        forget(secret);
        transfer.fields = curl_slist_append(nullptr, "Accept: application/json");
        curl_easy_setopt(handle, CURLOPT_URL, source.token_url.c_str());
        if (!source.ca.empty()) trust_only(handle, source.ca);
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, transfer.fields);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(form.size()));
        curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, form.c_str());
        forget(form);
        curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(handle, CURLOPT_PROXY, "");
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L); // A look-up that hangs is left, not waited for.
        curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(fetch_ns_max / ms_ns));
        curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
        curl_easy_setopt(handle, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
        curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
        curl_easy_setopt(handle, CURLOPT_PRIVATE, reinterpret_cast<char*>(static_cast<uintptr_t>(index)));
        curl_multi_add_handle(multi, handle);
    }

    void finish(uint32_t index, CURLcode result) {
        State& state = *states[index];
        Transfer& transfer = state.transfer;
        long status = 0;
        curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
        drop(transfer);
        if (transfer.too_large) return fail(index, "its answer is too large");
        if (result != CURLE_OK) return fail(index, curl_easy_strerror(result));
        if (status >= 300 && status < 400) return fail(index, "it redirects, which is not followed");
        if (status != 200) {
            const std::string code = token_error_code(transfer.answer);
            return fail(index, "it answers with status " + std::to_string(status) + (code.empty() ? "" : ": " + code));
        }
        TokenAnswer answer = read_token_answer(transfer.answer);
        forget(transfer.answer);
        if (!answer.problem.empty()) return fail(index, answer.problem);
        const uint64_t now = monotonic_ns(), life_ns = answer.granted.seconds * s_ns;
        // The last tenth of its life, at most a minute, is for getting the next one.
        const uint64_t early_ns = std::min(60 * s_ns, life_ns / 10);
        forget(state.token);
        state.token = std::move(answer.granted.token);
        ++state.number;
        state.ends_ns = now + life_ns - early_ns / 4;
        state.due_ns = std::max(now + life_ns - early_ns, now + s_ns);
        state.pause_ns = 0;
        log::info("credential_granted",
                  {{"server", state.source.name}, {"seconds", std::to_string(answer.granted.seconds)}});
        told(index, {state.token, state.number});
    }

    void fail(uint32_t index, std::string_view why) {
        State& state = *states[index];
        forget(state.transfer.answer);
        const uint64_t now = monotonic_ns();
        state.pause_ns = std::clamp(state.pause_ns * 2, pause_ns_min, pause_ns_max);
        state.due_ns = now + state.pause_ns;
        log::warn("credential_not_granted", {{"server", state.source.name},
                                             {"url", state.source.token_url},
                                             {"error", why},
                                             {"credential", state.token.empty() ? "none" : "the last one holds"}});
        told(index, {state.token, state.number});
    }

    /// Everything that is due; how long there is nothing to do.
    uint64_t turn(const std::vector<Asked>& asked) {
        for (uint32_t i = 0; i < states.size(); ++i) {
            State& state = *states[i];
            const uint64_t now = monotonic_ns();
            if (asked[i].refused != 0 && asked[i].refused == state.number && !state.token.empty() &&
                state.transfer.handle == nullptr && now >= state.fetched_ns + refetch_ns_min) {
                forget(state.token); // Shown to nobody any more: who comes now waits for the next.
                told(i, {{}, state.number});
                state.due_ns = now;
            }
            if (!state.token.empty() && now >= state.ends_ns) {
                forget(state.token);
                told(i, {{}, state.number});
            }
            if (state.transfer.handle != nullptr) continue; // Who wants one hears of this.
            if (now >= state.due_ns) begin(i);
            else if (asked[i].wanted) told(i, {state.token, state.number}); // Not yet: nobody waits for it.
        }
        int running = 0, left = 0;
        curl_multi_perform(multi, &running);
        while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode result = message->data.result;
            char* index = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &index);
            finish(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(index)), result);
        }
        if (running != 0) return look_at_fetch_ns;
        uint64_t rest = look_every_ns_max;
        const uint64_t now = monotonic_ns();
        for (const auto& state : states) {
            rest = std::min(rest, state->due_ns - std::min(state->due_ns, now));
            if (!state->token.empty()) rest = std::min(rest, state->ends_ns - std::min(state->ends_ns, now));
        }
        return rest;
    }

    CURLM* multi = nullptr;
    std::vector<std::unique_ptr<State>> states; // never moved: curl has their addresses
    std::function<void(uint32_t, TokenNews)> told;
};

UpstreamTokens::UpstreamTokens(std::vector<TokenSource> sources, std::function<void(uint32_t, TokenNews)> told)
    : asked_(sources.size()), own_(std::make_unique<Thread>(std::move(sources), std::move(told))), thread_([this] {
          name_thread("weir-tokens");
          for (;;) {
              std::vector<Asked> asked(own_->states.size());
              {
                  const std::lock_guard lock(mutex_);
                  if (stopping_) return;
                  asked.swap(asked_);
              }
              const uint64_t rest_ns = own_->turn(asked);
              curl_multi_poll(own_->multi, nullptr, 0, static_cast<int>((rest_ns + ms_ns - 1) / ms_ns), nullptr);
          }
      }) {}

UpstreamTokens::~UpstreamTokens() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    curl_multi_wakeup(own_->multi);
    thread_.join();
}

void UpstreamTokens::want(uint32_t source) {
    {
        const std::lock_guard lock(mutex_);
        asked_[source].wanted = true;
    }
    curl_multi_wakeup(own_->multi);
}

void UpstreamTokens::refused(uint32_t source, uint64_t number) {
    {
        const std::lock_guard lock(mutex_);
        asked_[source].refused = number;
    }
    curl_multi_wakeup(own_->multi);
}

} // namespace weir::control
