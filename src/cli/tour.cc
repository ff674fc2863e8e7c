// cli/tour.cc - calls that are allowed, masked, blocked, and wait for people; a hidden tool; a stream: each checked from
// both sides of weir, and in the record.
#include "cli/tour.h"

#include "cli/call.h"
#include "cli/mcp_client.h"
#include "record/fields.h"
#include "record/reader.h"

#include <fmt/format.h>
#include <poll.h>
#include <algorithm>
#include <map>
#include <thread>

namespace weir::cli {
namespace {

constexpr uint64_t silence_ns_max = 20 * s_ns;
constexpr int look_again_ms = 20, looks_max = 1000; // for the ticket of a call

class Tour {
  public:
    Tour(const Endpoint& endpoint, const demo::Acme& acme, const TicketDesk& desk,
         const std::function<void(const Step&)>& tell)
        : client_(endpoint, silence_ns_max,
                  [this](json::Value note) { progress_ += note.find("method").equals("notifications/progress"); }),
          acme_(acme), desk_(desk), tell_(tell) {}

    bool walk(Era era);

  private:
    void step(bool good, std::string what, std::string_view seen) {
        all_good_ = all_good_ && good;
        std::string line(seen.substr(0, seen.find('\n')));
        if (line.size() > 100) line = line.substr(0, 97) + "...";
        tell_({good, std::move(what), std::move(line)});
    }
    void list();
    /// Calls `tool` and checks how it ended, what was said, and how often it reached the server.
    void call(std::string_view tool, std::string_view arguments, Exit expected, std::string_view said,
              uint64_t reached);

    /// A refund that waits: what a person says about it while the client waits, and how the call ends then.
    void refund(std::string_view arguments, std::string_view decision, Exit expected, std::string_view said,
                uint64_t reached);
    std::expected<Ticket, Refusal> decide(std::string_view decision) const;

