// gateway/people.cc - from claims to rules.
#include "gateway/people.h"

#include "base/workspace.h"

namespace weir::gateway {
namespace {

constexpr size_t actors_max = 8; // of a chain; an issuer that writes more is read no further

std::vector<std::string> actors_of(const identity::Principal& principal) {
    std::vector<std::string> actors;
    BufferPool pool;
    Workspace space(pool);
    json::Value act = principal.claims.root().find("act");
    for (size_t i = 0; i < actors_max && act.is(json::Kind::object); ++i, act = act.find("act")) {
        const std::string_view subject = act.find("sub").string(space);
        if (!subject.empty()) actors.emplace_back(subject);
    }
    return actors;
}

} // namespace

approve::Asker asker_of(const identity::Principal& principal) {
    approve::Asker asker;
    asker.issuer = principal.issuer;
    asker.email = principal.email;
    asker.subjects = {principal.subject};
    for (std::string& actor : actors_of(principal)) asker.subjects.push_back(std::move(actor));
    if (!principal.client.empty()) asker.subjects.push_back(principal.client);
    return asker;
}

approve::Decider decider_of(const identity::Principal& principal) {
    approve::Decider decider;
    decider.issuer = principal.issuer;
    decider.subject = principal.subject;
    decider.display = principal.display;
    decider.actors = actors_of(principal);
    decider.email = principal.email;
    decider.groups = principal.groups;
    decider.groups_known = principal.groups_known;
    return decider;
}

} // namespace weir::gateway
