// tests/gateway/place.cc - building the worker, letting time go by, and the octets of clients and servers.
#include "gateway/place.h"

#include <fmt/format.h>

namespace weir::gateway::test {

Place::Place(const std::string& more, const std::function<void(Config&)>& change, const std::string& policies) {
    net.faults = {};
    net.faults_on = false;
    auto config = parse_config("[listen]\naddress = \"127.0.0.1:7070\"\n[record]\ndurability = \"off\"\n" + more +
                                   "\n[[server]]\nname = \"own\"\nurl = \"http://127.0.0.1:9000/mcp\"\nanonymous = "
                                   "true\ndefault = \"allow\"\n",
                               "test.toml", "/nowhere");
    INFO((config ? std::string() : describe(config.error().front())));
    REQUIRE(config);
    if (change) change(*config);
    REQUIRE(load_generation(std::move(*config), generation));
    if (!policies.empty()) {
        policy::Surroundings around{.servers = generation.policies->servers(), .values = {}, .limits = {}};
        around.limits.policy_wall_ns_max = 10 * s_ns; // A busy machine must change no outcome.
        auto loaded = policy::PolicySet::load_sources({{"test.lua", policies}}, std::move(around));
        REQUIRE(loaded);
        generation.policies = std::move(*loaded);
    }
    keys_.add(1, {});
    listener = std::make_shared<sim::Net::Listener>();
    net.listeners[server_port] = listener;
    ring = std::make_unique<sim::SimRing>(net, 64, 16'384);
    judge_ = std::make_unique<policy::Judge>(generation.policies, watchdog_);
    auto record = record::Writer::open(*ring, record_options(StateDir(), generation.config, 0, {}, nullptr));
    REQUIRE(record);
    record_ = std::move(*record);
    caps = std::make_unique<Caps>(generation.config.limits, 1);
    WorkerOptions options;
    options.seed = 1;
    options.generation = &generation;
    options.keys = &keys_;
    options.record = record_.get();
    options.judge = judge_.get();
    options.counters = &counters;
    options.caps = caps.get();
    options.calls.page = [](std::string_view path, PaddedBytes& out) {
        out.append(path);
        return Page{.status = 200};
    };
    options.calls.want_keys = [this](uint32_t issuer) { keys_wanted.push_back(issuer); };
    options.calls.want_credential = [this](uint32_t server) { credentials_wanted.push_back(server); };
    options.calls.refused_credential = [this](uint32_t, uint64_t number) { credentials_refused.push_back(number); };
    options.calls.approvals = [this](post::ApprovalAsk&& ask) {
        asked.push_back(std::move(ask));
        return true;
    };
    options.calls.desk = [this](post::DeskAsk&& ask) {
        if (!desk_full) desk_asks.push_back(std::move(ask));
        return !desk_full;
    };
    options.calls.take_step = [this](std::shared_ptr<net::TlsAway> away, Ref link) {
        steps.emplace_back(std::move(away), link);
    };
    mailbox = std::make_shared<WorkerMailbox>(64, [this] { ring->wake(); });
    options.mailbox = mailbox;
    worker = std::make_unique<Worker>(*ring, options);
    worker->listen(ring->listen(client_port), Role::client);
    worker->listen(ring->listen(admin_port), Role::admin);
    pass();
}

Place::~Place() {
    if (!worker) return;
    worker->drain();
    for (int i = 0; i < 100 && !worker->drained(); ++i) pass(1 * s_ns);
    CHECK(worker->drained());
    worker->end();
    CHECK(caps->connections.taken() == 0);
    CHECK(caps->upstream_links.taken() == 0);
    CHECK(worker->buffers.lent_bytes() == 0);
    worker.reset();
    record_->close();
}

void Place::pass(uint64_t ns) {
    const uint64_t end_ns = net.now_ns + ns;
    for (;;) {
        for (int i = 0; i < 4; ++i) {
            while (net.run_due()) {}
            ring->look();
            if (!drained) drained = !worker->turn();
        }
        if (net.now_ns >= end_ns) return;
        net.now_ns += ms_ns;
        net.wall_ns += ms_ns;
    }
}

std::string post(const std::string& body, size_t announced, const std::string& more) {
    return fmt::format(
        "POST /mcp/own HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nContent-Type: application/json\r\nAccept: "
        "application/json, text/event-stream\r\n{}Content-Length: {}\r\n\r\n{}",
        more, announced == SIZE_MAX ? body.size() : announced, body);
}

std::string get_stream() {
    return "GET /mcp/own HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nAccept: text/event-stream\r\n\r\n";
}

std::string modern(const std::string& method, const std::string& params, int id) {
    const std::string meta =
        R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},)"
        R"("io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"}})";
    const std::string body = fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"{}","params":{{{}{}{}}}}})", id, method,
                                         params, params.empty() ? "" : ",", meta);
    return post(body, SIZE_MAX, "Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: " + method + "\r\n");
}

std::string json_answer(const std::string& body) {
    return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", body.size(),
                       body);
}

std::string chunk(const std::string& text) { return fmt::format("{:x}\r\n{}\r\n", text.size(), text); }

int status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") && answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
}

} // namespace weir::gateway::test
