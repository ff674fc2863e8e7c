// gateway/desk_guard.cc - entity tags to versions, keys and digests.
#include "gateway/desk_guard.h"

#include "crypto/sha256.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace weir::gateway {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// Any octet that an opaque tag may have (RFC 9110 section 8.8.3): commas among them, spaces not.
bool is_tag_octet(char octet) { return octet == '!' || (octet > '"' && octet != '\x7f') || octet < 0; }

/// Of a tag's text. One that is none of weir's is no version that a ticket can have.
uint64_t version_of(std::string_view tag) {
    uint64_t version = 0;
    const auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), version);
    const bool whole = error == std::errc() && end == tag.data() + tag.size() && !tag.starts_with('0');
    return whole ? version : 0;
}

/// The versions that a list of entity tags names, whose elements may be empty (RFC 9110 section 5.6.1.2). A weak tag is one
/// that never matches (section 13.1.1), so it names no version that a ticket can have. Nothing: it is no list with a tag.
std::optional<std::vector<uint64_t>> read_tags(std::string_view list) {
    std::vector<uint64_t> versions;
    for (bool behind_tag = false; !(list = trimmed(list)).empty();) {
        if (list.starts_with(',')) {
            list.remove_prefix(1);
            behind_tag = false;
            continue;
        }
        const bool weak = list.starts_with("W/");
        if (weak) list.remove_prefix(2);
        const size_t end = list.find('"', 1);
        if (behind_tag || !list.starts_with('"') || end == std::string_view::npos) return std::nullopt;
        const std::string_view tag = list.substr(1, end - 1);
        if (!std::ranges::all_of(tag, is_tag_octet)) return std::nullopt;
        versions.push_back(weak ? 0 : version_of(tag));
        list.remove_prefix(end + 1);
        behind_tag = true;
    }
    if (versions.empty()) return std::nullopt;
    return versions;
}

} // namespace

std::expected<control::Guard, std::string> read_guard(const control::DeskRequest& request, std::string_view id) {
    control::Guard guard;
    if (request.if_match && trimmed(*request.if_match) != "*") {
        auto versions = read_tags(*request.if_match);
        if (!versions) return std::unexpected("If-Match is `*` or entity tags as GET gives them, like \"3\"");
        guard.versions = std::move(*versions);
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
