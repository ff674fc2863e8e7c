// gateway/gateway.cc - the process around the workers: what is started in which order, and ended in which.
#include "gateway/gateway.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "control/clerk.h"
#include "control/desk.h"
#include "control/files.h"
#include "control/names.h"
#include "control/store.h"
#include "control/upstream_tokens.h"
#include "control/web.h"
#include "crypto/secret.h"
#include "gateway/admin.h"
#include "gateway/desk_routes.h"
#include "gateway/generation_load.h"
#include "gateway/state_dir.h"
#include "gateway/tls_files.h"
#include "gateway/worker.h"
#include "net/tls_hands.h"
#include "policy/judge.h"
#include "policy/watchdog.h"
#include "record/recovery.h"
#include "record/writer.h"
#include "ring/kernel_ring.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

namespace weir::gateway {
namespace {

constexpr size_t mailbox_messages_max = 65'536;
constexpr uint64_t address_wait_ns_max = 2 * s_ns; // for a weir that has just ended; its ring goes a moment after it

/// Connections are descriptors: take as many as the system lets this process have.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) log::warn("descriptor_limit", {{"error", std::strerror(errno)}});
}

/// Counts the workers that are up, and keeps the first reason why one is not.
class Muster {
  public:
    void report(std::string failure) {
        const std::lock_guard lock(mutex_);
        ++reported_;
        if (failure_.empty()) failure_ = std::move(failure);
        changed_.notify_all();
    }
    /// Waits for `count` reports; the first failure, or empty.
    std::string wait(size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return reported_ == count; });
        return failure_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    size_t reported_ = 0;
    std::string failure_;
};

} // namespace

struct Gateway::Parts {
    struct Thread {
        std::shared_ptr<ring::Waker> waker;
        std::shared_ptr<WorkerMailbox> mailbox;
        std::vector<std::pair<int, Role>> listeners; // made by start(), closed by the worker
        std::unique_ptr<net::TlsHands> hands;        // none where nobody is spoken to with TLS
        std::thread thread;
    };

    StateDir state;
    Generation generation;
    mcp::KeyRing keys;
    record::LogId log{};
    std::unique_ptr<record::Retention> retention; // of all streams
    policy::Watchdog watchdog;
    std::array<unsigned char, 16> boot_id{};
    uint64_t started_unix_ns = unix_now_ns();
    std::vector<Thread> threads;
    std::unique_ptr<Caps> caps;
    std::vector<std::unique_ptr<Counters>> counters;
    std::vector<const Counters*> counters_view;
    std::unique_ptr<control::Names> names;
    std::unique_ptr<control::Web> web;               // none without issuers
    std::unique_ptr<control::UpstreamTokens> tokens; // none unless a server is shown what a provider gives
    std::vector<uint32_t> token_sources;             // by server: its own among those of `tokens`
    std::unique_ptr<control::Files> files;           // none when nothing is read from files again
    std::unique_ptr<control::Store> store;
    std::unique_ptr<control::Desk> desk;
    std::unique_ptr<control::Clerk> clerk;                   // none when nobody may come with a token
    std::atomic<bool> web_ready{false}, tokens_ready{false}; // workers may ask them
    std::atomic<bool> draining{false};
    std::atomic<bool> abandoned{false}; // a worker could not start: the others end at once
    Muster muster;

    void run_worker(uint32_t index);
    void watch_files();
    bool replace_certificates(bool again);
    bool replace_authorities(const Server& server, std::shared_ptr<const net::TlsClientOptions>& told, bool again);
    std::atomic<uint32_t> files_unused{0};
    std::shared_ptr<const net::TlsServerOptions> tls_told; // the thread `files`: what workers have
    void watch_issuers();
    void watch_tokens();
    bool hear_api_keys(const std::string& content, bool again);
    Page page(std::string_view path, PaddedBytes& out) const;
    void tell(uint32_t worker, post::ApprovalNews&& news) {
        WorkerMessage message{.kind = WorkerMessage::Kind::approval};
        message.news = std::make_shared<post::ApprovalNews>(std::move(news));
        // Never refused: a grant that nobody heard of would be executing for ever. There are no more than waiters.
        threads[worker].mailbox->post_always(std::move(message));
    }
    void tell(uint32_t worker, post::DeskNews&& news) {
        WorkerMessage message{.kind = WorkerMessage::Kind::desk};
        message.desk = std::make_shared<post::DeskNews>(std::move(news));
        if (!threads[worker].mailbox->post(std::move(message))) log::warn("mailbox_full", {});
    }
    void tell_all(const WorkerMessage& message, uint32_t except = UINT32_MAX) {
        for (uint32_t i = 0; i < threads.size(); ++i)
            if (i != except && !threads[i].mailbox->post(message)) log::warn("mailbox_full", {});
    }
};

