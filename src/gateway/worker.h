// gateway/worker.h - one thread with everything it needs: ring, links, exchanges, upstreams, policies, record.
//
// A turn: wait for the kernel, note what came, run every woken exchange once, hand the record's batch to the kernel, then
// the sends (so that the record is on its way before the act), then give slabs and closed links back. Nothing here is
// shared with other workers but counters (read only by others) and the mailbox.
#pragma once

#include "base/limits.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/timers.h"
#include "base/workspace.h"
#include "catalog/catalog.h"
#include "gateway/admin.h"
#include "gateway/caps.h"
#include "gateway/counters.h"
#include "gateway/exchange.h"
#include "gateway/generation.h"
#include "gateway/hold.h"
#include "gateway/in_flight.h"
#include "gateway/sessions.h"
#include "http/head.h"
#include "identity/authenticator.h"
#include "json/scan.h"
#include "mask/masker.h"
#include "mcp/sealed.h"
#include "net/link.h"
#include "net/tls.h"
#include "net/upstream.h"
#include "policy/judge.h"
#include "post/mailbox.h"
#include "record/writer.h"

#include <array>
#include <functional>
#include <memory>
#include <memory_resource>
#include <vector>

namespace weir::gateway {

/// What is known of an issuer now.
struct IssuerNews {
    std::shared_ptr<const identity::KeySet> keys; // nullptr: there are none that hold
    std::shared_ptr<const std::string> metadata;  // as last fetched; nullptr: none
    bool changed = false;                         // other keys than before
};

/// A request waits so long for keys of an issuer that its token may need: a little longer than a fetch may take.
inline constexpr uint64_t keys_wait_ns_max = 2500 * ms_ns;

/// What another thread tells a worker.
struct WorkerMessage {
    enum class Kind : uint8_t {
        drain,
        session_ended,
        resolved,
        credential,
        approval,
        defined,
        keys,
        api_keys,
        certificates,
        authorities,
        desk,
        shaken
    } kind;
    EndedSessions::Digest session{}; // session_ended
    uint32_t server = 0;             // resolved, credential
    ring::Address address{};
    CredentialField credential{};
    uint64_t number = 0;                                       // credential, of a provider: which one
    std::shared_ptr<post::ApprovalNews> news{};                // approval; for one worker alone, which takes it
    std::shared_ptr<post::DeskNews> desk{};                    // desk; for one worker alone, which takes it
    std::shared_ptr<const std::vector<catalog::Tool>> tools{}; // defined
    uint32_t issuer = 0;                                       // keys
    IssuerNews issuer_news{};
    std::shared_ptr<const identity::ApiKeys> api_keys{};
    std::shared_ptr<net::TlsServer> tls_server{}; // certificates; for one worker alone
    std::shared_ptr<net::TlsClient> tls_client{}; // authorities, of `server`; for one worker alone
    std::shared_ptr<net::TlsAway> tls_away{};     // shaken, of `link`; for one worker alone
    Ref link{};
};
using WorkerMailbox = post::Mailbox<WorkerMessage>;

/// What a worker asks of the rest of the process. Plain functions, so that the simulator can stand in.
struct WorkerCalls {
    std::function<void(const WorkerMessage&)> broadcast;               // to all other workers
    std::function<void(uint32_t server)> resolve_again;                // an upstream could not be reached
    std::function<Page(std::string_view path, PaddedBytes& out)> page; // of the admin listener
    std::function<bool(post::ApprovalAsk&&)> approvals{};              // to the store; false: its box is full
    std::function<void(uint32_t issuer)> want_keys{};                  // a token names a key that is not here
    // A credential is needed, and what comes of that is told; the server does not take the one of this number.
    std::function<void(uint32_t server)> want_credential{};
    std::function<void(uint32_t server, uint64_t number)> refused_credential{};
    std::function<bool(post::DeskAsk&&)> desk{};                              // to the clerk; false: too many wait
    std::function<void(std::shared_ptr<net::TlsAway>, Ref link)> take_step{}; // elsewhere; none: nothing leaves
};

struct WorkerOptions {
    uint32_t index = 0;
    uint64_t seed = 0;
    std::array<unsigned char, 16> boot_id{}; // of this run of weir; part of the ids of recorded sessions
    const Generation* generation = nullptr;
    const mcp::KeyRing* keys = nullptr;
    record::Writer* record = nullptr;
    policy::Judge* judge = nullptr;
    Counters* counters = nullptr;
    Caps* caps = nullptr; // of all workers
    WorkerCalls calls;
    std::shared_ptr<WorkerMailbox> mailbox;
};

/// What a link is to the worker.
enum class Role : uint8_t { client, admin, upstream };

/// Whether requests come on several connections or on one alone: a lone call is never made to wait for company.
class Crowd {
  public:
    void saw(const net::Link& link, uint64_t now_ns) {
        if (&link != last_) changed_ns_ = now_ns;
        last_ = &link;
    }
    bool several(uint64_t now_ns) const { return now_ns - changed_ns_ < window_ns; }

