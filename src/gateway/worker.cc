// gateway/worker.cc - the turn of a worker, and what becomes of links.
#include "gateway/worker.h"

#include "base/log.h"
#include "gateway/desk_requests.h"
#include "gateway/parting.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::gateway {
namespace {

constexpr uint64_t housekeeping_every_ns = s_ns;
constexpr uint64_t tell_every_ns = 10 * s_ns; // that there is no socket for a link to a server
constexpr size_t ended_sessions_max = 16'384; // docs/operating.md

json::ScanLimits scan_limits(const Limits& limits) {
    json::ScanLimits scan;
    scan.text_bytes_max = std::max(limits.body_bytes_max, limits.answer_bytes_max);
    scan.depth_max = limits.json_depth_max;
    scan.members_max = limits.json_members_max;
    scan.number_bytes_max = limits.json_number_bytes_max;
    return scan;
}

Limits limits_of(const WorkerOptions& options) { return options.generation->config.limits; }

} // namespace

Worker::Worker(ring::Ring& worker_ring, WorkerOptions worker_options)
    : ring(worker_ring), options(std::move(worker_options)), limits(limits_of(options)), timers(ring.now_ns()),
      random(options.seed), scanner(scan_limits(limits)), arguments_scanner(scan_limits(limits)),
      masker(limits, buffers), counters(*options.counters), sealer(*options.keys), catalog(buffers), scratch(buffers),
      authenticator(options.generation->issuers), in_flight(limits.connections_max), ended_sessions(ended_sessions_max),
      sessions(options.record, options.boot_id, limits.session_idle_ns_max, options.seed),
      holds(limits.connections_max), links_(limits.connections_max + limits.upstream_links_max),
      exchanges_(2 * limits.connections_max + partings_max), upstreams_(options.generation->servers.size()),
      steps_(limits.memory_bytes_max) {
    const Config& config = options.generation->config;
    anonymous_only_ = std::ranges::all_of(config.servers, &ServerConfig::anonymous);
    takes_certificates_ = std::ranges::any_of(config.servers, &ServerConfig::client_certificates);
    counts_addresses_ = !anonymous_only_ || !std::ranges::all_of(config.addresses, &ListenAddress::loopback) ||
                        (config.admin && !config.admin->loopback);
    for (const auto& server : options.generation->servers) {
        addresses_.push_back(server.address);
        credentials_.push_back(server.credential);
    }
    credential_news_.resize(credentials_.size());
    keys_asked_.resize(options.generation->issuers.size());
    issuer_metadata_.resize(options.generation->issuers.size());
    make_tls();
    // Room for all that may ever be in them; memory that is not used is not taken.
    for (auto* links : {&touched_, &to_flush_, &starved_, &closed_, &shaking_, &shaking_now_})
        links->reserve(links_.count_max());
    messages_ns_.reserve(exchanges_.count_max());
    for (auto* exchanges : {&woken_, &running_, &stayed_}) exchanges->reserve(exchanges_.count_max());
    wake_op_.owner = this;
    wake_op_.done = on_wake;
    ring.on_wake(&wake_op_);
    options.record->on_progress(on_record, this);
    counters.slabs_total.set(ring.slabs_total());
}

Worker::~Worker() {
    for (auto& listener : listeners_) WEIR_ASSERT(!listener->op.with_kernel);
    WEIR_ASSERT(links_.used() == 0 && exchanges_.used() == 0);
}

// Listening.

void Worker::listen(int fd, Role role) {
    auto listener = std::make_unique<Listener>();
    listener->worker = this;
    listener->fd = fd;
    listener->role = role;
    listener->op.owner = listener.get();
    listener->op.done = on_accept;
    ring.accept(listener->op, fd);
    listeners_.push_back(std::move(listener));
}