Page Gateway::Parts::page(std::string_view path, PaddedBytes& out) const {
    static constexpr std::string_view durabilities[] = {"off", "batch", "strict"};
    return write_page(path,
                      {.workers = counters_view,
                       .generation = generation.number,
                       .started_unix_ns = started_unix_ns,
                       .now_unix_ns = unix_now_ns(),
                       .servers = generation.servers.size(),
                       .policies = generation.policies->count(),
                       .files_unused = files_unused.load(),
                       .approvals_waiting = store ? store->waiting() : 0,
                       .durability = durabilities[static_cast<size_t>(generation.config.record.durability)],
                       .draining = draining.load()},
                      out);
}

/// A file of keys that cannot be read as one changes nothing.
bool Gateway::Parts::hear_api_keys(const std::string& content, bool again) {
    auto read = identity::ApiKeys::parse(content);
    if (!read) {
        if (!again)
            log::warn("api_keys_refused", {{"line", std::to_string(read.error().line)}, {"error", read.error().text}});
        return false;
    }
    log::info("api_keys", {{"keys", std::to_string(read->keys().size())}});
    tell_all({.kind = WorkerMessage::Kind::api_keys,
              .api_keys = std::make_shared<const identity::ApiKeys>(std::move(*read))});
    return true;
}

/// Secrets and certificates in files: a new one is used from the next call or connection on. One that is no good is not; it is
/// told of once, and tried again.
void Gateway::Parts::watch_files() {
    using Change = std::function<bool(const std::string& content, bool again)>;
    std::vector<std::string> paths;
    std::vector<Change> changes;
    const auto watch = [&](std::string path, Change change) {
        paths.push_back(std::move(path));
        changes.push_back(std::move(change));
    };
    for (const Server& server : generation.servers) {
        const auto& credential = server.config->credential;
        if (credential && !credential->granted() && !credential->file.empty())
            watch(credential->file, [this, &server, told = server.credential](const std::string& content,
                                                                              bool again) mutable {
                auto field = credential_field(*server.config->credential, content);
                if (!field) {
                    if (!again)
                        log::warn("credential_refused", {{"server", server.config->name}, {"error", field.error()}});
                    return false;
                }
                if (**field == *told) return true;
                told = *field;
                log::info("credential_replaced", {{"server", server.config->name}});
                tell_all({.kind = WorkerMessage::Kind::credential, .server = server.index, .credential = *field});
                return true;
            });
        if (server.tls_client && !authorities_file(*server.config).empty())
            watch(authorities_file(*server.config),
                  [this, &server, told = server.tls_client](const std::string& content, bool again) mutable {
                      return content == told->authorities || replace_authorities(server, told, again);
                  });
    }
    // Who has no file of keys yet may make one while weir runs.
    if (std::ranges::any_of(generation.config.servers, &ServerConfig::api_keys)) {
        const std::string path = api_keys_path(state.path());
        if (const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600); fd >= 0) ::close(fd);
        watch(path, [this](const std::string& content, bool again) { return hear_api_keys(content, again); });
    }
    tls_told = generation.tls_server;
    if (tls_told)
        for (auto& file : listen_tls_files(generation.config))
            watch(std::move(file), [this](const std::string&, bool again) { return replace_certificates(again); });
    if (paths.empty()) return;
    files = std::make_unique<control::Files>(
        std::move(paths),
        [changes = std::move(changes)](uint32_t i, std::string content, bool again) {
            const bool used = changes[i](content, again);
            crypto::wipe({reinterpret_cast<unsigned char*>(content.data()), content.size()});
            return used;
        },
        s_ns, &files_unused);
}

/// Whom an https server must prove to be from now on.
bool Gateway::Parts::replace_authorities(const Server& server, std::shared_ptr<const net::TlsClientOptions>& told,
                                         bool again) {
    auto options = load_server_tls(*server.config);
    std::string problem = options ? std::string() : options.error();
    std::vector<std::shared_ptr<net::TlsClient>> made; // of each worker its own, or none
    for (size_t i = 0; i < threads.size() && problem.empty(); ++i) {
        auto one = net::TlsClient::make(**options);
        if (one) made.push_back(std::move(*one));
        else problem = one.error();
    }
    if (!problem.empty()) {
        if (!again) log::warn("authorities_refused", {{"server", server.config->name}, {"error", problem}});
        return false;
    }
    told = *options;
    log::info("authorities_replaced", {{"server", server.config->name}});
    for (size_t i = 0; i < threads.size(); ++i)
        threads[i].mailbox->post_always(
            {.kind = WorkerMessage::Kind::authorities, .server = server.index, .tls_client = std::move(made[i])});
    return true;
}

