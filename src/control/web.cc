// control/web.cc - fetches of metadata and keys on one curl_multi.
#include "control/web.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "identity/key_source.h"
#include "json/scan.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cstring>
#include <optional>

namespace weir::control {
namespace {

using identity::Issuer;
using identity::KeySet;
using identity::KeySource;

constexpr uint64_t look_every_ns_max = 60 * s_ns; // whether keys still hold
constexpr uint64_t look_at_fetch_ns = 20 * ms_ns; // at the latest; sooner when something comes

/// The host of a URL that may_fetch() let in, without its port.
std::string_view host_of(std::string_view url) {
    url.remove_prefix(std::min(url.find("://") + 3, url.size()));
    url = url.substr(0, url.find_first_of("/?"));
    return url.starts_with('[') ? url.substr(0, url.find(']') + 1) : url.substr(0, url.find(':'));
}

/// Addresses that mean nothing, or something else, outside of this machine and network (RFC 6890).
bool is_private(const uint8_t* v4) {
    return v4[0] == 0 || v4[0] == 10 || v4[0] == 127 || v4[0] >= 224 || (v4[0] == 100 && (v4[1] & 0xc0) == 64) ||
           (v4[0] == 169 && v4[1] == 254) || (v4[0] == 172 && (v4[1] & 0xf0) == 16) || (v4[0] == 192 && v4[1] == 168);
}
bool is_private(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        return is_private(reinterpret_cast<const uint8_t*>(&v4.sin_addr));
    }
    if (address.sa_family != AF_INET6) return true;
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    const uint8_t* octets = v6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return is_private(octets + 12);
    return (octets[0] & 0xe0) != 0x20; // Only 2000::/3 is for all.
}

/// One fetch of one URL.
struct Fetch {
    CURL* handle = nullptr;
    std::string url, body;
    bool too_large = false, public_only = false, refused_address = false;
};

size_t on_body(char* data, size_t size, size_t count, void* self) {
    Fetch& fetch = *static_cast<Fetch*>(self);
    const size_t bytes = size * count;
    if (fetch.body.size() + bytes > KeySet::text_bytes_max) {
        fetch.too_large = true;
        return 0; // which ends the transfer
    }
    fetch.body.append(data, bytes);
    return bytes;
}

curl_socket_t on_socket(void* self, curlsocktype, curl_sockaddr* address) {
    Fetch& fetch = *static_cast<Fetch*>(self);
    if (fetch.public_only && is_private(address->addr)) {
        fetch.refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

PaddedBytes padded(const std::string& text, BufferPool& pool) {
    PaddedBytes bytes(pool);
    bytes.append(text);
    return bytes;
}

} // namespace

/// All that belongs to the thread.
struct Web::Thread {
    enum class Stage : uint8_t { idle, metadata, keys };
    struct State {
        Source source;
        KeySource keys;
        Stage stage = Stage::idle;
        Fetch fetch;
        uint64_t end_ns = 0; // of the fetch
        std::shared_ptr<const std::string> metadata;
        uint64_t told = 0; // the fingerprint of the keys last told; 0: none
        explicit State(Source from) : source(std::move(from)), keys(source.refetch_ns_min) {}
    };

    Thread(std::vector<Source> sources, std::function<void(uint32_t, IssuerNews)> told) : told_(std::move(told)) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        multi = curl_multi_init();
        WEIR_ASSERT(multi != nullptr);
        for (Source& source : sources) states.push_back(std::make_unique<State>(std::move(source)));
    }
    ~Thread() {
        for (auto& state : states) drop(state->fetch);
        curl_multi_cleanup(multi);
    }

    void drop(Fetch& fetch) const {
        if (fetch.handle == nullptr) return;
        curl_multi_remove_handle(multi, fetch.handle);
        curl_easy_cleanup(fetch.handle);
        fetch.handle = nullptr;
    }

    /// Begins to fetch `url`. A sentence says why it cannot.
    std::string start(uint32_t index, std::string url, bool named_by_operator) {
        State& state = *states[index];
        Fetch& fetch = state.fetch;
        drop(fetch);
        fetch = {};
        const Issuer& issuer = state.source.issuer;
        fetch.url = std::move(url);
        const std::string_view host = host_of(fetch.url);
        fetch.public_only =
            !named_by_operator && host != host_of(issuer.url) && host != host_of(metadata_url_of(issuer));
        if (!identity::may_fetch(fetch.url) || (fetch.public_only && !fetch.url.starts_with("https://")))
            return "its keys are where weir fetches nothing from";
        const uint64_t now = monotonic_ns();
        if (now >= state.end_ns) return "it took too long";
        CURL* handle = curl_easy_init();
        if (handle == nullptr) return "no memory";
        fetch.handle = handle;
        curl_easy_setopt(handle, CURLOPT_URL, fetch.url.c_str());
        curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(handle, CURLOPT_PROXY, "");
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L); // A look-up that hangs is left, not waited for.
        curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>((state.end_ns - now) / ms_ns + 1));
        curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
        curl_easy_setopt(handle, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
        curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, &fetch);
        curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, on_socket);
        curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &fetch);
        curl_easy_setopt(handle, CURLOPT_PRIVATE, reinterpret_cast<char*>(static_cast<uintptr_t>(index)));
        curl_multi_add_handle(multi, handle);
        return {};
    }

    void begin(uint32_t index, uint64_t now) {
        State& state = *states[index];
        state.keys.begin(now);
        state.end_ns = now + fetch_ns_max;
        const Issuer& issuer = state.source.issuer;
        const bool known = !issuer.keys_url.empty();
        state.stage = known ? Stage::keys : Stage::metadata;
        if (auto failed = start(index, known ? issuer.keys_url : metadata_url_of(issuer), true); !failed.empty())
            fail(index, failed);
    }

    /// What came, or why nothing did.
    void finish(uint32_t index, CURLcode result) {
        State& state = *states[index];
        Fetch& fetch = state.fetch;
        long status = 0;
        curl_easy_getinfo(fetch.handle, CURLINFO_RESPONSE_CODE, &status);
        drop(fetch);
        if (fetch.too_large) return fail(index, "the answer is too large");
        if (fetch.refused_address) return fail(index, "its keys are at an address that is private");
        if (result != CURLE_OK) return fail(index, curl_easy_strerror(result));
        if (status >= 300 && status < 400) return fail(index, "it redirects, which is not followed");
        if (status != 200) return fail(index, "it answers with status " + std::to_string(status));
        PaddedBytes text = padded(fetch.body, pool);
        if (state.stage == Stage::metadata) {
            const auto document = scanner.scan(text.padded());
            if (!document) return fail(index, "its metadata are not strict JSON");
            auto url = keys_url_of(state.source.issuer, json::Value::root(*document));
            if (!url) return fail(index, url.error());
            state.metadata = std::make_shared<const std::string>(std::move(fetch.body));
            state.stage = Stage::keys;
            if (auto failed = start(index, std::move(*url), false); !failed.empty()) fail(index, failed);
            return;
        }
        auto keys = KeySet::parse(text.padded(), scanner);
        if (!keys) return fail(index, "what it has for keys is not a key set");
        const auto skipped = keys->skipped();
        const size_t count = keys->size();
        state.stage = Stage::idle;
        state.keys.arrive(std::make_shared<const KeySet>(std::move(*keys)), monotonic_ns());
        tell(index);
        log::info("issuer_keys", {{"issuer", state.source.name}, // Who reads this may count on it.
                                  {"keys", std::to_string(count)},
                                  {"skipped", std::to_string(skipped.kind + skipped.use + skipped.unfit +
                                                             skipped.unnamed + skipped.conflicting)}});
    }

    void fail(uint32_t index, std::string_view why) {
        State& state = *states[index];
        state.stage = Stage::idle;
        const uint64_t now = monotonic_ns();
        state.keys.fail(now);
        log::warn("issuer_unreachable", {{"issuer", state.source.name},
                                         {"url", state.fetch.url},
                                         {"error", why},
                                         {"failures", std::to_string(state.keys.failures())},
                                         {"keys", state.keys.keys(now) ? "the last good ones hold" : "none"}});
        tell(index);
    }

    void tell(uint32_t index) {
        State& state = *states[index];
        auto keys = state.keys.keys(monotonic_ns());
        const uint64_t fingerprint = keys ? keys->fingerprint() : 0;
        const bool changed = fingerprint != state.told;
        state.told = fingerprint;
        told_(index, {std::move(keys), state.metadata, changed});
    }

    /// Everything that is due; how long there is nothing to do.
    uint64_t turn(const std::vector<bool>& wanted) {
        for (uint32_t i = 0; i < states.size(); ++i) {
            State& state = *states[i];
            const uint64_t now = monotonic_ns();
            if (wanted[i]) state.keys.want(now);
            if (state.keys.is_due(now)) begin(i, now);
            else if (wanted[i] && state.stage == Stage::idle) tell(i); // Not yet: nobody waits for it.
            if (state.told != 0 && !state.keys.keys(now)) {
                log::warn("issuer_keys_expired", {{"issuer", state.source.name}});
                tell(i);
            }
        }
        int running = 0, left = 0;
        bool again = false;
        curl_multi_perform(multi, &running);
        while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode result = message->data.result;
            char* index = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &index);
            finish(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(index)), result);
            again = true; // The next one may have begun.
        }
        if (again) return 0;
        if (running != 0) return look_at_fetch_ns;
        uint64_t rest = look_every_ns_max;
        const uint64_t now = monotonic_ns();
        for (const auto& state : states)
            if (const uint64_t due = state->keys.due_ns(); due != UINT64_MAX)
                rest = std::min(rest, due - std::min(due, now));
        return rest;
    }

    CURLM* multi = nullptr;
    std::vector<std::unique_ptr<State>> states; // never moved: curl has their addresses
    BufferPool pool;
    json::Scanner scanner{json::ScanLimits{.text_bytes_max = KeySet::text_bytes_max}};

  private:
    std::function<void(uint32_t, IssuerNews)> told_;
};

Web::Web(std::vector<Source> sources, std::function<void(uint32_t, IssuerNews)> told)
    : wanted_(sources.size()), own_(std::make_unique<Thread>(std::move(sources), std::move(told))), thread_([this] {
          name_thread("weir-web");
          for (;;) {
              std::vector<bool> wanted(own_->states.size());
              {
                  const std::lock_guard lock(mutex_);
                  if (stopping_) return;
                  wanted.swap(wanted_);
              }
              const uint64_t rest_ns = own_->turn(wanted);
              const int rest_ms = static_cast<int>((rest_ns + ms_ns - 1) / ms_ns);
              curl_multi_poll(own_->multi, nullptr, 0, rest_ms, nullptr);
          }
      }) {}

Web::~Web() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    curl_multi_wakeup(own_->multi);
    thread_.join();
}

void Web::want(uint32_t source) {
    {
        const std::lock_guard lock(mutex_);
        wanted_[source] = true;
    }
    curl_multi_wakeup(own_->multi);
}

} // namespace weir::control
