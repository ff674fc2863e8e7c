// control/fetch.cc - curl_easy, with everything off that could lead elsewhere.
#include "control/fetch.h"

#include "control/trust.h"
#include "identity/issuer.h"

#include <curl/curl.h>
#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

namespace weir::control {
namespace {

constexpr uint64_t ns_of_ms = 1'000'000;

struct Received {
    std::string body;
    size_t bytes_max = 0;
    bool too_large = false;
};

size_t on_body(char* data, size_t size, size_t count, void* self) {
    Received& received = *static_cast<Received*>(self);
    const size_t bytes = size * count;
    if (received.body.size() + bytes > received.bytes_max) {
        received.too_large = true;
        return 0; // which ends the transfer
    }
    received.body.append(data, bytes);
    return bytes;
}

struct Lines {
    curl_slist* list = nullptr;
    Lines() = default;
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;
    ~Lines() { curl_slist_free_all(list); }
    void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

/// RFC 6750, section 2.1: what a token is made of. Anything else could end the line.
bool is_token(const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

} // namespace

std::expected<FetchAnswer, std::string> fetch(const FetchRequest& request) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    if (!identity::may_fetch(request.url))
        return std::unexpected("weir fetches by https, or by http from this machine; not from " + request.url);
    if (!is_token(request.bearer)) return std::unexpected(std::string("the token has characters that no token has"));
    const std::unique_ptr<CURL, void (*)(CURL*)> owner(curl_easy_init(), curl_easy_cleanup);
    CURL* const handle = owner.get();
    if (handle == nullptr) return std::unexpected(std::string("no memory"));
    Received received{.body = {}, .bytes_max = request.answer_bytes_max};
    Lines lines;
    lines.add("Accept: application/json");
    lines.add("Expect:");
    if (request.post) lines.add("Content-Type: " + request.type);
    if (!request.bearer.empty()) lines.add("Authorization: Bearer " + request.bearer);
    char why[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L); // A look-up that hangs is left, not waited for.
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_ns_max / ns_of_ms));
    curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, lines.list);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &received);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, why);
    if (!request.ca.empty()) trust_only(handle, request.ca);
    if (request.post) {
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    const CURLcode code = curl_easy_perform(handle);
    if (received.too_large) return std::unexpected(std::string("the answer is too large"));
    if (code != CURLE_OK) return std::unexpected(std::string(why[0] != '\0' ? why : curl_easy_strerror(code)));
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return FetchAnswer{static_cast<uint16_t>(status), std::move(received.body)};
}

std::string form_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    const auto add = [&out](const std::string& text) {
        for (const char c : text) {
            const auto octet = static_cast<unsigned char>(c);
            const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                               std::string_view("-._~").find(c) != std::string_view::npos;
            if (plain) out += c;
            else out.append({'%', digits[octet >> 4U], digits[octet & 15U]});
        }
    };
    for (const auto& [name, value] : pairs) {
        if (!out.empty()) out += '&';
        add(name);
        out += '=';
        add(value);
    }
    return out;
}

} // namespace weir::control