/// A certificate and its key are two files: while only one of them is new, they do not fit, and the next look finds both.
bool Gateway::Parts::replace_certificates(bool again) {
    auto options = load_listen_tls(generation.config, &generation.tls_tickets);
    if (!options) {
        for (const auto& problem : options.error())
            if (!again) log::warn("certificate_refused", {{"error", problem.text}});
        return false;
    }
    const auto same = [](const net::TlsCertificateText& left, const net::TlsCertificateText& right) {
        return left.chain == right.chain && left.key == right.key;
    };
    if (std::ranges::equal((*options)->certificates, tls_told->certificates, same) &&
        (*options)->client_authorities == tls_told->client_authorities)
        return true;
    std::vector<std::shared_ptr<net::TlsServer>> made; // of each worker its own, or none
    for (size_t i = 0; i < threads.size(); ++i) {
        auto one = net::TlsServer::make(**options);
        if (!one) {
            if (!again) log::warn("certificate_refused", {{"error", one.error()}});
            return false;
        }
        made.push_back(std::move(*one));
    }
    tls_told = *options;
    log::info("certificates_replaced", {});
    for (size_t i = 0; i < threads.size(); ++i)
        threads[i].mailbox->post_always({.kind = WorkerMessage::Kind::certificates, .tls_server = std::move(made[i])});
    return true;
}

/// Keys of issuers: workers hear of each change, and whether one came when they asked.
void Gateway::Parts::watch_issuers() {
    if (generation.config.issuers.empty()) return;
    std::vector<control::Web::Source> sources;
    for (const auto& issuer : generation.config.issuers)
        sources.push_back({issuer.name, issuer.issuer, issuer.refetch_ns_min});
    web = std::make_unique<control::Web>(std::move(sources), [this](uint32_t issuer, control::IssuerNews news) {
        tell_all({.kind = WorkerMessage::Kind::keys,
                  .issuer = issuer,
                  .issuer_news = {std::move(news.keys), std::move(news.metadata), news.changed}});
    });
    web_ready.store(true, std::memory_order_release);
}

/// OAuth client credentials: workers hear of each token, and of there being none.
void Gateway::Parts::watch_tokens() {
    std::vector<control::TokenSource> sources;
    std::vector<uint32_t> servers;
    for (const Server& server : generation.servers) {
        const auto& credential = server.config->credential;
        token_sources.push_back(static_cast<uint32_t>(sources.size()));
        if (!credential || !credential->granted()) continue;
        sources.push_back({.name = server.config->name,
                           .token_url = credential->token_url,
                           .client_id = credential->client_id,
                           .auth = credential->client_auth,
                           .secret = credential->file.empty() ? load_secret(*credential).value_or("") : "",
                           .secret_file = credential->file,
                           .key_id = credential->key_id,
                           .assertion_audience = credential->assertion_audience,
                           .ca = credential->ca,
                           .scope = credential->scope,
                           .resource = credential->resource,
                           .audience = credential->audience});
        servers.push_back(server.index);
    }
    if (sources.empty()) return;
    tokens = std::make_unique<control::UpstreamTokens>(
        std::move(sources), [this, servers = std::move(servers)](uint32_t source, control::TokenNews news) {
            const uint32_t server = servers[source];
            CredentialField field;
            if (!news.token.empty())
                field = credential_field(*generation.servers[server].config->credential, std::move(news.token))
                            .value_or(nullptr);
            // Calls wait for this, so it is never dropped; there is one for each request to the provider, and for each want().
            for (auto& thread : threads)
                thread.mailbox->post_always({.kind = WorkerMessage::Kind::credential,
                                             .server = server,
                                             .credential = field,
                                             .number = news.number});
        });
    tokens_ready.store(true, std::memory_order_release);
}