void Worker::on_accept(ring::Op& op, ring::Completion done) {
    auto& listener = op.owner_as<Listener>();
    Worker& worker = *listener.worker;
    if (done.result >= 0) worker.accepted(done.result, listener.role);
    if (!done.last) return;
    if (listener.closing) {
        worker.ring.close(listener.fd);
        listener.fd = -1;
        return;
    }
    // Out of descriptors or the kernel ended the multishot: housekeeping arms it again within a second.
    if (done.result < 0) log::warn("accept_failed", {{"error", std::strerror(-done.result)}});
    else worker.ring.accept(listener.op, listener.fd);
}

// What links tell.

void Worker::wake(Exchange& exchange) {
    if (exchange.woken) return;
    exchange.woken = true;
    woken_.push_back(&exchange);
}

void Worker::moved(net::Link& link) {
    // What gathered while a send was under way goes next, unless it waits for its entry in the record.
    if (link.owner == nullptr || !static_cast<const Exchange*>(link.owner)->waits_for_record()) flush_later(link);
    if (!link.in_slab_list) {
        link.in_slab_list = true;
        touched_.push_back(&link);
    }
    if (link.owner != nullptr) return wake(*static_cast<Exchange*>(link.owner));
    if (static_cast<Role>(link.role) == Role::upstream) {
        // Nobody asked it anything: it ended, or it speaks out of turn. Either way it is not used again.
        if (link.idle) upstreams_.forget(link);
        return link.close();
    }
    if (link.awaits_proxy_header()) [[unlikely]] { // None came, or who it is for is not let in.
        (link.error() == -ECONNREFUSED ? counters.connections_refused : counters.proxy_headers_refused).add();
        return link.close();
    }
    if (link.state() == net::Link::State::lingering) { // What is unsent goes on, a TLS alert too.
        const bool over = link.broken() || link.error() != 0 || (link.ended() && link.flushed());
        return over && !link.covered ? link.close() : void();
    }
    if (link.covered && link.error() == -EPROTO && link.usable()) return link.linger();
    if (link.broken() || link.error() != 0) return link.close();
    if (link.ended() && link.input().size == 0) return link.flushed() ? link.close() : link.linger();
    if (link.usable() && link.input().size != 0) begin_exchange(link);
}

void Worker::begin_exchange(net::Link& link) {
    Exchange* exchange = exchanges_.make(*this, &link);
    if (exchange == nullptr) return link.close(); // Twice as many exchanges as connections are all detached ones.
    link.owner = exchange;
    crowd_.saw(link, ring.now_ns());
    counters.exchanges_open.add();
    wake(*exchange);
}

Exchange* Worker::begin_parting() {
    Exchange* const exchange = partings_ == partings_max ? nullptr : exchanges_.make(*this, nullptr);
    if (exchange == nullptr) return nullptr;
    ++partings_;
    exchange->parting = true;
    counters.exchanges_open.add();
    wake(*exchange);
    return exchange;
}

void Worker::expired(net::Link& link) {
    if (link.state() == net::Link::State::lingering) return link.close();
    if (link.owner != nullptr) {
        auto& exchange = *static_cast<Exchange*>(link.owner);
        exchange.expired = true;
        return wake(exchange);
    }
    if (link.idle) upstreams_.forget(link);
    if (link.awaits_proxy_header()) counters.proxy_headers_refused.add();
    link.close(); // Idle for too long, or it never said anything.
}

void Worker::starved(net::Link& link) {
    counters.slabs_starved.add();
    starved_.push_back(&link);
}

void Worker::closed(net::Link& link) {
    if (link.owner != nullptr) static_cast<Exchange*>(link.owner)->forget_link(link);
    closed_.push_back(&link);
}

// For the steps.

void Worker::flush_later(net::Link& link) {
    if (link.queued_flush || link.out().empty()) return;
    link.queued_flush = true;
    to_flush_.push_back(&link);
}

