// control/fetch.h - one HTTP request and its answer, for tools that a person waits for.
//
// Not for workers, and not for keys of issuers (web.h). Blocks, within a deadline. https with certificates verified, http to
// this machine alone, no redirects, no proxy, no cookies: what is sent along goes to the host that is named and nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace weir::control {

struct FetchRequest {
    std::string url;
    bool post = false;
    std::string type{}, body{};                // of a POST
    std::string bearer{};                      // a token to send along; empty: none
    std::string ca{};                          // a file of authorities in place of the system's; empty: the system's
    uint64_t time_ns_max = 15'000'000'000;     // for all of it
    size_t answer_bytes_max = size_t{1} << 20; // of the body
};

struct FetchAnswer {
    uint16_t status = 0;
    std::string body;
};

/// Sends `request` and waits for its answer, whatever its status. A sentence says why there is none; it never has the token
/// or the body in it.
std::expected<FetchAnswer, std::string> fetch(const FetchRequest& request);

/// `pairs` as application/x-www-form-urlencoded.
std::string form_of(const std::vector<std::pair<std::string, std::string>>& pairs);

} // namespace weir::control
