// tests/sim/world.cc - a world's story, and the moments it is made of.
#include "world.h"

#include "gateway/generation_load.h"
#include "record/recovery.h"
#include "sim_files.h"

#include <unistd.h>
#include <algorithm>
#include <cstdlib>

namespace weir::sim {
namespace {

constexpr uint16_t client_port = 7070, server_port = 9000; // one of each for every worker, for every server

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
      stage_{.net = net_, .ledger = ledger_, .calls_left = options.calls}, directory_(make_directory()),
      database_(net_, options.mutant == Mutant::forget_database_sync) {
    watch_files(&net_.disk);
    Random& random = net_.random;
    auto config = gateway::parse_config(config_text(random), "sim.toml", directory_.string());
    if (!config) broken("the configuration is refused: " + describe(config.error().front()));
    if (auto loaded = gateway::load_generation(std::move(*config), generation_); !loaded)
        broken(describe(loaded.error().front()));
    generation_.policies = court_.set;
    stage_.keeps_answers = generation_.config.limits.answer_kept_bytes_max >= 1 << 20;
    mcp::KeyRing::Octets key{};
    for (auto& octet : key) octet = static_cast<unsigned char>(random.below(256));
    keys_.add(1, key);
    stage_.hostile_percent = static_cast<uint32_t>(random.chance(1, 3) ? 0 : 5 + random.below(40));
    stage_.held_percent = static_cast<uint32_t>(random.chance(1, 4) ? 0 : 3 + random.below(25));
    for (uint16_t i = 0; i < 2; ++i)
        servers_.push_back(std::make_unique<Server>(stage_, static_cast<uint16_t>(server_port + i)));
    workers_ = static_cast<uint32_t>(1 + random.below(2));
    durable_seqs_.resize(workers_);
    tails_ = options.mutant == Mutant::forget_kept || random.chance(1, 2);
    if (options.mutant == Mutant::forward_before_record) tails_ = false; // it is about writes
    tails_ = tails_ && generation_.config.record.durability == gateway::Durability::batch;
    const uint64_t clients = 2 + random.below(14), approvers = 1 + random.below(4);
    for (uint32_t i = 0; i < clients; ++i)
        clients_.push_back(std::make_unique<Client>(stage_, static_cast<uint16_t>(client_port + random.below(workers_)),
                                                    random.chance(1, 2), i));
    for (uint32_t i = 0; i < approvers; ++i)
        approvers_.push_back(std::make_unique<Approver>(net_, ledger_.cases, i, options.mutant));
    begin();
}

World::~World() {
    watch_files(nullptr);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

/// weir starts: what waits first, then the workers. False: the power goes meanwhile.
bool World::begin() {
    caps_ = std::make_unique<gateway::Caps>(generation_.config.limits, workers_);
    open_office();
    if (!until(minute_ns, [&] { return office_->docket().settled(); }) && !database_.struck())
        broken("approvals do not start");
    if (database_.struck()) return false;
    for (uint32_t i = 0; i < workers_; ++i) make_node(i);
    return true;
}

void World::open_office() {
    std::string why;
    const auto log = record::log_identity(directory_.string(), why);
    if (!log) broken(why);
    office_ =
        std::make_unique<Office>(net_, database_,
                                 Office::Options{.directory = directory_.string(),
                                                 .database = database(),
                                                 .log = *log,
                                                 .limits = generation_.config.limits,
                                                 .mutant = options_.mutant},
                                 [this](uint32_t worker, post::ApprovalNews&& news) {
                                     gateway::WorkerMessage message{.kind = gateway::WorkerMessage::Kind::approval};
                                     message.news = std::make_shared<post::ApprovalNews>(std::move(news));
                                     nodes_.at(worker)->mailbox->post_always(std::move(message));
                                 });
}

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
    writing.tail_bytes = tails_ ? 1 << 20 : 0;
    if (random.chance(1, 2)) writing.direct_from = ring::direct_block_bytes;
    auto record = record::Writer::open(*node.ring, writing);
    if (!record) broken("the record does not open: " + record.error());
    node.record = std::move(*record);
    node.begun_seq = node.record->last_seq();
    node.kept = std::make_unique<Kept>(directory_.string() + "/" + record::stream_name(index));
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
    node.ring->on_upstream_send = [this, index, &node](std::string_view bytes) {
        const auto* ring = node.ring.get();
        ledger_.leaves(index, bytes,
                       {.submitted_seq = node.kept->last_behind(std::max(ring->submitted_seq(), node.begun_seq)),
                        .durable_seq = ring->durable_seq(),
                        .control_seq = office_->ring().durable_seq(),
                        .now_ns = net_.now_ns});
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
        if (database_.struck()) return; // The power is gone; nothing moves any more.
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

WorldFigures World::run() {
    const uint64_t story = net_.random.below(8); // 0: killed; 1 and 2: drained in the middle; 3 and 4: the power goes
    const bool loses = options_.mutant == Mutant::forget_sync || options_.mutant == Mutant::forget_database_sync;
    bool alive = true;
    const bool killed = options_.mutant == Mutant::forget_kept || (story == 0 && !loses);
    if (killed || story == 3 || story == 4 || loses) alive = live_and_die(killed);
    if (alive) live_on(story == 1 || story == 2 ? net_.random.below(options_.calls) : 0);
    if (alive) settle(story == 1 || story == 2);
    const auto durability = generation_.config.record.durability;
    ledger_.hold_against_record(directory_.string(), durability != gateway::Durability::off,
                                durability == gateway::Durability::strict, !alive, durable_seqs_, control_seq_);
    return {.calls = stage_.calls,
            .answers = stage_.answers,
            .arrived = ledger_.arrived(),
            .turns = turns_,
            .held = stage_.held,
            .ran = stage_.ran,
            .cuts = cuts_,
            .troubles = database_.troubles()};
}

/// Traffic, until only so many calls are left.
void World::live_on(uint64_t calls_left) {
    if (!until(1000 * minute_ns, [&] { return stage_.calls_left <= calls_left; }))
        broken("the traffic comes to a stand");
}

} // namespace weir::sim
