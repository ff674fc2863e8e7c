// gateway/desk_guard.cc - entity tags to versions, keys and digests.
#include "gateway/desk_guard.h"

#include "crypto/sha256.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace weir::gateway {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// The version of one strong entity tag. A tag that is none of weir's is no version that a ticket can have.
bool read_tag(std::string_view tag, std::vector<uint64_t>& versions) {
    if (tag.size() < 2 || !tag.starts_with('"') || !tag.ends_with('"')) return false;
    tag = tag.substr(1, tag.size() - 2);
    uint64_t version = 0;
    const auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), version);
    const bool whole = error == std::errc() && end == tag.data() + tag.size() && !tag.starts_with('0');
    versions.push_back(whole ? version : 0);
    return true;
}

} // namespace

std::expected<control::Guard, std::string> read_guard(const control::DeskRequest& request, std::string_view id) {
    control::Guard guard;
    if (request.if_match && trimmed(*request.if_match) != "*") {
        std::string_view rest = *request.if_match;
        for (bool more = true; more;) {
            const size_t comma = std::min(rest.find(','), rest.size());
            if (!read_tag(trimmed(rest.substr(0, comma)), guard.versions))
                return std::unexpected("If-Match is `*` or entity tags as GET gives them, like \"3\"");
            more = comma < rest.size();
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
    }
    if (request.idempotency_key) {
        guard.key = *request.idempotency_key;
        const bool good = !guard.key.empty() && guard.key.size() <= idempotency_key_bytes_max &&
                          std::ranges::all_of(guard.key, [](char octet) { return octet > ' ' && octet <= '~'; });
        if (!good)
            return std::unexpected(fmt::format(
                "an Idempotency-Key has 1 to {} visible characters of ASCII and no space", idempotency_key_bytes_max));
        crypto::Sha256 hash;
        hash.update(id);
        hash.update("\n");
        hash.update(request.body);
        guard.request = hash.finish();
    }
    return guard;
}

std::string etag_of(uint64_t version) { return fmt::format("\"{}\"", version); }

std::string kept_text(const control::DeskReply& reply) {
    return fmt::format("{} {}\n{}", reply.status, reply.etag, reply.body);
}

control::DeskReply kept_reply(std::string_view text) {
    control::DeskReply reply;
    std::from_chars(text.data(), text.data() + text.size(), reply.status);
    const size_t space = text.find(' '), line = text.find('\n');
    if (line == std::string_view::npos || space > line) return {.status = 500, .body = "{}"};
    reply.etag = text.substr(space + 1, line - space - 1);
    reply.body = text.substr(line + 1);
    return reply;
}

} // namespace weir::gateway
