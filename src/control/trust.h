// control/trust.h - whose certificates libcurl believes, where a configuration or a person says so.
#pragma once

#include <curl/curl.h>
#include <string>

namespace weir::control {

/// The authorities in `file` and no others: libcurl's own directory of them would count, too.
inline void trust_only(CURL* handle, const std::string& file) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
}

} // namespace weir::control
