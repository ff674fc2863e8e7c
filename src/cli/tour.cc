// cli/tour.cc - an allowed call, a blocked one, a hidden tool, a stream: each checked from both sides of weir.
#include "cli/tour.h"

#include "cli/call.h"
#include "cli/mcp_client.h"
#include "record/fields.h"
#include "record/reader.h"

#include <fmt/format.h>
#include <algorithm>
#include <map>

namespace weir::cli {
namespace {

constexpr uint64_t silence_ns_max = 20 * s_ns;

class Tour {
  public:
    Tour(const Endpoint& endpoint, const demo::Acme& acme, const std::function<void(const Step&)>& tell)
        : client_(endpoint, silence_ns_max,
                  [this](json::Value note) { progress_ += note.find("method").equals("notifications/progress"); }),
          acme_(acme), tell_(tell) {}

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

    McpClient client_;
    const demo::Acme& acme_;
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
    const auto reply =
        client_.request("tools/call", fmt::format(R"("name":"{}","arguments":{})", tool, arguments), tool);
    if (!reply) return step(false, what, client_.why());
    const Outcome outcome = outcome_of(*reply, client_.space());
    const uint64_t arrived = acme_.calls(tool) - before;
    const char* word = outcome.exit == Exit::ok ? "allowed" : outcome.exit == Exit::denied ? "blocked" : "refused";
    const bool good = outcome.exit == expected && outcome.text.find(said) != std::string::npos && arrived == reached;
    step(good, what,
         fmt::format("{}, {}: {}", word, arrived == 0 ? "never reached the server" : "reached the server",
                     outcome.text));
}

bool Tour::walk(Era era) {
    const auto connected = client_.connect(era);
    step(connected.has_value(), era == Era::modern ? "connect, stateless" : "connect, with a handshake",
         connected ? fmt::format("MCP {}", client_.protocol()) : client_.why());
    if (!connected) return false;
    list();
    call("list_customers", R"({"limit":2})", Exit::ok, "Ada Byron", 1);
    call("query", R"({"sql":"select * from orders limit 1"})", Exit::ok, "difference gear", 1);
    call("query", R"({"sql":"drop table customers"})", Exit::denied, "destructive SQL", 0);
    call("refund", R"({"order":1007,"amount":900})", Exit::denied, "refunds above 100", 0);
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
    int asked = 0, allowed = 0, blocked = 0, answered = 0;
};

} // namespace

Step recorded(const std::string& segments) {
    Step step{false, "the record", {}};
    auto reader = record::Reader::open(segments, {.verify = true});
    if (!reader) {
        step.seen = "there is none";
        return step;
    }
    // Twice each, once in either era; `query` has one call of each kind.
    Count counts[] = {{"list_customers"}, {"query"}, {"refund"}, {"delete_customer"}, {"countdown"}};
    std::map<std::pair<uint32_t, uint32_t>, Count*> exchanges; // worker and exchange
    int entries = 0;
    for (;;) {
        const auto entry = reader->next();
        if (!entry && entry.error() == Error::not_found) break;
        const auto fields = entry ? record::read_fields(entry->frame.payload) : fail(entry.error());
        if (!fields) {
            step.seen = reader->damage();
            return step;
        }
        ++entries;
        const record::Kind kind = entry->frame.kind;
        Count*& count = exchanges[{entry->worker, entry->frame.exchange}];
        if (kind == record::Kind::asked) {
            const std::string_view name = fields->text(record::Field::name);
            const auto found = std::find_if(std::begin(counts), std::end(counts),
                                            [&](const Count& each) { return each.tool == name; });
            count = found == std::end(counts) ? nullptr : &*found;
        }
        if (count == nullptr) continue;
        count->asked += kind == record::Kind::asked;
        count->allowed += kind == record::Kind::allowed;
        count->blocked += kind == record::Kind::blocked;
        count->answered += kind == record::Kind::answered;
    }
    step.good = true;
    const int allowed[] = {2, 2, 0, 0, 2}, blocked[] = {0, 2, 2, 2, 0};
    for (size_t i = 0; i < std::size(counts); ++i) {
        const Count& each = counts[i];
        step.good = step.good && each.asked == allowed[i] + blocked[i] && each.allowed == allowed[i] &&
                    each.blocked == blocked[i] && each.answered == allowed[i];
        step.seen +=
            fmt::format("{}: asked {}, allowed {}, blocked {}; ", each.tool, each.asked, each.allowed, each.blocked);
    }
    step.seen += fmt::format("{} entries, the chain holds", entries);
    return step;
}

bool walk(const Endpoint& endpoint, const demo::Acme& acme, const std::function<void(const Step&)>& tell) {
    bool good = true;
    for (const Era era : {Era::modern, Era::legacy}) good = Tour(endpoint, acme, tell).walk(era) && good;
    return good;
}

} // namespace weir::cli