  private:
    static constexpr uint64_t window_ns = ms_ns;
    const net::Link* last_ = nullptr; // of the last request; compared, never followed
    uint64_t changed_ns_ = 0;         // when a request last came on another connection than the one before
};

/// Where the steps of memory_bytes_max lie, in bytes.
struct MemorySteps {
    explicit MemorySteps(uint64_t most);
    uint64_t bodies_wait, refuse, close_idle, full;
};

class Worker final : public net::LinkHost {
  public:
    Worker(ring::Ring& ring, WorkerOptions options);
    ~Worker() override;

    /// Accepts on `listener` from now on, until the drain. The worker closes it.
    void listen(int listener, Role role);
    /// One turn, waiting at most until `deadline_ns`. False once drained: nothing is left to do.
    bool turn(uint64_t deadline_ns = UINT64_MAX);
    /// Cuts what is left and waits for the kernel. After this nothing of the worker is with it.
    void end();
    /// Stops accepting; what runs is given drain_ns_max, then cut (worker_end.cc).
    void drain();
    bool draining() const { return draining_; }
    bool drained() const;
    /// Whether what this exchange waits for is waited for no longer, since the worker ends: an open stream's events at once,
    /// anything else in the last moment of the drain.
    bool gives_up(const Exchange& exchange) const { return draining_ && (last_words_ || opens_stream(exchange)); }
    bool has_last_words() const { return last_words_; }

    /// The one upward signal: `exchange` is run before this turn ends.
    void wake(Exchange& exchange);

    // net::LinkHost: notes and wakes.
    void moved(net::Link& link) override;
    void expired(net::Link& link) override;
    void can_shake(net::Link& link) override;
    void starved(net::Link& link) override;
    void closed(net::Link& link) override;
    bool presented(net::Link& link) override;

    // For the steps of an exchange.
    uint64_t now_ns() const { return ring.now_ns(); }
    void flush_later(net::Link& link);
    /// A link to `server`: a pooled one, or one that is on its way (`fresh`).
    ///
    /// Errors:
    ///   upstream_unreachable  its address is not known, or of a family that this machine has not
    ///   overloaded            no link more, no handshake more, or no socket: weir's own shortage
    Result<net::Link*> dial(const Server& server, bool& fresh);
    void keep_upstream(net::Link& link, uint64_t idle_ns);
    const ring::Address& address_of(const Server& server) const { return addresses_[server.index]; }
    /// The field to show `server`, with its CRLF; empty: it has none. Good until the next mail is read.
    std::string_view credential_of(const Server& server) const {
        const auto& field = credentials_[server.index];
        return field == nullptr ? std::string_view() : *field;
    }
    /// How often there was news of its credential.
    uint64_t credential_news(const Server& server) const { return credential_news_[server.index].count; }
    void credential_refused(const Server& server);
    void address_failed(const Server& server);
    /// The exchange is over: its client link waits for the next request or closes.
    void finish(Exchange& exchange);
    /// An exchange without a client, which runs this turn; nullptr: too many of them are under way.
    Exchange* begin_parting();
    Ref ref_of(const Exchange& exchange) const { return exchanges_.ref(exchange); }
    Exchange* find_exchange(Ref ref) { return exchanges_.find(ref); }
    uint32_t next_exchange_number() { return ++exchange_number_; }
    void end_session(EndedSessions::Digest session);
    /// Learns the definitions in `tools`, a list of tools/list; what is news, the other workers learn too.
    void learn_tools(uint32_t server, json::Value tools);

    // For the steps, about tokens: authentication.cc.
    /// Whether keys of `issuer` are being fetched, perhaps because of this question. News of it wakes who waits.
    bool keys_on_their_way(uint32_t issuer);
    void note_refused_token(std::string_view server, const identity::Refusal& refusal);
    /// What its issuer's metadata are, or nullptr.
    const std::string* metadata_of(uint32_t issuer) const { return issuer_metadata_[issuer].get(); }

    // For the steps, at limits: worker_limits.cc.
    uint64_t memory_bytes() const { return own_memory_bytes() + memory_of_others_; } // of all workers
    bool overloaded() const { return memory_bytes() > steps_.refuse; }
    bool memory_full() const { return memory_bytes() > steps_.full; }
    /// The rest of the body is not here and would take memory: whether it must wait. Its link is not read until let_on().
    bool hold_back(Exchange& exchange);
    void let_on(Exchange& exchange);
    /// The exchange is to be an open event stream of its principal. streams_exceeded: there are too many.
    Result<void> enter_stream(Exchange& exchange);
    void leave_stream(Exchange& exchange);

