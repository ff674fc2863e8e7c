// gateway/exchange.h - one request of a client on its way through the house, until its last byte is answered.
//
// A table of steps: advance() runs the current step until one waits or the exchange is done. A step may be woken for no
// reason, so it looks and never assumes. The steps are plain functions over this struct: steps_in.cc (what is asked, and
// whether it may be), steps_out.cc (what becomes of it), stream.cc (event streams), local.cc (what weir answers itself).
//
// Owned by a worker's pool; freed by Worker::finish() when the last step says so. Views in `head`, `message` and `body`
// are good within one advance() only: whatever must live across a wait is in `space`, `kept`, `outgoing` or a member.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/workspace.h"
#include "gateway/caps.h"
#include "gateway/generation.h"
#include "gateway/in_flight.h"
#include "http/body.h"
#include "http/head.h"
#include "http/sse.h"
#include "identity/principal.h"
#include "json/document.h"
#include "mcp/era.h"
#include "mcp/message.h"
#include "mcp/revision.h"
#include "mcp/sealed.h"
#include "net/link.h"
#include "policy/facts.h"
#include "post/desk.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace weir::gateway {

class Worker;
struct Session;
struct Hold;
struct Certified;

enum class Step : uint8_t {
    admit,
    authenticate,
    scan,
    judge,
    hold,
    credential,
    dial,
    consume,
    forward,
    relay,
    desk,
    settle,
    refuse,
    done
};
enum class Next : uint8_t { more, wait, done };

/// What the HTTP method makes of the request.
enum class Asked : uint8_t { message, open_stream, end_session, page, desk };

/// What weir's own answer to a refused request is made of.
struct Refusal {
    Error error = Error::rpc_internal;
    std::string_view detail;   // more than the table's text, for the client; may be empty
    std::string_view lines;    // header lines of its own, each ending in CRLF; in `space`
    uint16_t status = 0;       // of HTTP, when it is not the table's
    bool framing_lost = false; // no later byte of this connection can be trusted
};

/// How far the answer of the upstream has come.
enum class Answer : uint8_t { awaited, whole, stream, finished };

/// What policies may know of a request when its answer comes.
struct AnswerFacts {
    policy::Facts facts;
    PaddedView arguments; // JSON; none: nobody asks for them, or there are none
};

/// Between the texts of Exchange::denied: a line feed stands in none of them.
inline constexpr std::string_view denied_separator = ",\n";

/// One request of a batch.
struct BatchRequest {
    mcp::Id id;
    mcp::Method method = mcp::Method::unknown;
    bool answered = false;
    const AnswerFacts* facts = nullptr; // nullptr: no policy has a say in its answer
};

/// What a held call keeps of its workspace while it waits (packing.h). Its memory comes from a pool of the worker's for such:
/// it outlives what the call was asked for with, and must not keep that one's pages.
class Kept {
  public:
    Kept() = default;
    Kept(std::pmr::memory_resource& memory, size_t size)
        : memory_(&memory), octets_(static_cast<char*>(memory.allocate(size, alignof(std::max_align_t)))), size_(size) {
    }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    ~Kept() {
        if (octets_ != nullptr) memory_->deallocate(octets_, size_, alignof(std::max_align_t));
    }
    void swap(Kept& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(octets_, other.octets_);
        std::swap(size_, other.size_);
    }
    char* data() { return octets_; }
    bool holds(const char* at) const {
        return size_ != 0 && !std::less()(at, static_cast<const char*>(octets_)) &&
               std::less()(at, static_cast<const char*>(octets_) + size_);
    }

  private:
    std::pmr::memory_resource* memory_ = nullptr;
    char* octets_ = nullptr;
    size_t size_ = 0;
};

struct Exchange {
    /// `client`: nullptr for one of weir's own (parting.h).
    Exchange(Worker& worker, net::Link* client);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// Runs steps until one waits. False when the last has run: the exchange is gone.
    bool advance();
    /// `link` is gone: the exchange goes on without it, or ends at its next step.
    void forget_link(net::Link& link);
    bool waits_for_record() const { return awaited_seq != 0; }
    net::Link* client() const { return client_link; }

