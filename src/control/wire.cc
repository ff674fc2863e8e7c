// control/wire.cc - libcurl as a connection: it connects, and then only sends and receives.
#include "control/wire.h"

#include "base/limits.h"
#include "control/trust.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>
#include <cerrno>
#include <cstring>
#include <mutex>

namespace weir::control {

static_assert(CURL_ERROR_SIZE == 256);

void Wire::Close::operator()(void* handle) const { curl_easy_cleanup(handle); }

std::unexpected<Error> Wire::failed(std::string_view what, int code) {
    long error = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_OS_ERRNO, &error);
    if (code == CURLE_COULDNT_CONNECT && error != 0) why_ = std::strerror(static_cast<int>(error));
    else if (curl_says_[0] != '\0') why_ = curl_says_.data();
    else why_ = curl_easy_strerror(static_cast<CURLcode>(code));
    why_ = fmt::format("{}: {}", what, why_);
    return fail(Error::io_failed);
}

Result<void> Wire::wait(short events) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(curl_.get(), CURLINFO_ACTIVESOCKET, &fd);
    pollfd one{fd, events, 0};
    int ready = 0;
    do ready = poll(&one, 1, static_cast<int>(silence_ns_max_ / ms_ns));
    while (ready < 0 && errno == EINTR);
    if (ready > 0) return {};
    why_ = ready < 0 ? std::strerror(errno) : "no answer in time";
    return fail(ready < 0 ? Error::io_failed : Error::request_timeout);
}

Result<void> Wire::connect(const Endpoint& to, uint64_t silence_ns_max) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    silence_ns_max_ = silence_ns_max;
    curl_.reset(curl_easy_init());
    if (!curl_) {
        why_ = "no memory";
        return fail(Error::io_failed);
    }
    const bool local = !to.socket.empty();
    const std::string url = fmt::format("{}://{}/", to.tls ? "https" : "http", to.authority);
    // Wherever the name leads, this is where the connection goes.
    const std::string place = "::" + to.host_and_port();
    curl_slist* const places = local ? nullptr : curl_slist_append(nullptr, place.c_str());
    CURL* const handle = curl_.get();
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(silence_ns_max / ms_ns));
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, curl_says_.data());
    if (places != nullptr) curl_easy_setopt(handle, CURLOPT_CONNECT_TO, places);
    if (local) curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, to.socket.c_str());
    if (!to.ca.empty()) trust_only(handle, to.ca);
    const CURLcode code = curl_easy_perform(handle);
    curl_easy_setopt(handle, CURLOPT_CONNECT_TO, nullptr);
    curl_slist_free_all(places);
    if (code == CURLE_OK) return {};
    if (code != CURLE_OPERATION_TIMEDOUT) return failed(local ? to.socket : to.authority, code);
    why_ = "no answer in time";
    return fail(Error::request_timeout);
}

Result<void> Wire::send(std::string_view bytes) {
    while (!bytes.empty()) {
        size_t sent = 0;
        const CURLcode code = curl_easy_send(curl_.get(), bytes.data(), bytes.size(), &sent);
        bytes.remove_prefix(sent);
        if (code == CURLE_AGAIN) {
            if (auto ready = wait(POLLOUT); !ready) return ready;
        } else if (code == CURLE_SEND_ERROR) {
            return {}; // The server answered before it had read all: its answer says why.
        } else if (code != CURLE_OK) {
            return failed("send", code);
        }
    }
    return {};
}

Result<size_t> Wire::receive(char* at, size_t room) {
    for (;;) {
        size_t got = 0;
        const CURLcode code = curl_easy_recv(curl_.get(), at, room, &got);
        if (code == CURLE_OK) return got;
        if (code != CURLE_AGAIN) return failed("receive", code);
        if (auto ready = wait(POLLIN); !ready) return fail(ready.error());
    }
}

} // namespace weir::control