Result<net::Link*> Worker::dial(const Server& server, bool& fresh) {
    fresh = false;
    if (net::Link* link = upstreams_.take(server.index)) {
        counters.upstream_reuses.add();
        return link;
    }
    if (address_of(server).size == 0) return fail(Error::upstream_unreachable);
    if (!options.caps->upstream_links.take(limits.upstream_links_max)) return fail(Error::overloaded);
    net::Link* link = links_.make(*this, ring, timers, buffers, limits);
    WEIR_ASSERT(link != nullptr); // The pool has room for all that the caps let in.
    link->counted = true;
    link->role = static_cast<uint8_t>(Role::upstream);
    link->server = server.index;
    const bool covered = tls_clients_[server.index] == nullptr || cover(*link, tls_clients_[server.index]);
    if (!covered || !link->connect(address_of(server))) { // It never was with the kernel: nobody else gives it back.
        const int error = link->error();
        forget_tls(*link);
        leave_caps(*link);
        links_.free(*link);
        if (error != 0) note_no_socket(error);
        return fail(error == -EAFNOSUPPORT ? Error::upstream_unreachable : Error::overloaded);
    }
    counters.upstream_links_open.add();
    counters.upstream_connects.add();
    fresh = true;
    return link;
}

void Worker::note_no_socket(int error) {
    if (ring.now_ns() < no_socket_told_ns_) return;
    no_socket_told_ns_ = ring.now_ns() + tell_every_ns;
    log::warn("no_socket", {{"error", std::strerror(-error)}});
}

void Worker::keep_upstream(net::Link& link, uint64_t idle_ns) {
    if (draining_ || idle_ns == 0 || !link.usable() || link.ended() || link.broken() || !link.flushed() ||
        link.input().size != 0)
        return link.close();
    link.set_window(0);
    upstreams_.keep(link, now_ns() + idle_ns);
}

void Worker::address_failed(const Server& server) {
    counters.upstream_connect_failures.add();
    if (options.calls.resolve_again) options.calls.resolve_again(server.index);
}

void Worker::hear_credential(const WorkerMessage& message) {
    credentials_[message.server] = message.credential;
    ++credential_news_[message.server].count;
    credential_news_[message.server].number = message.number;
    exchanges_.each([&](Exchange& exchange) {
        if (exchange.step == Step::credential && exchange.server->index == message.server) wake(exchange);
    });
}

void Worker::credential_refused(const Server& server) {
    const auto& credential = server.config->credential;
    if (!credential || !credential->granted() || !options.calls.refused_credential) return;
    options.calls.refused_credential(server.index, credential_news_[server.index].number);
}

void Worker::end_session(EndedSessions::Digest session) {
    ended_sessions.insert(session);
    if (options.calls.broadcast)
        options.calls.broadcast({.kind = WorkerMessage::Kind::session_ended, .session = session});
}

void Worker::learn_tools(uint32_t server, json::Value tools) {
    std::vector<catalog::Tool> news; // in one message, however many they are
    for (const auto tool : tools.elements()) {
        const auto learned = catalog.learn(server, tool, scratch);
        if (!learned || *learned == catalog::Catalog::News::same || !options.calls.broadcast) continue;
        if (const auto* known = catalog.find(server, tool.find("name").string(scratch))) news.push_back(*known);
    }
    if (!news.empty())
        options.calls.broadcast({.kind = WorkerMessage::Kind::defined,
                                 .tools = std::make_shared<const std::vector<catalog::Tool>>(std::move(news))});
}

void Worker::finish(Exchange& exchange) {
    counters.exchanges_open.sub();
    net::Link* link = exchange.client();
    if (exchange.woken) std::erase(woken_, &exchange);
    if (exchange.in_turn) std::erase(stayed_, &exchange);
    end_message(exchange);
    if (exchange.parting) --partings_;
    exchanges_.free(exchange);
    if (link == nullptr) return;
    link->owner = nullptr;
    if (link->state() != net::Link::State::open) return;
    if (draining_ && static_cast<Role>(link->role) != Role::admin) return link->linger();
    link->set_window(0);
    link->set_deadline(now_ns() + limits.idle_ns_max);
    if (link->broken() || link->error() != 0) return link->close();
    if (link->input().size != 0) begin_exchange(*link);
    else if (link->ended()) link->linger(); // It has said all that it will say; it may still listen.
}

