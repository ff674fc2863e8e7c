// tests/sim/world.cc - a world's story, and the moments it is made of.
#include "world.h"

#include "gateway/generation_load.h"
#include "record/recovery.h"

#include <unistd.h>
#include <algorithm>
#include <cstdlib>

namespace weir::sim {
namespace {

constexpr uint16_t client_port = 7070, server_port = 9000; // one of each for every worker, for every server
constexpr uint64_t minute_ns = 60 * s_ns;

constexpr const char* policies = R"(
policy "sim/allow" { on = "request", match = { servers = "beta", tools = { "fine_*", "secret_*" } }, decide = allow() }
policy "sim/argument" {
  on = "request",
  match = { tools = "fine_*", args = { danger = present } },
  decide = function(call)
    if call.args.danger == "yes" then return block("this is dangerous") end
    return pass()
  end,
}
policy "sim/masked" { on = "response", match = { servers = "beta" }, decide = mask { fields = { ["**.token"] = "drop" } } }
policy "sim/held" { on = "request", match = { tools = "held_quick" }, decide = approve { by = { "ops" }, within = "1s", reason = "quick" } }
policy "sim/asked" {
  on = "request",
  match = { tools = "held_slow" },
  decide = function(call) return approve { by = { "ops", "sec" }, within = "20s", reason = call.tool } end,
}
policy "sim/hidden" { on = "list", match = { tools = "secret_*" }, decide = hide() }
)";

constexpr const char* holds[] = {"10ms", "100ms", "1s", "4s"};
constexpr const char* durabilities[] = {"off", "batch", "strict"};

std::string config_text(Random& random) {
    std::string text = "[listen]\naddress = \"127.0.0.1:7070\"\n[record]\ndurability = \"";
    text += durabilities[random.chance(1, 6) ? 0 : 1 + random.below(2)];
    text +=
        "\"\n[limits]\nupstream_first_octet_max = \"3s\"\nupstream_silence_max = \"3s\"\nupstream_connect_max = "
        "\"1s\"\n"
        "idle_max = \"20s\"\nheartbeat = \"2s\"\nwrite_stall_max = \"10s\"\ndrain_max = \"10s\"\n";
    text += std::string("hold = \"") + holds[random.below(4)] + "\"\nclaim_max = \"" +
            (random.chance(1, 2) ? "1s" : "8s") + "\"\nanswer_kept_max = \"" + (random.chance(1, 2) ? "1s" : "8s") +
            "\"\n";
    if (random.chance(1, 8)) text += "approvals_max = 3\n";
    if (random.chance(1, 8)) text += "answer_kept_bytes_max = 300\n";
    for (int i = 0; i < 2; ++i)
        text += std::string("[[server]]\nname = \"") + (i == 0 ? "alpha" : "beta") +
                "\"\nurl = \"http://127.0.0.1:" + std::to_string(server_port + i) +
                "/mcp\"\nanonymous = true\ndefault = \"" + (i == 0 ? "allow" : "block") + "\"\n";
    return text;
}

std::filesystem::path make_directory() {
    const char* base = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    std::string text = std::string(base) + "/weir-sim-XXXXXX";
    if (::mkdtemp(text.data()) == nullptr) broken("no temporary directory can be made");
    return text;
}

} // namespace

Court::Court() {
    policy::Surroundings around;
    around.servers = {{.name = "alpha", .labels = {}, .tags = {}, .allow_by_default = true},
                      {.name = "beta", .labels = {}, .tags = {}, .allow_by_default = false}};
    // Handlers here are short; a busy machine must change no outcome.
    around.limits.policy_cpu_ns_max = 1 * s_ns;
    around.limits.policy_wall_ns_max = 10 * s_ns;
    auto loaded = policy::PolicySet::load_sources({{"sim.lua", policies}}, std::move(around));
    if (!loaded) broken("the policies do not load: " + describe(loaded.error().front()));
    set = *loaded;
    for (int i = 0; i < 2; ++i) judges_.push_back(std::make_unique<policy::Judge>(set, watchdog_));
}