    McpClient client_;
    const demo::Acme& acme_;
    const TicketDesk& desk_;
    const std::function<void(const Step&)>& tell_;
    uint64_t progress_ = 0;
    bool all_good_ = true;
};

void Tour::list() {
    const auto reply = client_.request("tools/list", "");
    std::string names;
    bool hidden = true;
    size_t count = 0;
    if (reply && reply->result.find("tools").is(json::Kind::array)) {
        for (const json::Value tool : reply->result.find("tools").elements()) {
            const std::string_view name = tool.find("name").string(client_.space());
            names.append(names.empty() ? "" : ", ").append(name);
            hidden = hidden && name != "delete_customer";
            ++count;
        }
    }
    step(hidden && count == 6, "tools/list",
         names.empty() ? client_.why() : fmt::format("{} (delete_customer is hidden)", names));
}

void Tour::call(std::string_view tool, std::string_view arguments, Exit expected, std::string_view said,
                uint64_t reached) {
    const std::string what = fmt::format("{} {}", tool, arguments);
    const uint64_t before = acme_.calls(tool);
    const auto reply = client_.call(tool, arguments);
    if (!reply) return step(false, what, client_.why());
    const Outcome outcome = outcome_of(*reply, client_.space());
    const uint64_t arrived = acme_.calls(tool) - before;
    const char* word = outcome.exit == Exit::ok          ? "allowed"
                       : outcome.exit == Exit::denied    ? "blocked"
                       : outcome.exit == Exit::timed_out ? "waits"
                                                         : "refused";
    const bool good = outcome.exit == expected && outcome.text.find(said) != std::string::npos && arrived == reached;
    step(good, what,
         fmt::format("{}, {}: {}", word, arrived == 0 ? "never reached the server" : "reached the server",
                     outcome.text));
}

std::expected<Ticket, Refusal> Tour::decide(std::string_view decision) const {
    for (int look = 0; look < looks_max; ++look) {
        const auto list = desk_.list({});
        if (!list) return std::unexpected(list.error());
        if (const auto id = choose_ticket(list->tickets, "last")) return desk_.decide(*id, decision, "from the tour");
        ::poll(nullptr, 0, look_again_ms);
    }
    return std::unexpected(Refusal{Exit::timed_out, "no ticket came"});
}

void Tour::refund(std::string_view arguments, std::string_view decision, Exit expected, std::string_view said,
                  uint64_t reached) {
    const uint64_t before = acme_.calls("refund");
    if (client_.era() == Era::legacy) call("refund", arguments, Exit::timed_out, "waits for the approval", 0);
    std::expected<Ticket, Refusal> decided;
    uint64_t early = 0; // that arrived before anybody decided
    std::thread person([&] {
        early = acme_.calls("refund") - before;
        decided = decide(decision);
    });
    if (client_.era() == Era::legacy)
        person.join(); // Its client was told to ask again; a modern one does so by itself.
    const auto reply = client_.call("refund", arguments);
    if (person.joinable()) person.join();
    const std::string what = fmt::format("refund {}, {}", arguments, decision);
    if (!reply) return step(false, what, client_.why());
    if (!decided) return step(false, what, decided.error().why);
    const Outcome outcome = outcome_of(*reply, client_.space());
    const uint64_t arrived = acme_.calls("refund") - before;
    const bool good =
        outcome.exit == expected && outcome.text.find(said) != std::string::npos && early == 0 && arrived == reached;
    step(good, what, fmt::format("{} by {}: {}", decided->state, decided->decided_by, outcome.text));
}

bool Tour::walk(Era era) {
    const auto connected = client_.connect(era);
    step(connected.has_value(), era == Era::modern ? "connect, stateless" : "connect, with a handshake",
         connected ? fmt::format("MCP {}", client_.protocol()) : client_.why());
    if (!connected) return false;
    list();
    call("list_customers", R"({"limit":1})", Exit::ok,
         R"({"rows":[{"id":1,"name":"Ada Byron","email":"[email]","phone":null,"card":"****1111"}]})", 1);
    call("query", R"({"sql":"select * from orders limit 1"})", Exit::ok, "difference gear", 1);
    call("query", R"({"sql":"drop table customers"})", Exit::denied, "destructive SQL", 0);
    const bool modern = era == Era::modern;
    refund(modern ? R"({"order":1007,"amount":900})" : R"({"order":1004,"amount":120})", "approve", Exit::ok,
           modern ? "900 refunded" : "120 refunded", 1);
    refund(modern ? R"({"order":1008,"amount":901})" : R"({"order":1008,"amount":902})", "deny", Exit::denied,
           "was refused: from the tour", 0);
    call("delete_customer", R"({"id":1})", Exit::not_found, "Unknown tool", 0);
    progress_ = 0;
    call("countdown", R"({"from":3,"ms":20})", Exit::ok, "counted down", 1);
    step(progress_ == 3, "events of the countdown", fmt::format("{} of 3 came", progress_));
    client_.end();
    return all_good_;
}

/// What the record says about one tool.
struct Count {
    std::string_view tool;
    int asked = 0, allowed = 0, blocked = 0, masked = 0, forwarded = 0, answered = 0;
    int approved = 0, denied = 0; // turns of its tickets
};

constexpr std::string_view masked_value = "ada@example.com";

} // namespace

Step recorded(const std::string& segments) {
    Step step{false, "the record", {}};
    auto reader = record::Reader::open(segments, {.verify = true});
    if (!reader) {
        step.seen = "there is none";
        return step;
    }
    // Twice each, once in either era; `query` has one call of each kind, `refund` one that is approved and one denied.
    Count counts[] = {{"list_customers"}, {"query"}, {"refund"}, {"delete_customer"}, {"countdown"}};
    std::map<std::pair<uint32_t, uint32_t>, Count*> exchanges; // worker and exchange
    int entries = 0;
    bool leaked = false;
    for (;;) {
        const auto entry = reader->next();
        if (!entry && entry.error() == Error::not_found) break;
        const auto fields = entry ? record::read_fields(entry->frame.payload) : fail(entry.error());
        if (!fields) {
            step.seen = reader->damage();
            return step;
        }
        ++entries;
        leaked = leaked || entry->frame.payload.find(masked_value) != std::string_view::npos;
        const record::Kind kind = entry->frame.kind;
        const bool turn = entry->frame.exchange == 0 && fields->has(record::Field::ticket);
        Count* unkept = nullptr;
        Count*& count = turn ? unkept : exchanges[{entry->worker, entry->frame.exchange}];
        if (kind == record::Kind::asked || turn) {
            const std::string_view name = fields->text(record::Field::name);
            const auto found = std::find_if(std::begin(counts), std::end(counts),
                                            [&](const Count& each) { return each.tool == name; });
            count = found == std::end(counts) ? nullptr : &*found;
        }
        if (count == nullptr) continue;
        count->approved += turn && kind == record::Kind::approved;
        count->denied += turn && kind == record::Kind::denied;
        if (turn) continue;
        count->asked += kind == record::Kind::asked;
        count->allowed += kind == record::Kind::allowed;
        count->blocked += kind == record::Kind::blocked;
        count->masked += kind == record::Kind::masked;
        count->forwarded += kind == record::Kind::forwarded;
        count->answered += kind == record::Kind::answered;
    }
    step.good = !leaked;
    const int allowed[] = {2, 2, 2, 0, 2}, blocked[] = {0, 2, 0, 2, 0}, masked[] = {8, 0, 0, 0, 0},
              decided[] = {0, 0, 2, 0, 0};
    for (size_t i = 0; i < std::size(counts); ++i) {
        const Count& each = counts[i];
        // Who waits for people asks more than once, and is answered each time.
        const bool asked = decided[i] != 0 ? each.asked >= 2 * decided[i] : each.asked == allowed[i] + blocked[i];
        step.good = step.good && asked && each.allowed == allowed[i] && each.blocked == blocked[i] &&
                    each.masked == masked[i] && each.forwarded == allowed[i] &&
                    each.answered == each.asked - blocked[i] && each.approved == decided[i] &&
                    each.denied == decided[i];
        step.seen +=
            fmt::format("{}: asked {}, allowed {}, blocked {}", each.tool, each.asked, each.allowed, each.blocked);
        if (each.masked != 0) step.seen += fmt::format(", masked {}", each.masked);
        if (each.approved != 0) step.seen += fmt::format(", approved {}, denied {}", each.approved, each.denied);
        step.seen += "; ";
    }
    step.seen += fmt::format("{} entries, {}, the chain holds", entries,
                             leaked ? "a masked value among them" : "no masked value in them");
    return step;
}

bool walk(const Endpoint& endpoint, const demo::Acme& acme, const TicketDesk& desk,
          const std::function<void(const Step&)>& tell) {
    bool good = true;
    for (const Era era : {Era::modern, Era::legacy}) good = Tour(endpoint, acme, desk, tell).walk(era) && good;
    return good;
}

} // namespace weir::cli
