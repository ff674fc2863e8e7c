// identity/principal_claims.cc - from claims to a principal.
#include "identity/principal_claims.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace weir::identity {
namespace {

std::unexpected<Refusal> malformed(const ClaimName& claim) {
    return std::unexpected(Refusal{TokenError::claims_malformed, printable(claim.text())});
}

/// The strings of an array, or the one string. Nothing for any other value.
std::optional<std::vector<std::string_view>> strings_of(json::Value value, Workspace& space) {
    if (value.is(json::Kind::string)) return std::vector{value.string(space)};
    if (!value.is(json::Kind::array)) return std::nullopt;
    std::vector<std::string_view> strings;
    for (const json::Value element : value.elements()) {
        if (!element.is(json::Kind::string)) return std::nullopt;
        strings.push_back(element.string(space));
    }
    return strings;
}

void add_once(std::vector<std::string>& list, std::string_view text) {
    if (std::find(list.begin(), list.end(), text) == list.end()) list.emplace_back(text);
}

/// Whether the issuer says that the claims of groups are elsewhere, because there were too many.
bool groups_elsewhere(const Issuer& issuer, json::Value claims) {
    const json::Value elsewhere = claims.find("_claim_names");
    const json::Value has_groups = claims.find("hasgroups");
    if (has_groups && !(has_groups.is(json::Kind::boolean) && !has_groups.boolean())) return true;
    return std::any_of(issuer.groups.begin(), issuer.groups.end(), [elsewhere](const ClaimName& claim) {
        return static_cast<bool>(elsewhere.find(claim.first()));
    });
}

std::expected<void, Refusal> read_groups(const Issuer& issuer, json::Value claims, Workspace& space, Principal& to) {
    to.groups_known = !issuer.groups.empty() && !groups_elsewhere(issuer, claims);
    for (const ClaimName& claim : issuer.groups) {
        const json::Value value = claim.in(claims);
        if (!value && issuer.absent_groups_are_none) continue;
        const auto groups = strings_of(value, space);
        if (!groups) {
            to.groups_known = false;
            continue;
        }
        if (issuer.groups_whole_max != 0 && groups->size() >= issuer.groups_whole_max) to.groups_known = false;
        for (const std::string_view group : *groups) {
            if (!is_plain_name(group)) return malformed(claim);
            to.groups.emplace_back(group);
        }
    }
    std::sort(to.groups.begin(), to.groups.end());
    to.groups.erase(std::unique(to.groups.begin(), to.groups.end()), to.groups.end());
    return {};
}

/// The words of `names`; false if none of the claims is there.
std::expected<bool, Refusal> read_scopes(const std::vector<ClaimName>& names, json::Value claims, Workspace& space,
                                         std::vector<std::string>& to) {
    bool present = false;
    for (const ClaimName& claim : names) {
        const json::Value value = claim.in(claims);
        if (!value) continue;
        present = true;
        const auto texts = strings_of(value, space);
        if (!texts) return malformed(claim);
        for (std::string_view words : *texts) {
            while (!words.empty()) {
                const size_t end = std::min(words.find(' '), words.size());
                if (const auto word = words.substr(0, end); !word.empty()) {
                    if (!is_plain_name(word)) return malformed(claim);
                    add_once(to, word);
                }
                words.remove_prefix(std::min(end + 1, words.size()));
            }
        }
    }
    return present;
}

/// The first of `names` that is a plain name; empty: none is.
std::string_view first_plain(const std::vector<ClaimName>& names, json::Value claims, Workspace& space) {
    for (const ClaimName& claim : names) {
        const std::string_view text = claim.in(claims).string(space);
        if (is_plain_name(text)) return text;
    }
    return {};
}

/// An issuer says `true`, or, some of them, "true".
bool says_true(const std::vector<ClaimName>& names, json::Value claims) {
    return std::any_of(names.begin(), names.end(), [claims](const ClaimName& claim) {
        const json::Value value = claim.in(claims);
        return value.boolean() || value.equals("true");
    });
}

} // namespace

std::expected<std::string_view, Refusal> read_client(const Issuer& issuer, json::Value claims, Workspace& space) {
    std::string_view client;
    for (const ClaimName& claim : issuer.client) {
        const json::Value value = claim.in(claims);
        if (!value) continue;
        const std::string_view name = value.string(space);
        if (!is_plain_name(name)) return malformed(claim);
        if (!client.empty() && name != client)
            return std::unexpected(Refusal{TokenError::client_refused, printable(claim.text())});
        client = name;
    }
    return client;
}

std::expected<Principal, Refusal> read_principal(const Issuer& issuer, const json::Document& document,
                                                 Workspace& space) {
    const json::Value claims = json::Value::root(document);
    json::Value subject;
    for (size_t i = 0; i < issuer.subject.size() && !subject; ++i) {
        subject = issuer.subject[i].in(claims);
        if (subject && !is_plain_name(subject.string(space))) return malformed(issuer.subject[i]);
    }
    if (!subject) return std::unexpected(Refusal{TokenError::subject_missing, printable(issuer.subject[0].text())});
    const auto client = read_client(issuer, claims, space);
    if (!client) return std::unexpected(client.error());
    const std::string_view name = subject.string(space), display = first_plain(issuer.display, claims, space);
    Principal principal = make_principal(std::string(claims.find("iss").string(space)), std::string(name),
                                         std::string(*client), std::string(display.empty() ? name : display), {});
    if (says_true(issuer.email_verified, claims)) principal.email = first_plain(issuer.email, claims, space);
    if (const auto read = read_groups(issuer, claims, space, principal); !read) return std::unexpected(read.error());
    const auto scoped = read_scopes(issuer.scopes, claims, space, principal.scopes);
    if (!scoped) return std::unexpected(scoped.error());
    if (!*scoped) {
        const auto applied = read_scopes(issuer.application_scopes, claims, space, principal.scopes);
        if (!applied) return std::unexpected(applied.error());
    }
    if (const auto audiences = strings_of(claims.find("aud"), space))
        principal.audiences.assign(audiences->begin(), audiences->end());
    principal.claims = Claims(document);
    return principal;
}

} // namespace weir::identity