World::World(Court& court, const WorldOptions& options)
    : options_(options), court_(court), net_(options.seed),
      stage_{.net = net_, .ledger = ledger_, .calls_left = options.calls}, directory_(make_directory()) {
    Random& random = net_.random;
    auto config = gateway::parse_config(config_text(random), "sim.toml", directory_.string());
    if (!config) broken("the configuration is refused: " + describe(config.error().front()));
    if (auto loaded = gateway::load_generation(std::move(*config), generation_); !loaded)
        broken(describe(loaded.error().front()));
    generation_.policies = court_.set;
    mcp::KeyRing::Octets key{};
    for (auto& octet : key) octet = static_cast<unsigned char>(random.below(256));
    keys_.add(1, key);
    stage_.hostile_percent = static_cast<uint32_t>(random.chance(1, 3) ? 0 : 5 + random.below(40));
    stage_.held_percent = static_cast<uint32_t>(random.chance(1, 4) ? 0 : 3 + random.below(25));
    for (uint16_t i = 0; i < 2; ++i)
        servers_.push_back(std::make_unique<Server>(stage_, static_cast<uint16_t>(server_port + i)));
    workers_ = static_cast<uint32_t>(1 + random.below(2));
    durable_seqs_.resize(workers_);
    const uint64_t clients = 2 + random.below(14), approvers = 1 + random.below(4);
    for (uint32_t i = 0; i < clients; ++i)
        clients_.push_back(std::make_unique<Client>(stage_, static_cast<uint16_t>(client_port + random.below(workers_)),
                                                    random.chance(1, 2), i));
    for (uint32_t i = 0; i < approvers; ++i) approvers_.push_back(std::make_unique<Approver>(net_, ledger_.cases, i));
    begin();
}

World::~World() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    for (uint32_t run = 1; run <= runs_; ++run)
        for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove(database_of(run) + part, ignored);
}

/// weir starts: what waits first, then the workers.
void World::begin() {
    ++runs_;
    caps_ = std::make_unique<gateway::Caps>(generation_.config.limits, workers_);
    open_office();
    if (!until(minute_ns, [&] { return office_->docket().settled(); })) broken("approvals do not start");
    for (uint32_t i = 0; i < workers_; ++i) make_node(i);
}

void World::open_office() {
    std::string why;
    const auto log = record::log_identity(directory_.string(), why);
    if (!log) broken(why);
    office_ =
        std::make_unique<Office>(net_,
                                 Office::Options{.directory = directory_.string(),
                                                 .database = database_of(runs_),
                                                 .log = *log,
                                                 .limits = generation_.config.limits,
                                                 .mutant = options_.mutant},
                                 [this](uint32_t worker, post::ApprovalNews&& news) {
                                     gateway::WorkerMessage message{.kind = gateway::WorkerMessage::Kind::approval};
                                     message.news = std::make_shared<post::ApprovalNews>(std::move(news));
                                     nodes_.at(worker)->mailbox->post_always(std::move(message));
                                 });
}

std::string World::database_of(uint32_t run) const { return directory_.string() + ".db" + std::to_string(run); }

void World::make_node(uint32_t index) {
    Random& random = net_.random;
    auto owned = std::make_unique<Node>();
    Node& node = *owned;
    node.ring = std::make_unique<MutantRing>(options_.mutant, net_, static_cast<uint32_t>(4 + random.below(60)),
                                             random.chance(1, 2) ? 16'384 : 2'048);
    std::string why;
    const auto log = record::log_identity(directory_.string(), why);
    if (!log) broken(why);
    record::WriterOptions writing =
        gateway::record_options(gateway::StateDir(), generation_.config, index, *log, nullptr);
    writing.directory = directory_.string();
    writing.seed = random.next();
    writing.segment_bytes = random.chance(1, 2) ? 1 << 20 : 8 << 20;
    auto record = record::Writer::open(*node.ring, writing);
    if (!record) broken("the record does not open: " + record.error());
    node.record = std::move(*record);
    node.mailbox = std::make_shared<gateway::WorkerMailbox>(1024, [ring = node.ring.get()] { ring->wake(); });
    node.worker = std::make_unique<gateway::Worker>(
        *node.ring,
        gateway::WorkerOptions{
            .index = index,
            .seed = random.next(),
            .boot_id = {1},
            .generation = &generation_,
            .keys = &keys_,
            .record = node.record.get(),
            .judge = &court_.judge(index),
            .counters = &node.counters,
            .caps = caps_.get(),
            .calls = {
                .broadcast =
                    [this, index](const gateway::WorkerMessage& message) {
                        for (uint32_t i = 0; i < nodes_.size(); ++i)
                            if (i != index) nodes_[i]->mailbox->post(message);
                    },
                .resolve_again = {},
                .page = {},
                .approvals = [this, index](post::ApprovalAsk&& ask) { return office_->post(index, std::move(ask)); }},
            .mailbox = node.mailbox});
    node.ring->on_upstream_send = [this, index, ring = node.ring.get()](std::string_view bytes) {
        ledger_.leaves(index, bytes,
                       {.submitted_seq = ring->submitted_seq(),
                        .durable_seq = ring->durable_seq(),
                        .control_seq = office_->ring().durable_seq()});
    };
    node.worker->listen(node.ring->listen(static_cast<uint16_t>(client_port + index)), gateway::Role::client);
    nodes_.push_back(std::move(owned));
}