// The turn.

bool Worker::turn(uint64_t deadline_ns) {
    // What woke behind the run of the last turn (bulk that was read at its end, a drain's last words) waits for nothing.
    const bool at_once = !shaking_.empty() || !woken_.empty();
    ring.turn(std::min({deadline_ns, at_once ? ring.now_ns() : UINT64_MAX, timers.next_due_ns(), housekeeping_ns_,
                        record().next_due_ns(), memory_look_due_ns(), last_words_ns_, cut_ns_}),
              crowd_.several(ring.now_ns()) ? limits.batch_wait_ns : 0);
    timers.advance(ring.now_ns());
    if (record_moved_) wake_record_waiters();
    look_at_memory();
    if (ring.now_ns() >= housekeeping_ns_) look_for_resets();
    if (!shaking_.empty()) shake_hands();
    run_woken();
    record().flush();
    flush_links();
    give_back_slabs();
    free_closed();
    counters.turns.add();
    if (ring.now_ns() >= housekeeping_ns_) {
        housekeeping_ns_ = ring.now_ns() + housekeeping_every_ns;
        publish_counters();
        sessions.expire(ring.now_ns());
        for (auto& listener : listeners_)
            if (!listener->op.with_kernel && !listener->closing) ring.accept(listener->op, listener->fd);
    }
    if (draining_) go_on_draining();
    return !drained();
}

void Worker::look_for_resets() {
    exchanges_.each([](Exchange& exchange) {
        for (net::Link* link : {exchange.client_link, exchange.upstream})
            if (link != nullptr) link->look_for_reset();
    });
}

void Worker::run_woken() {
    // An exchange that ends may begin the next one of its link, which wakes it: the loop runs until nobody is woken.
    while (!woken_.empty()) {
        running_.swap(woken_);
        for (Exchange* exchange : running_) {
            exchange->woken = false;
            if (!exchange->advance() || exchange->in_turn) continue;
            exchange->in_turn = true;
            stayed_.push_back(exchange);
        }
        running_.clear();
    }
    scratch.reset();
    if (stayed_.empty() && messages_ns_.empty()) return;
    // What this turn took is part of what weir added to each message that it worked on.
    const uint64_t turn_ns = ring.elapsed_ns();
    for (Exchange* exchange : stayed_) {
        exchange->in_turn = false;
        exchange->turns_ns += turn_ns;
    }
    stayed_.clear();
    observe_messages(turn_ns);
}

void Worker::observe_messages(uint64_t turn_ns) {
    for (const uint64_t before_ns : messages_ns_) counters.overhead.observe(before_ns + turn_ns);
    messages_ns_.clear();
}

/// Messages of clients, that is: neither pages, nor what weir sends by itself, nor streams that are open for their own sake.
void Worker::end_message(const Exchange& exchange) {
    if (exchange.asked == Asked::page || exchange.asked == Asked::desk || exchange.parting || opens_stream(exchange) ||
        is_admin(exchange))
        return;
    if (messages_ns_.size() == messages_ns_.capacity()) observe_messages(ring.elapsed_ns()); // So many in one turn!
    messages_ns_.push_back(exchange.turns_ns);
}

void Worker::flush_links() {
    const uint64_t kept_seq = record().kept_seq();
    size_t kept = 0;
    for (net::Link* link : to_flush_) {
        if (link->state() == net::Link::State::closing || link->state() == net::Link::State::closed) {
            link->queued_flush = false;
        } else if (link->after_seq > kept_seq) {
            to_flush_[kept++] = link; // Its entry is not on its way yet: record before act.
        } else {
            link->queued_flush = false;
            link->flush();
        }
    }
    to_flush_.resize(kept);
}

