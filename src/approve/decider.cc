// approve/decider.cc - names against groups and persons. Pure.
#include "approve/decider.h"

#include <algorithm>

namespace weir::approve {
namespace {

bool has(std::span<const std::string> all, std::string_view one) {
    return std::ranges::any_of(all, [one](const std::string& each) { return each == one; });
}

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

/// Two spellings of an address are one mailbox to nearly every provider: who asks should not slip through by one.
bool same_address(std::string_view left, std::string_view right) {
    return !left.empty() &&
           std::ranges::equal(left, right, [](char one, char other) { return lower(one) == lower(other); });
}

enum class Named : uint8_t { no, yes, unknown };

Named named_by(std::span<const std::string> names, const Decider& decider) {
    bool asks_group = false;
    for (const std::string_view name : names) {
        if (name.starts_with(person_prefix)) {
            const std::string_view person = name.substr(person_prefix.size());
            if (!person.empty() && (person == decider.subject || person == decider.email)) return Named::yes;
            continue;
        }
        asks_group = true;
        if (has(decider.groups, name)) return Named::yes;
    }
    return asks_group && !decider.groups_known ? Named::unknown : Named::no;
}

/// Named by all of the lists, or by one of them.
Named named(std::span<const std::vector<std::string>> by, const Decider& decider, bool all) {
    bool unknown = false, yes = false;
    for (const auto& names : by) {
        const Named one = named_by(names, decider);
        if (all && one == Named::no) return Named::no;
        if (!all && one == Named::yes) return Named::yes;
        unknown = unknown || one == Named::unknown;
        yes = yes || one == Named::yes;
    }
    if (unknown) return Named::unknown;
    return yes ? Named::yes : Named::no; // Nobody is named by no list.
}

} // namespace

bool is_asker(const Decider& decider, const Asker& asker) {
    if (asker.issuer.empty()) return false;
    if (same_address(asker.email, decider.email)) return true;
    if (asker.issuer != decider.issuer) return false;
    return has(asker.subjects, decider.subject) ||
           std::ranges::any_of(decider.actors, [&](const std::string& actor) { return has(asker.subjects, actor); });
}

Right right_to(Turn turn, const Decider& decider, const Asker& asker, std::span<const std::vector<std::string>> by) {
    const bool own = is_asker(decider, asker);
    if (turn == Turn::withdraw) return own ? Right::granted : Right::not_the_asker;
    if (turn == Turn::revoke && own) return Right::granted;
    if (own) return Right::own_call;
    switch (named(by, decider, turn == Turn::approve)) {
        case Named::yes: return Right::granted;
        case Named::no: return Right::not_named;
        case Named::unknown: return Right::groups_unknown;
    }
    return Right::not_named;
}

bool may_see(const Decider& decider, const Asker& asker, std::span<const std::vector<std::string>> by) {
    return is_asker(decider, asker) || named(by, decider, false) == Named::yes;
}

std::string_view text_of(Right right) {
    switch (right) {
        case Right::granted: return {};
        case Right::own_call: return "who asks for a call does not decide about it";
        case Right::not_named: return "you are not among those who may decide about this call";
        case Right::groups_unknown:
            return "whether you may decide about this call is not known: your token does not list all of your groups";
        case Right::not_the_asker: return "only who asked for a call takes it back; deny it instead";
    }
    return {};
}

std::string_view name_of(Right right) {
    switch (right) {
        case Right::granted: return "granted";
        case Right::own_call: return "own_call";
        case Right::not_named: return "not_an_approver";
        case Right::groups_unknown: return "groups_unknown";
        case Right::not_the_asker: return "not_the_asker";
    }
    return {};
}

} // namespace weir::approve
