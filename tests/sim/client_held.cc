// tests/sim/client_held.cc - a client whose call waits for people: it asks again the same, or something else.
#include "actors.h"

namespace weir::sim {
namespace {

constexpr uint32_t tries_max = 12;

/// The text of the member `name` of `text`, which has no escapes.
std::string member(std::string_view text, const std::string& name) {
    const std::string wanted = "\"" + name + "\":\"";
    const size_t at = text.find(wanted);
    if (at == std::string_view::npos) return {};
    const size_t begin = at + wanted.size();
    return std::string(text.substr(begin, text.find('"', begin) - begin));
}

bool of_server(const std::string& state) { return state.starts_with("server-"); }

} // namespace

void Client::ask_held() {
    Random& random = stage_.net.random;
    auto& errands = stage_.errands;
    // One that somebody has begun: mostly once more; now and then the same but for an octet, which is another call.
    size_t which = errands.size();
    for (int i = 0; i < 6 && which == errands.size() && !errands.empty(); ++i) {
        const size_t at = errands.size() - 1 - random.below(std::min<size_t>(errands.size(), 30));
        const Errand& errand = errands[at];
        const bool due = errand.again_ns <= stage_.net.now_ns || random.chance(1, 4);
        if (errand.path == path_ && !errand.over && errand.tries < tries_max && due) which = at;
    }
    if (which == errands.size() || random.chance(1, 4)) {
        Errand fresh{.mark = stage_.ledger.issue(Fate::held), .path = path_, .tool = {}, .pad = {}, .state = {}};
        const bool alike = which != errands.size();
        fresh.tool = alike ? errands[which].tool : random.chance(1, 2) ? "held_quick" : "held_slow";
        fresh.pad = alike ? errands[which].pad
                          : std::string(random.chance(1, 40) ? random.below(60'000) : random.below(100), 'p');
        which = errands.size();
        errands.push_back(std::move(fresh));
    }
    Errand& errand = errands[which];
    ++errand.tries;
    ++stage_.held;
    Asked asked{.kind = Kind::held, .id = 0, .mark = errand.mark, .errand = which};
    std::string params = R"("name":")" + errand.tool + R"(","arguments":{"mark":")" + Ledger::mark_text(errand.mark) +
                         R"(","pad":")" + errand.pad + "\"}";
    std::string state = random.chance(5, 6) ? errand.state : std::string();
    if (modern_ && random.chance(1, 20)) {
        const Errand& other = errands[random.below(errands.size())];
        if (other.mark != errand.mark && !other.state.empty() && !of_server(other.state)) {
            state = other.state;
            asked.refused = true;
        }
    }
    if (modern_ && !state.empty()) {
        params += R"(,"requestState":")" + state + "\"";
        if (of_server(state)) params += R"(,"inputResponses":{"sure":{"action":"accept","content":{}}})";
    }
    post(asked, "tools/call", errand.tool, params);
}

void Client::check_held(const Asked& asked, std::string_view text) {
    Random& random = stage_.net.random;
    const std::string about = Ledger::mark_text(asked.mark);
    Errand& errand = stage_.errands.at(asked.errand);
    errand.again_ns = stage_.net.now_ns + random.below(random.chance(1, 4) ? 3 * s_ns : 50 * ms_ns);
    if (text.find("\"result\"") == std::string_view::npos) {
        errand.state.clear(); // It may have been what was wrong.
        return;
    }
    if (text.find("\"isError\":true") != std::string_view::npos) {
        if (stage_.keeps_answers && text.find("too large to be kept") != std::string_view::npos)
            broken(about + " has run while its client waited, which is not to have the answer");
        return;
    }
    if (member(text, "resultType") == "input_required") {
        errand.state = member(text, "requestState");
        if (errand.state.empty()) broken(about + ": a round without a state");
        return;
    }
    const size_t at = text.find("echo-" + about + " run-");
    if (at == std::string_view::npos)
        broken(about + " was answered with what is no result of it: " + std::string(text.substr(0, 300)));
    if (asked.refused) broken(about + " was run with the state of another call");
    stage_.ledger.cases.told(asked.mark, std::strtoull(text.data() + at + about.size() + 10, nullptr, 10));
    ++stage_.ran;
    errand.over = random.chance(2, 3);
    errand.state.clear();
}

} // namespace weir::sim
