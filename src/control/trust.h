// control/trust.h - whose certificates libcurl believes, where a configuration or a person says so.
#pragma once

#include <curl/curl.h>
#include <string>

namespace weir::control {

/// The authorities in `file`, as it is when a connection is made, and no others: libcurl's own directory of them would
/// count, too.
inline void trust_only(CURL* handle, const std::string& file) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
#if LIBCURL_VERSION_NUM >= 0x075700 // 7.87.0: from there on it would keep what it once read of the file for a day
    curl_easy_setopt(handle, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
}

} // namespace weir::control
