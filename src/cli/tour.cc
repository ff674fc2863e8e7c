// cli/tour.cc - an allowed call, a blocked one, a hidden tool, a stream: each checked from both sides of weir.
#include "cli/tour.h"

#include "cli/call.h"
#include "cli/mcp_client.h"

#include <fmt/format.h>

namespace weir::cli {
namespace {

constexpr uint64_t silence_ns_max = 20 * s_ns;

class Tour {
  public:
    Tour(const Endpoint& endpoint, const demo::Acme& acme, const std::function<void(const Step&)>& tell)
        : client_(endpoint, silence_ns_max, [this](json::Value note) { progress_ += note.find("method").equals("notifications/progress"); }),
          acme_(acme),
          tell_(tell) {}

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
    void call(std::string_view tool, std::string_view arguments, Exit expected, std::string_view said, uint64_t reached);

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
    step(hidden && count == 6, "tools/list", names.empty() ? client_.why() : fmt::format("{} (delete_customer is hidden)", names));
}

void Tour::call(std::string_view tool, std::string_view arguments, Exit expected, std::string_view said, uint64_t reached) {
    const std::string what = fmt::format("{} {}", tool, arguments);
    const uint64_t before = acme_.calls(tool);
    const auto reply = client_.request("tools/call", fmt::format(R"("name":"{}","arguments":{})", tool, arguments), tool);
    if (!reply) return step(false, what, client_.why());
    const Outcome outcome = outcome_of(*reply, client_.space());
    const uint64_t arrived = acme_.calls(tool) - before;
    const char* word = outcome.exit == Exit::ok ? "allowed" : outcome.exit == Exit::denied ? "blocked" : "refused";
    const bool good = outcome.exit == expected && outcome.text.find(said) != std::string::npos && arrived == reached;
    step(good, what, fmt::format("{}, {}: {}", word, arrived == 0 ? "never reached the server" : "reached the server", outcome.text));
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

} // namespace

bool walk(const Endpoint& endpoint, const demo::Acme& acme, const std::function<void(const Step&)>& tell) {
    bool good = true;
    for (const Era era : {Era::modern, Era::legacy}) good = Tour(endpoint, acme, tell).walk(era) && good;
    return good;
}

} // namespace weir::cli