void Gateway::Parts::run_worker(uint32_t index) {
    name_thread(("weir-worker-" + std::to_string(index)).c_str());
    Thread& self = threads[index];
    auto ring = ring::make_kernel_ring({.busy_poll_ns = generation.config.limits.busy_poll_ns}, self.waker);
    const auto fail_to_start = [&](std::string why) {
        for (const auto& [fd, role] : self.listeners) ::close(fd);
        muster.report(std::move(why));
    };
    if (!ring)
        return fail_to_start(std::string("io_uring is refused: ") + std::strerror(errno) + " (weir doctor says more)");
    auto record = record::Writer::open(**ring, record_options(state, generation.config, index, log, retention.get()));
    if (!record) return fail_to_start("the record: " + record.error());
    policy::Judge judge(generation.policies, watchdog);
    WorkerCalls calls{.broadcast = [this, index](const WorkerMessage& message) { tell_all(message, index); },
                      .resolve_again = [this](uint32_t server) { names->ask(server); },
                      .page = [this](std::string_view path, PaddedBytes& out) { return page(path, out); },
                      .approvals = [this](post::ApprovalAsk&& ask) { return store->post(std::move(ask)); },
                      .want_keys =
                          [this](uint32_t issuer) {
                              if (web_ready.load(std::memory_order_acquire)) web->want(issuer);
                          },
                      .want_credential =
                          [this](uint32_t server) {
                              if (tokens_ready.load(std::memory_order_acquire)) tokens->want(token_sources[server]);
                          },
                      .refused_credential =
                          [this](uint32_t server, uint64_t number) {
                              if (tokens_ready.load(std::memory_order_acquire))
                                  tokens->refused(token_sources[server], number);
                          },
                      .desk = [this](post::DeskAsk&& ask) { return clerk && clerk->ask(std::move(ask)); }};
    if (self.hands)
        calls.take_step = [&self](std::shared_ptr<net::TlsAway> away, Ref link) {
            self.hands->take(std::move(away), [&self, link](std::shared_ptr<net::TlsAway> back) {
                // Bounded by the handshakes that may go on at once, with clients and with servers.
                self.mailbox->post_always(
                    {.kind = WorkerMessage::Kind::shaken, .tls_away = std::move(back), .link = link});
            });
        };
    {
        Worker worker(**ring, {.index = index,
                               .seed = crypto::random_u64(),
                               .boot_id = boot_id,
                               .generation = &generation,
                               .keys = &keys,
                               .record = record->get(),
                               .judge = &judge,
                               .counters = counters[index].get(),
                               .caps = caps.get(),
                               .calls = std::move(calls),
                               .mailbox = self.mailbox});
        for (const auto& [fd, role] : self.listeners) worker.listen(fd, role);
        muster.report({});
        while (worker.turn() && !abandoned.load(std::memory_order_relaxed)) {}
        worker.end();
    }
    (*record)->close();
    while (!(*record)->closed()) {
        (*record)->flush();
        (*ring)->turn(std::min((*record)->next_due_ns(), (*ring)->now_ns() + s_ns));
    }
}

