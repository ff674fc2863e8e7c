// control/store.h - the thread that keeps the tickets: calls that wait for people, in SQLite, with evidence in the record.
//
// The ticket's row is its truth; the record's stream `control` is its evidence. What becomes of tickets is docket.h's; here
// is the thread that turns it, and what others ask of it: workers post and are told through mailboxes (post/approvals.h),
// people's tools call list() and decide() from threads that may block.
//
// Owns its thread and all that is on it. Every wait has a deadline. When the database or the disk fails,
// askers are told `unavailable` and nothing else of weir is touched.
#pragma once

#include "approve/decider.h"
#include "base/limits.h"
#include "base/result.h"
#include "crypto/secret.h"
#include "post/approvals.h"
#include "record/chain.h"

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::control {

struct StoreOptions {
    std::string database; // its file, `<state>/weir.db`
    std::string segments; // the record's directory
    record::LogId log{};
    uint64_t body_bytes_max = uint64_t{1} << 20; // of a body in the record
    Limits limits;
    /// Tells a worker's waiter. Called from the store's thread; must not block.
    std::function<void(uint32_t worker, post::ApprovalNews&& news)> tell;
    /// Where tickets' ids come from. False: it gives no octets.
    std::function<bool(std::span<unsigned char>)> random = crypto::fill_random;
};

/// A ticket as people see it. All texts are as they came: whoever shows them escapes them.
struct TicketView {
    std::string id;
    post::TicketState state{};
    uint64_t version = 0; // its turns: what people can see of it changes with it
    std::string principal, person, client, server, method, name, digest; // digest: hexadecimal
    std::string body;                         // {"method":…,"params":{…}}: exactly what will run
    std::vector<std::vector<std::string>> by; // who may decide, of each policy that asks
    std::vector<std::string> policies;
    std::string reason, session_key;
    uint64_t generation = 0, created_unix_ns = 0;
    uint64_t expires_unix_ns = 0;                              // of what is pending or approved, else 0
    std::string decided_by, decided_note;                      // empty: nobody has
    std::string decider_issuer, decider_subject, decider_name; // of a decision that was made with a token
    uint64_t decided_unix_ns = 0;
    approve::Asker asker;
};

/// Which tickets, and how many.
struct Listing {
    bool all = false;          // also those that are over
    bool newest_first = false; // of those that wait or run; what is over comes so anyway
    std::string prefix{};      // of the id: all others are left out, and the order is that of the ids
    size_t count_max = 1000;
    std::string after{}; // the `next` of the page before; empty: from the beginning
    /// Called on the store's thread, with a view without a body; must not throw. None: every one.
    std::function<bool(const TicketView&)> wanted{};
};
struct Listed {
    std::vector<TicketView> tickets; // without their bodies; also fewer than asked for, when many were not wanted
    std::string next;                // of there being more to look through: what the next page begins after
};

/// Who decides: whoever opened the control socket, or the person whom a token names.
struct Actor {
    std::string by; // for the record: `unix:0:root`, `token:ISSUER:SUBJECT`
    std::optional<approve::Decider> person{};
};

enum class Verb : uint8_t { approve, deny, withdraw, revoke };
enum class Outcome : uint8_t {
    done,
    unchanged, // the same person had said the same before
    not_found,
    conflict,      // it stands otherwise by now: `ticket` says how, and who decided
    forbidden,     // this person may not, and `right` says why; recorded if there was something to decide
    changed,       // it has another version than the ones named: `ticket` says how it stands; nothing was decided
    said,          // the same request was answered before, with `said`
    other_request, // the key was another request's
    unavailable,   // the store cannot write now; nothing was decided
    unknown        // the store did not answer in time: it may be decided so still
};
struct Decided {
    Outcome outcome = Outcome::unavailable;
    TicketView ticket{}; // without its body
    approve::Right right = approve::Right::granted;
    std::string said{}; // of a request with a key: what Guard::write made of the answer, now or the first time
};

/// What a decision depends on, and by what it is known when it comes again.
struct Guard {
    std::vector<uint64_t> versions{};  // the ticket must have one of these; empty: whichever it has
    std::string key{};                 // of whoever decides; empty: none
    std::array<uint8_t, 32> request{}; // a digest of all that the request says
    /// The answer to keep under the key. Called on the store's thread; must not throw.
    std::function<std::string(const Decided&)> write{};
};

class Store {
  public:
    /// Opens or makes the database, makes good what a crash left (calls that were being executed become ambiguous), and
    /// starts the thread. On failure a text for the operator.
    static std::expected<std::unique_ptr<Store>, std::string> open(StoreOptions options);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// From a worker. False when the box is full: the asker is refused.
    bool post(post::ApprovalAsk&& ask);

    /// A page of the tickets that wait or run, oldest first; with `all` also of those that are over, newest first behind them.
    /// A page looks at a bounded number of tickets: where `next` is given there may be more.
    /// invalid: `after` is not the `next` of a page; limit_reached: the store did not answer in time.
    Result<Listed> list(Listing listing);
    /// The ticket `id`. not_found; io_failed: the database cannot be read; limit_reached: no answer in time.
    Result<TicketView> find(std::string_view id);
    /// A person's word about the ticket `id`, by the rules of approve/decider.h when a token says who it is.
    Decided decide(std::string_view id, Verb verb, Actor actor, std::string_view note, Guard guard = {});

    /// How many tickets wait; for status and metrics, from any thread.
    uint64_t waiting() const;

  private:
    struct Parts;
    explicit Store(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

} // namespace weir::control