void World::turn(Node& node) {
    const bool had = node.ring->has_completions();
    ++turns_;
    if (node.worker) {
        if (!node.worker->turn()) { // drained
            node.worker->end();
            if (node.worker->buffers.lent_bytes() != 0) broken("a drained worker still lends bytes");
            node.worker.reset();
            node.record->close();
        }
    } else if (!node.record->closed()) {
        node.record->flush();
        node.ring->turn(node.record->next_due_ns());
    }
    node.due_ns = node.record->closed() ? UINT64_MAX : std::min(net_.now_ns + s_ns, node.record->next_due_ns());
    if (node.worker) node.due_ns = std::min(node.due_ns, node.worker->timers.next_due_ns());
    node.due_ns = std::max(node.due_ns, net_.now_ns + 1000); // a turn takes its time
    if (had || net_.now_ns > node.idle_since_ns + 20 * ms_ns) {
        node.idle_turns = 0;
        node.idle_since_ns = net_.now_ns;
    } else if (++node.idle_turns > 1000) {
        broken("a worker turns and turns without having anything to do");
    }
}

void World::one_moment(uint64_t end_ns) {
    for (unsigned rounds = 0;; ++rounds) {
        if (rounds > 10'000) broken("time stands still: the same moment again and again");
        bool moved = net_.run_due();
        if (office_ && office_->turn()) moved = true, ++turns_;
        for (auto& node : nodes_) {
            node->ring->look();
            if (!node->ring->has_completions() && net_.now_ns < node->due_ns) continue;
            turn(*node);
            moved = true;
        }
        if (!moved) break;
    }
    uint64_t next = std::min(end_ns, net_.next_ns());
    for (auto& server : servers_) server->step();
    for (auto& client : clients_) {
        client->step();
        next = std::min(next, client->wake_ns());
    }
    for (auto& approver : approvers_) {
        approver->step(*office_);
        next = std::min(next, approver->wake_ns());
    }
    for (auto& node : nodes_) next = std::min(next, node->due_ns);
    next = std::min(next, office_->due_ns());
    next = std::max(std::min(next, net_.next_ns()), net_.now_ns + 1);
    if (net_.roll(net_.faults.clock_jump_permille, 100'000)) next += net_.random.below(3 * s_ns);
    net_.wall_ns += next - net_.now_ns;
    net_.now_ns = next;
}

template <class Done> bool World::until(uint64_t most_ns, Done done) {
    const uint64_t end_ns = net_.now_ns + most_ns;
    while (!done()) {
        if (net_.now_ns >= end_ns) return false;
        one_moment(end_ns);
    }
    return true;
}

WorldFigures World::run() {
    Random& random = net_.random;
    const uint64_t story = random.below(8); // 0: dies in the middle; 1 and 2: drained in the middle
    const uint64_t turning_point = story < 3 ? random.below(options_.calls) : 0;
    const bool in_time = until(1000 * minute_ns, [&] { return stage_.calls_left <= turning_point; });
    if (!in_time) broken("the traffic comes to a stand");
    const bool died = story == 0, again = died && random.chance(1, 2);
    if (died) die();
    if (again) {
        begin_again();
        if (!until(1000 * minute_ns, [&] { return stage_.calls_left == 0; })) broken("the traffic comes to a stand");
    }
    if (!died || again) {
        const bool drained = story == 1 || story == 2;
        if (drained) drain_all();
        // The faults stop. Everybody behaves, and everything must settle.
        net_.faults_on = false;
        stage_.quiet = true;
        for (auto& approver : approvers_)
            if (random.chance(1, 2)) approver->retire(); // people who do not come any more
        for (auto& client : clients_) client->step();
        for (auto& server : servers_) server->end_streams();
        const auto settled = [&] {
            return std::ranges::all_of(clients_, [](const auto& client) { return client->settled(); });
        };
        for (int i = 0; i < 6 && !settled(); ++i) { // a stream may begin on a request that was under way
            until(10 * s_ns, settled);
            for (auto& server : servers_) server->end_streams();
        }
        if (!settled())
            for (auto& client : clients_)
                if (!client->settled())
                    broken("faults have stopped, and a client still waits for" + client->waits_for());
        for (auto& client : clients_) client->leave();
        for (auto& approver : approvers_) approver->retire();
        if (!drained) check_at_rest();
        if (!drained) drain_all();
        close_records();
        note_durable();
    }
    const auto durability = generation_.config.record.durability;
    ledger_.hold_against_record(directory_.string(), durability != gateway::Durability::off,
                                durability == gateway::Durability::strict, died, durable_seqs_, control_seq_);
    return {.calls = stage_.calls,
            .answers = stage_.answers,
            .arrived = ledger_.arrived(),
            .turns = turns_,
            .held = stage_.held,
            .ran = stage_.ran};
}

void World::check_at_rest() {
    const auto at_rest = [&](const Node& node) {
        return node.counters.connections_open.read() == 0 && node.counters.upstream_links_open.read() == 0 &&
               node.counters.exchanges_open.read() == 0;
    };
    until(2 * minute_ns, [&] { return std::ranges::all_of(nodes_, [&](const auto& node) { return at_rest(*node); }); });
    for (auto& node : nodes_) {
        if (!at_rest(*node))
            broken("nobody is there any more, and a worker still has " +
                   std::to_string(node->counters.connections_open.read()) + " clients, " +
                   std::to_string(node->counters.upstream_links_open.read()) + " upstream links, " +
                   std::to_string(node->counters.exchanges_open.read()) + " exchanges");
        if (node->ring->slabs_free() != node->ring->slabs_total())
            broken(std::to_string(node->ring->slabs_total() - node->ring->slabs_free()) + " slabs were not given back");
        if (node->worker->buffers.lent_bytes() != 0)
            broken(std::to_string(node->worker->buffers.lent_bytes()) + " bytes of buffers were not given back");
        if (node->worker->in_flight.count() != 0) broken("ids are in flight though nothing is");
        if (node->worker->holds.used() != 0) broken("a worker has calls that wait for people though nobody asks");
        if (node->counters.streams_open.read() != 0) broken("streams are counted as open though none is");
        if (node->ring->descriptors() != 1) broken("descriptors besides the listener are open at rest");
    }
    const auto& docket = office_->docket();
    if (!until(minute_ns, [&] { return docket.settled() && docket.waiters() == 0 && docket.executing() == 0; }))
        broken("nobody is there any more, and approvals still have " + std::to_string(docket.waiters()) +
               " waiters and " + std::to_string(docket.executing()) + " calls that run" +
               (docket.settled() ? "" : ", and are not settled"));
}

void World::drain_all() {
    for (auto& node : nodes_) node->mailbox->post({.kind = gateway::WorkerMessage::Kind::drain});
}

void World::close_records() {
    const bool closed = until(5 * minute_ns, [&] {
        return std::ranges::all_of(nodes_, [](const auto& node) { return node->record->closed(); });
    });
    if (!closed) broken("a drained weir does not end");
    if (!until(minute_ns, [&] { return office_->docket().executing() == 0; }))
        broken("weir ends, and " + std::to_string(office_->docket().executing()) + " calls are called running");
    office_->close();
    if (!until(minute_ns, [&] { return office_->closed(); })) broken("approvals do not end");
    for (auto& node : nodes_) {
        if (node->ring->descriptors() != 0) broken("descriptors are open after the end");
        if (node->ring->slabs_free() != node->ring->slabs_total()) broken("slabs were not given back at the end");
    }
}

void World::note_durable() {
    for (size_t i = 0; i < nodes_.size(); ++i)
        durable_seqs_[i] = std::max(durable_seqs_[i], nodes_[i]->ring->durable_seq());
    control_seq_ = std::max(control_seq_, office_->ring().durable_seq());
}

/// The process is gone from one moment to the next: nothing of it runs again, not even a destructor. What it wrote stays.
void World::die() {
    note_durable();
    // What died is never taken apart: a killed process runs no destructor either.
    static auto& graveyard = *new std::vector<std::unique_ptr<Node>>;
    static auto& caps = *new std::vector<std::unique_ptr<gateway::Caps>>;
    for (auto& node : nodes_) {
        node->ring->die();
        graveyard.push_back(std::move(node));
    }
    nodes_.clear();
    caps.push_back(std::move(caps_));
    for (auto& approver : approvers_) approver->hang_up();
    office_->die();
}

/// On what is on the disk: of the database what had been written, without what only the dead process knew of it.
void World::begin_again() {
    for (const char* part : {"", "-wal"})
        if (std::filesystem::exists(database_of(runs_) + part))
            std::filesystem::copy_file(database_of(runs_) + part, database_of(runs_ + 1) + part);
    begin();
    std::vector<uint64_t> last_seqs;
    for (auto& node : nodes_) last_seqs.push_back(node->record->last_seq());
    ledger_.begins_again(std::move(last_seqs));
}

} // namespace weir::sim