std::expected<std::unique_ptr<Gateway>, StartFailure> Gateway::start(Config config) {
    auto parts = std::make_unique<Parts>();
    if (auto failed = parts->state.open(config.state_dir); !failed)
        return std::unexpected(StartFailure{1, {failed.error()}});
    const auto key = parts->state.seal_key();
    if (!key) return std::unexpected(StartFailure{1, {key.error()}});
    parts->keys.add(1, *key);
    if (!crypto::fill_random(parts->boot_id))
        return std::unexpected(StartFailure{1, {"the kernel gives no random octets"}});
    std::string why;
    const auto log = record::log_identity(parts->state.segments(), why);
    if (!log) return std::unexpected(StartFailure{1, {"the record: " + why}});
    parts->log = *log;
    raise_descriptor_limit();
    if (auto loaded = load_generation(std::move(config), parts->generation); !loaded) {
        StartFailure failure{3, {}};
        for (const ConfigProblem& problem : loaded.error()) failure.lines.push_back(describe(problem));
        return std::unexpected(std::move(failure));
    }

    const Config& settled = parts->generation.config;
    const uint32_t count = settled.workers != 0 ? settled.workers : std::max(1U, std::thread::hardware_concurrency());
    parts->threads.resize(count);
    parts->caps = std::make_unique<Caps>(settled.limits, count);
    parts->retention = std::make_unique<record::Retention>(settled.record.retain_bytes,
                                                           settled.record.retain_days * uint64_t{86'400} * s_ns, count);
    std::vector<control::Name> names;
    names.reserve(settled.servers.size());
    for (const auto& server : settled.servers) names.push_back({server.url.host, server.url.port});
    parts->names = std::make_unique<control::Names>(
        std::move(names), [raw = parts.get()](uint32_t server, const ring::Address& address) {
            raw->tell_all({.kind = WorkerMessage::Kind::resolved, .server = server, .address = address});
        });
    const bool shakes_hands = parts->generation.tls_server != nullptr ||
                              std::ranges::any_of(settled.servers, [](const auto& each) { return each.url.tls; });
    for (uint32_t i = 0; i < count; ++i) {
        auto waker = ring::make_waker();
        if (!waker) return std::unexpected(StartFailure{1, {"no descriptor is left (raise the limit of open files)"}});
        auto& thread = parts->threads[i];
        thread.waker = *waker;
        thread.mailbox = std::make_shared<WorkerMailbox>(mailbox_messages_max, [waker = *waker] { waker->wake(); });
        if (shakes_hands) thread.hands = std::make_unique<net::TlsHands>();
        parts->counters.push_back(std::make_unique<Counters>());
        parts->counters_view.push_back(parts->counters.back().get());
    }
    auto store = control::Store::open({.database = parts->state.database(),
                                       .segments = parts->state.segments(),
                                       .log = parts->log,
                                       .body_bytes_max = settled.record.body_bytes_max,
                                       .limits = settled.limits,
                                       .tell = [raw = parts.get()](uint32_t worker, post::ApprovalNews&& news) {
                                           raw->tell(worker, std::move(news));
                                       }});
    if (!store) return std::unexpected(StartFailure{1, {"approvals: " + store.error()}});
    parts->store = std::move(*store);
    auto gateway = std::unique_ptr<Gateway>(new Gateway(std::move(parts)));
    Parts& own = *gateway->parts_;
    // Before the listeners: who finds weir ready finds its control socket, too.
    const DeskParts asked = {
        .page = [&own](std::string_view path, PaddedBytes& out) { return own.page(path, out); },
        .list = [&store = *own.store](control::Listing listing) { return store.list(std::move(listing)); },
        .find = [&store = *own.store](std::string_view id) { return store.find(id); },
        .decide =
            [&store = *own.store](std::string_view id, control::Verb verb, control::Actor actor, std::string_view note,
                                  control::Guard guard) {
                return store.decide(id, verb, std::move(actor), note, std::move(guard));
            }};
    auto desk = control::Desk::open({.path = own.state.control_socket(),
                                     .answer = [asked](const auto& request) { return answer_desk(request, asked); }});
    if (!desk) {
        own.threads.clear(); // None of them runs.
        return std::unexpected(StartFailure{1, {desk.error()}});
    }
    own.desk = std::move(*desk);
    if (!own.generation.desk.trusts.empty())
        own.clerk = std::make_unique<control::Clerk>(
            [asked](const post::DeskAsk& ask) { return answer_person(ask, asked); },
            [&own](uint32_t worker, post::DeskNews&& news) { own.tell(worker, std::move(news)); });
    std::string failure = await_addresses(settled, address_wait_ns_max);
    for (uint32_t i = 0; i < count && failure.empty(); ++i)
        failure = open_listeners(settled, i, own.threads[i].listeners);
    if (!failure.empty()) {
        for (auto& thread : own.threads)
            for (const auto& [fd, role] : thread.listeners) ::close(fd);
        own.threads.clear();
        return std::unexpected(StartFailure{1, {failure}});
    }
    for (uint32_t i = 0; i < count; ++i) own.threads[i].thread = std::thread([&own, i] { own.run_worker(i); });
    failure = own.muster.wait(count);
    if (!failure.empty()) {
        own.abandoned = true;
        gateway->drain();
        gateway->join();
        return std::unexpected(StartFailure{1, {failure}});
    }
    own.watch_files();
    own.watch_issuers();
    own.watch_tokens();
    return gateway;
}

Gateway::Gateway(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Gateway::~Gateway() {
    if (parts_->threads.empty()) return;
    drain();
    join();
}

void Gateway::drain() {
    parts_->draining = true;
    parts_->tell_all({.kind = WorkerMessage::Kind::drain});
}

void Gateway::join() {
    for (auto& thread : parts_->threads)
        if (thread.thread.joinable()) thread.thread.join();
    for (auto& thread : parts_->threads) thread.hands.reset();
    parts_->desk.reset(); // Before the store that they ask.
    parts_->clerk.reset();
    parts_->names.reset();
    parts_->web.reset();
    parts_->tokens.reset();
    parts_->files.reset();
    parts_->store.reset();
    parts_->threads.clear();
}

uint32_t Gateway::workers() const { return static_cast<uint32_t>(parts_->threads.size()); }
size_t Gateway::policies() const { return parts_->generation.policies->count(); }

} // namespace weir::gateway
