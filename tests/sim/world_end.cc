// tests/sim/world_end.cc - how a world's weir ends: it settles and is drained, or it is killed, or the power goes.
#include "sim_files.h"
#include "survival.h"
#include "world.h"

#include <algorithm>
#include <fstream>

namespace weir::sim {

/// weir dies in the middle of its traffic, once or more. True: it lives again.
bool World::live_and_die(bool killed) {
    Random& random = net_.random;
    for (uint64_t deaths = 1 + (killed ? random.below(2) : random.below(4)); deaths != 0; --deaths) {
        live_on(random.below(stage_.calls_left + 1));
        const bool power_goes = killed ? random.chance(1, 4) : random.chance(4, 5);
        if (power_goes) lose_power();
        else {
            die();
            // What came back short is made good out of memory, which a kill takes with it unless it is a tail.
            if (!tails_ && (net_.faults.short_write_permille != 0 || net_.faults.sync_fail_permille != 0))
                ledger_.power_goes(hold_what_is_left(directory_.string(), database_, database(),
                                                     {.durable_seqs = durable_seqs_, .control_seq = control_seq_}),
                                   net_.now_ns, 0);
        }
        if (deaths == 1 && !tails_ && random.chance(1, 3)) return false; // what is in tails is read by who comes next
        begin_again(power_goes);
    }
    return true;
}

/// Everybody behaves, and everything must settle; then weir ends as it should.
void World::settle(bool drained) {
    Random& random = net_.random;
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
            if (!client->settled()) broken("faults have stopped, and a client still waits for" + client->waits_for());
    for (auto& client : clients_) client->leave();
    for (auto& approver : approvers_) approver->retire();
    if (!drained) check_at_rest();
    if (!drained) drain_all();
    close_records();
    note_durable();
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
        durable_seqs_[i] = std::max(durable_seqs_[i], nodes_[i]->record->durable_seq());
    control_seq_ = std::max(control_seq_, office_->ring().durable_seq());
}

/// The process is gone from one moment to the next: nothing of it runs again, not even a destructor. What it wrote stays.
void World::die() {
    note_durable();
    ledger_.cases.dies();
    // What died is never taken apart: a killed process runs no destructor either.
    static auto& graveyard = *new std::vector<std::unique_ptr<Node>>;
    static auto& caps = *new std::vector<std::unique_ptr<gateway::Caps>>;
    for (auto& node : nodes_) {
        node->ring->die();
        if (options_.mutant == Mutant::forget_kept) node->kept->forget();
        graveyard.push_back(std::move(node));
    }
    nodes_.clear();
    caps.push_back(std::move(caps_));
    for (auto& approver : approvers_) approver->hang_up();
    office_->die();
    database_.die();
}

/// The power goes, at some moment or in the middle of what SQLite does, and comes back. weir is gone.
void World::lose_power() {
    Random& random = net_.random;
    if (random.chance(1, 2)) {
        database_.strike_in(1 + random.below(60));
        until(2 * s_ns, [] { return false; });
    }
    database_.strike();
    die();
    power_back();
}

/// What was not on disk is gone; what was told is not.
void World::power_back() {
    ++cuts_;
    std::error_code ignored;
    for (const auto& stream : std::filesystem::directory_iterator(directory_))
        if (stream.is_directory())
            for (const auto& file : std::filesystem::directory_iterator(stream)) std::filesystem::remove(file, ignored);
    for (const auto& [path, content] : database_.power_back(database())) {
        std::ofstream file(path, std::ios::binary);
        if (!file.write(content.bytes.data(), static_cast<std::streamsize>(content.bytes.size())))
            broken("a file cannot be made anew");
        file.close();
        std::filesystem::resize_file(path, content.size);
    }
    const auto last_seqs = hold_what_is_left(directory_.string(), database_, database(),
                                             {.durable_seqs = durable_seqs_, .control_seq = control_seq_});
    // Where nothing else is in the way, what was handed to the kernel is on disk soon.
    const Faults& faults = net_.faults;
    const bool smooth =
        faults.sync_fail_permille == 0 && faults.short_write_permille == 0 && faults.clock_jump_permille == 0;
    ledger_.power_goes(last_seqs, net_.now_ns, smooth ? 50 * ms_ns + uint64_t{12'000} * faults.delay_us_max : 0);
    net_.now_ns += s_ns;
    net_.wall_ns += s_ns;
}

/// On what is on the disk. The power may go again before weir is there.
void World::begin_again(bool power_goes) {
    Random& random = net_.random;
    if (power_goes && random.chance(1, 3)) database_.strike_in(1 + random.below(30));
    while (!begin()) {
        die();
        power_back();
    }
    database_.strike_in(0);
    std::vector<uint64_t> last_seqs;
    for (auto& node : nodes_) last_seqs.push_back(node->record->last_seq());
    ledger_.begins_again(std::move(last_seqs));
}

} // namespace weir::sim