    ring::Ring& ring;
    const WorkerOptions options;
    const Limits limits;
    Timers timers;
    Random random;
    BufferPool buffers;
    json::Scanner scanner;
    json::Scanner arguments_scanner; // of the request, while its answer is judged
    mask::Masker masker;
    Counters& counters;
    mcp::Sealer sealer;
    catalog::Catalog catalog; // definitions of tools as they went by
    Workspace scratch;        // for what lives no longer than one step
    identity::Authenticator authenticator;
    DigestSet in_flight;
    EndedSessions ended_sessions;
    Sessions sessions;
    std::pmr::unsynchronized_pool_resource kept_memory; // of what held calls keep
    Pool<Hold> holds;
    std::array<http::Field, 128> fields; // scratch of the head that is being read
    record::Writer& record() { return *options.record; }
    policy::Judge& judge() { return *options.judge; }
    const Generation& generation() const { return *options.generation; }

  private:
    struct Listener {
        ring::Op op{};
        Worker* worker = nullptr;
        int fd = -1;
        Role role = Role::client;
        bool closing = false;
    };
    static void on_accept(ring::Op& op, ring::Completion done);
    static void on_wake(ring::Op& op, ring::Completion done);
    static void on_record(void* self);
    void accepted(int fd, Role role);
    bool let_in(net::Link& link);
    bool count_address(net::Link& link);
    void leave_caps(net::Link& link);
    uint64_t memory_look_due_ns() const;
    void look_at_memory();
    void look_for_resets();
    void close_idle();
    void begin_exchange(net::Link& link);
    // worker_tls.cc
    uint64_t own_memory_bytes() const { return buffers.lent_bytes() + tls_links_ * net::Tls::memory_bytes; }
    void make_tls();
    bool cover(net::Link& link);
    bool cover(net::Link& link, const std::shared_ptr<net::TlsClient>& client);
    bool takes_place(net::Link& link);
    Cap& handshakes_of(const net::Link& link) const;
    void shake_hands();
    void hands_shaken(net::Link& link);
    void come_back(Ref link, net::TlsAway& away);
    void forget_tls(net::Link& link);
    void read_mail();
    void hear_keys(uint32_t issuer, const IssuerNews& news);
    void run_woken();
    void observe_messages(uint64_t turn_ns);
    void end_message(const Exchange& exchange);
    void flush_links();
    void give_back_slabs();
    void note_no_socket(int error);
    void free_closed();
    void wake_record_waiters();
    void close(Listener& listener);
    void go_on_draining();
    void cut_everything();
    void publish_counters();

    Pool<net::Link> links_;
    Pool<Exchange> exchanges_;
    net::Upstreams upstreams_;
    std::vector<ring::Address> addresses_;
    std::vector<CredentialField> credentials_; // as last read, by server
    struct CredentialNews {
        uint64_t count = 0, number = 0;
    };
    std::vector<CredentialNews> credential_news_; // by server
    void hear_credential(const WorkerMessage& message);
    struct KeysAsked {
        uint64_t at_ns = 0; // 0: never
        bool awaited = false;
    };
    std::vector<KeysAsked> keys_asked_; // by issuer
    std::vector<std::shared_ptr<const std::string>> issuer_metadata_;
    uint64_t tokens_refused_ = 0, tokens_told_ns_ = 0; // since the last line of the log, and when that was
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::vector<Exchange*> woken_, running_;
    std::vector<Exchange*> stayed_;     // those that ran in this turn and go on
    std::vector<uint64_t> messages_ns_; // of those that ended in it: what their turns before it took
    std::vector<net::Link*> touched_;   // links that may hold a slab at the end of the turn
    std::vector<net::Link*> to_flush_;  // links with bytes to send, oldest first
    std::vector<net::Link*> starved_;
    std::vector<net::Link*> shaking_, shaking_now_; // links whose handshakes can go on, in the order they came
    std::vector<net::Link*> closed_;
    std::shared_ptr<net::TlsServer> tls_server_;               // for clients; none: they come in plain text
    std::vector<std::shared_ptr<net::TlsClient>> tls_clients_; // by server; none: it is spoken to in plain text
    uint32_t tls_links_ = 0;
    uint64_t tls_told_ns_ = 0; // when a failing handshake with a server may be told again
    uint64_t no_socket_told_ns_ = 0;
    ring::Op wake_op_{};
    bool record_moved_ = false;
    bool draining_ = false;
    bool last_words_ = false; // the drain is nearly over
    uint64_t last_words_ns_ = UINT64_MAX, cut_ns_ = UINT64_MAX;
    uint64_t housekeeping_ns_ = 0;
    uint32_t exchange_number_ = 0;
    uint32_t partings_ = 0;           // exchanges of weir's own
    bool takes_certificates_ = false; // some server asks them who comes
    bool anonymous_only_ = true;      // no server asks who comes
    bool counts_addresses_ = false;   // of clients; somebody may come from elsewhere than loopback, or is known
    const MemorySteps steps_;
    uint32_t held_back_ = 0; // exchanges whose body waits for memory
    uint64_t memory_told_ = 0, memory_of_others_ = 0, memory_look_ns_ = 0;
    uint64_t shed_ns_ = 0; // when idle connections may be closed again
    Crowd crowd_;
};

} // namespace weir::gateway