    Worker& worker;
    net::Link* client_link;
    net::Link* upstream = nullptr;
    const Server* server = nullptr;
    std::string_view origin; // of a browser that is allowed; in `space`
    Step step = Step::admit;
    bool woken = false;
    bool expired = false; // a deadline of one of the links passed; the step that acts on it clears it

    // The request.
    Asked asked = Asked::message;
    IpAddress from;         // whom it comes from, as far as trusted proxies tell
    bool reading = false;   // some of it arrived and more is to come: the deadlines of head and body run
    bool head_kept = false; // the head was copied into `space`, because the body did not come with it
    bool continue_sent = false;
    bool body_begun = false; // a body of known length has its memory
    bool whole = false;      // all of it was read off the link
    bool keep_alive = true;
    bool in_flight = false;
    bool fresh_upstream = false; // the upstream link was connected for this exchange
    bool no_handshake = false;   // its connection stands, and too many handshakes are under way
    bool retried = false;
    bool parting = false; // of weir's own: nobody waits for it
    bool in_turn = false; // it ran in this turn, and goes on
    uint64_t began_ns = 0;
    uint64_t turns_ns = 0; // what the turns before this one took in which it ran
    uint64_t body_since_ns = 0;
    uint64_t held_back_ns = 0; // since when its body waits for memory; 0: it does not
    Workspace space;
    Kept kept; // where what was in `space` lies, once the call has been held
    http::RequestHead head;
    json::Document document; // of the body, while it is judged
    mcp::Message message;    // not of a batch
    http::ChunkedReader chunks;
    PaddedBytes body; // the request's, when it was gathered; later the answer's
    PaddedView body_view;

    // What it means. Everything here lives in `space` or for ever.
    std::shared_ptr<const identity::Principal> who; // the principal, when it came with a token
    const identity::Principal* principal = nullptr;
    std::shared_ptr<const Certified> certified;     // by its certificate
    uint64_t token_ends_ns = UINT64_MAX;            // when open streams end, too
    uint64_t token_ends_wall_ns = UINT64_MAX;       // the same by the clock of the wall, which may be set meanwhile
    uint64_t keys_until_ns = 0;                     // it waits for an issuer's keys until then; 0: it never did
    Session* session = nullptr;                     // of the record
    std::optional<mcp::SessionSeal> legacy_session; // what the client's session id sealed
    EndedSessions::Digest session_digest{};         // of that id
    std::string_view last_event;                    // the upstream's id that a GET resumes after
    mcp::Kind kind = mcp::Kind::request;
    mcp::Era era = mcp::Era::legacy;
    mcp::Method method = mcp::Method::unknown;
    bool batch = false;
    bool expects_answer = false; // a request, or a batch that holds one
    bool resumed = false;        // a GET that takes up another request's stream
    std::string_view method_text;
    std::string_view name; // tool, prompt or resource
    mcp::Id id;            // of a request
    std::string_view revision;
    std::string_view wanted_revision; // of an initialize: what its client asks for
    std::string_view client_text;     // name and version, as the client says
    uint64_t in_flight_digest = 0;
    uint32_t stream_row = KeyCounts::uncounted; // an open event stream: its principal's, in the counts
    std::unique_ptr<post::DeskNews> desk_news;  // of a person's question, once it is answered
    uint64_t desk_until_ns = 0;                 // it is waited for until then
    Hold* hold = nullptr;                       // while it waits for people, and until what they granted has ended
    PaddedBytes outgoing;                       // the request as it goes upstream
    uint64_t outgoing_body_bytes = 0;
    PaddedBytes denied;                     // a batch's own answers: JSON texts, between them denied_separator
    std::span<BatchRequest> batch_requests; // the requests of a batch that went upstream
    uint32_t answers_missing = 0;           // of these