void Worker::give_back_slabs() {
    for (net::Link* link : touched_) {
        link->in_slab_list = false;
        link->leave_slab();
    }
    touched_.clear();
    // Links that found no slab are the bulky ones: they are drained past the slabs, then armed again.
    std::vector<net::Link*>& now = starved_;
    for (size_t i = 0; i < now.size(); ++i) now[i]->receive_bulk();
    starved_.clear();
}

void Worker::free_closed() {
    for (net::Link* link : closed_) {
        if (link->queued_flush) std::erase(to_flush_, link);
        if (link->in_slab_list) std::erase(touched_, link);
        std::erase(starved_, link);
        forget_tls(*link);
        if (static_cast<Role>(link->role) == Role::upstream) counters.upstream_links_open.sub();
        else counters.connections_open.sub();
        leave_caps(*link);
        counters.bytes_in.add(link->bytes_in());
        counters.bytes_out.add(link->bytes_out());
        links_.free(*link);
    }
    closed_.clear();
}

void Worker::on_record(void* self) { static_cast<Worker*>(self)->record_moved_ = true; }

void Worker::wake_record_waiters() {
    record_moved_ = false;
    exchanges_.each([this](Exchange& exchange) {
        if (exchange.waits_for_record()) wake(exchange);
    });
}

void Worker::on_wake(ring::Op& op, ring::Completion) { op.owner_as<Worker>().read_mail(); }

void Worker::read_mail() {
    if (options.mailbox == nullptr) return;
    for (const auto& message : options.mailbox->take()) switch (message.kind) {
            case WorkerMessage::Kind::drain: drain(); break;
            case WorkerMessage::Kind::session_ended: ended_sessions.insert(message.session); break;
            case WorkerMessage::Kind::defined:
                for (const catalog::Tool& tool : *message.tools) catalog.adopt(tool);
                break;
            case WorkerMessage::Kind::approval: hear(*this, std::move(*message.news)); break;
            case WorkerMessage::Kind::desk: hear_desk(*this, std::move(*message.desk)); break;
            case WorkerMessage::Kind::resolved: addresses_[message.server] = message.address; break;
            case WorkerMessage::Kind::keys: hear_keys(message.issuer, message.issuer_news); break;
            case WorkerMessage::Kind::api_keys: authenticator.set_api_keys(message.api_keys); break;
            case WorkerMessage::Kind::certificates: tls_server_ = message.tls_server; break;
            case WorkerMessage::Kind::authorities: tls_clients_[message.server] = message.tls_client; break;
            case WorkerMessage::Kind::shaken: come_back(message.link, *message.tls_away); break;
            case WorkerMessage::Kind::credential: hear_credential(message); break;
        }
}

void Worker::publish_counters() {
    counters.slabs_free.set(ring.slabs_free());
    counters.upstream_links_idle.set(upstreams_.idle_count());
    counters.buffer_bytes.set(buffers.lent_bytes());
    counters.buffer_kept_bytes.set(buffers.kept_bytes());
    counters.buffer_allocations.set(buffers.allocations());
    counters.record_queue_bytes.set(record().queued_bytes());
    counters.record_seq.set(record().last_seq());
    counters.record_durable_seq.set(record().durable_seq());
    counters.record_failed.set(record().failed() ? 1 : 0);
    counters.record_disk_bytes.set(record().disk_bytes());
    counters.record_pruned.set(record().figures().pruned);
    const policy::JudgeCounts& judged = judge().counts();
    counters.policy_runs.set(judged.handler_runs);
    counters.policy_run_errors.set(judged.errors);
    counters.policy_timeouts.set(judged.timeouts);
    counters.policy_out_of_memory.set(judged.out_of_memory);
    counters.policy_slow.set(judged.slow);
    counters.policy_suspended.set(judged.suspended);
}

} // namespace weir::gateway
