// control/token_answer.cc - what a token endpoint answers (RFC 6749 sections 5.1 and 5.2), read strictly.
#include "control/upstream_tokens.h"

#include "base/workspace.h"
#include "json/scan.h"

#include <algorithm>
#include <charconv>

namespace weir::control {
namespace {

constexpr uint64_t seconds_unsaid = 300, seconds_max = 30 * 86'400;

bool is_token_octet(char octet) { return octet > ' ' && octet <= '~'; }

bool same_word(std::string_view text, std::string_view lower) {
    return std::ranges::equal(text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 32 : a) == b; });
}

/// A whole number, as a number or (Entra's first endpoint) as a string of digits.
uint64_t seconds_of(json::Value value, Workspace& space) {
    if (!value) return seconds_unsaid;
    const std::string_view digits = value.is(json::Kind::string) ? value.string(space) : value.raw();
    uint64_t seconds = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (error == std::errc::result_out_of_range) return seconds_max;
    return error == std::errc() && end == digits.data() + digits.size() ? std::min(seconds, seconds_max) : 0;
}

template <class Use> void with_document(std::string_view text, Use use) {
    BufferPool pool;
    PaddedBytes bytes(pool);
    bytes.append(text);
    json::Scanner scanner{json::ScanLimits{.text_bytes_max = UpstreamTokens::answer_bytes_max}};
    const auto document = scanner.scan(bytes.padded());
    Workspace space(pool);
    if (document) use(json::Value::root(*document), space);
}

} // namespace

TokenAnswer read_token_answer(std::string_view text) {
    TokenAnswer out{.granted = {}, .problem = "its answer is not strict JSON"};
    with_document(text, [&](json::Value root, Workspace& space) {
        const json::Value token = root.find("access_token"), type = root.find("token_type");
        if (!token || !token.is(json::Kind::string)) {
            out.problem = "its answer has no access_token";
        } else if (!type || !type.is(json::Kind::string) || !same_word(type.string(space), "bearer")) {
            out.problem = "its token is not of the type Bearer";
        } else {
            const std::string_view value = token.string(space);
            const uint64_t seconds = seconds_of(root.find("expires_in"), space);
            if (value.empty() || value.size() > UpstreamTokens::token_bytes_max ||
                !std::ranges::all_of(value, is_token_octet))
                out.problem = "its token cannot stand in a header field";
            else if (seconds == 0) out.problem = "its token has ended already, or its expires_in is no number";
            else out = {.granted = {std::string(value), seconds}, .problem = {}};
        }
    });
    return out;
}

std::string token_error_code(std::string_view text) {
    std::string code;
    with_document(text, [&](json::Value root, Workspace& space) {
        const json::Value error = root.find("error");
        if (!error || !error.is(json::Kind::string)) return;
        const std::string_view word = error.string(space);
        const bool plain = word.size() <= 64 && std::ranges::all_of(word, [](char octet) {
                               return (octet >= 'a' && octet <= 'z') || octet == '_';
                           });
        if (plain) code = word;
    });
    return code;
}

} // namespace weir::control