    // The record.
    uint32_t number = 0;      // ties its entries together
    uint64_t last_seq = 0;    // of the last entry it wrote
    uint64_t verdict_seq = 0; // of the entry that must be on its way before the upstream is sent anything
    uint64_t awaited_seq = 0; // strict: durable before the exchange goes on; 0: nothing is awaited
    uint64_t forwarded_ns = 0;
    uint64_t credential_news = UINT64_MAX; // of its server, when it began to wait for a credential
    uint64_t sent_before = 0;              // bytes_out of the upstream link before this request
    bool forwarded = false;
    bool answered = false; // its last entry is written

    // The answer.
    const AnswerFacts* answer_facts = nullptr; // not of a batch; nullptr: no policy has a say in it
    Answer answer = Answer::awaited;
    uint16_t status = 0;
    http::Framing answer_framing{};
    bool answer_keep_alive = false;
    bool answer_json = false;
    bool answer_complete = false; // nothing of it is left on the upstream link
    bool committed = false;       // the status line is on its way to the client
    bool on_stream = false;       // signs of life went out while it waited: the answer is an event of that stream
    bool server_asks = false;     // the last message on the stream was a request of the server's
    bool response_seen = false;   // the JSON-RPC response went by
    bool resumable = false;       // the stream has event ids: the client can take it up again
    bool orphaned = false;        // its client left, and it is read on for the record
    bool after_response = false;  // the response is through; the stream has a moment left to end
    int64_t answer_code = 0;      // of a JSON-RPC error
    uint8_t informational = 0;
    uint64_t answer_left = 0; // octets of a body of known length that have not come
    uint64_t answer_bytes = 0;
    uint64_t upstream_idle_ns = 0;
    std::string_view answer_session;   // the upstream's session id, in `space`
    std::string_view answer_revision;  // what an initialize agreed on, in `space`
    std::string_view strange_revision; // the same, when weir does not speak it
    std::string_view retry_after;      // in `space`
    http::EventReader events;
    PaddedBytes raw; // the stream's octets without their framing, when that is chunked
    size_t raw_at = 0;
    PaddedBytes held;             // events that wait for the stream's head
    uint64_t heartbeat_ns = 0;    // when the client last got anything
    uint64_t client_progress = 0; // bytes_out of the client link when it was last looked at
    uint64_t client_progress_ns = 0;

    Refusal refusal;
    std::string_view refusal_data; // JSON, in `space`
};

/// A GET stream or a subscription: open for as long as its client likes.
inline bool opens_stream(const Exchange& exchange) {
    return exchange.asked == Asked::open_stream ||
           (exchange.method == mcp::Method::subscriptions_listen && exchange.expects_answer);
}

/// Moves to `step` now.
inline Next go(Exchange& exchange, Step step) {
    exchange.step = step;
    return Next::more;
}
/// Keeps the head beyond this turn: a copy in the workspace, read once more there.
void keep_head(Exchange& exchange);
/// Answers with `error` and ends; nothing of the request goes anywhere.
Next refuse(Exchange& exchange, Error error, std::string_view detail = {});
/// The same when the framing is lost: the answer, then the end of the connection.
Next refuse_and_close(Exchange& exchange, Error error, std::string_view detail = {});

// The steps, in the order of house and file.
Next step_admit(Exchange& exchange);
Next step_authenticate(Exchange& exchange);
Next step_scan(Exchange& exchange);
Next step_judge(Exchange& exchange);
Next step_hold(Exchange& exchange);
Next step_credential(Exchange& exchange);
Next step_dial(Exchange& exchange);
Next step_consume(Exchange& exchange);
Next step_forward(Exchange& exchange);
Next step_relay(Exchange& exchange);
Next step_desk(Exchange& exchange);
Next step_settle(Exchange& exchange);
Next step_refuse(Exchange& exchange);

} // namespace weir::gateway
