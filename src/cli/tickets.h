// cli/tickets.h - calls that wait for people, as the command line gets them from the control socket and shows them.
//
// What a ticket says came from clients and policies: everything here that makes text for a person escapes what could
// steer a terminal or is not seen. The texts are pure; the desk blocks on the socket.
#pragma once

#include "cli/commands.h"
#include "cli/output.h"

#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

struct Scanned;

struct Ticket {
    std::string id, state, principal, person, client, server, method, name, reason, session, digest;
    std::string decided_by, decided_note;
    std::string asker;   // subject and issuer, when a token said so
    std::string decider; // name, subject and issuer, the same
    std::string body;    // only of one(): exactly what will run
    std::vector<std::string> policies;
    std::vector<std::vector<std::string>> by; // of each policy that asks: who may decide
    uint64_t generation = 0, created_ns = 0, expires_ns = 0, decided_ns = 0;
    std::string json; // the whole of it, as it came

    bool waits() const { return state == "pending"; }
};

/// Why something was not to be had: what the command exits with, and a sentence.
struct Refusal {
    Exit exit = Exit::failed;
    std::string why;
};

/// Which tickets, and how many of them. Without a word: those that wait or run, the oldest first.
struct TicketQuestion {
    bool all = false;        // also what is over
    bool newest = false;     // of what waits or runs, the newest first
    std::string prefix{};    // of the id: no others, in the order of their ids
    std::string state{};     // no others
    std::string after{};     // the `next` of the page before
    size_t limit = page_max; // at most page_max
    static constexpr size_t page_max = 1000;
};

struct TicketList {
    std::vector<Ticket> tickets;
    std::string next; // there may be more: what the next page begins after
    std::string json; // of the page
};

/// As whom a desk takes what one says.
struct Identity {
    std::string text, json;
};

/// The control socket of a running weir, or its admin listener with a token. Refusals: unreachable, denied, not_found,
/// conflict, failed.
class TicketDesk {
  public:
    /// Asked before each request; empty: there is none.
    using Token = std::function<std::expected<std::string, std::string>()>;

    explicit TicketDesk(std::string socket) : socket_(std::move(socket)) {}
    TicketDesk(std::string url, std::string ca, Token token)
        : url_(std::move(url)), ca_(std::move(ca)), token_(std::move(token)) {}
    std::expected<Identity, Refusal> whoami() const;
    /// One page.
    std::expected<TicketList, Refusal> list(const TicketQuestion& question) const;
    /// What `question` names, page after page: all of it, or at least `most`. failed: the pages have no end.
    std::expected<std::vector<Ticket>, Refusal> all(TicketQuestion question, size_t most = SIZE_MAX) const;
    /// The first that `question` names, through as many pages as it takes. not_found.
    std::expected<Ticket, Refusal> first(TicketQuestion question) const;
    std::expected<Ticket, Refusal> one(std::string_view id) const;
    /// `decision` is approve, deny, withdraw or revoke.
    std::expected<Ticket, Refusal> decide(std::string_view id, std::string_view decision, std::string_view note) const;

  private:
    std::expected<void, Refusal> ask(const std::string& target, std::string_view body, Scanned& into) const;

    std::string socket_;
    std::string url_, ca_;
    Token token_;
};

/// Whether `text` has only characters that the `next` of a page may have.
bool is_place(std::string_view text);

/// What `last` means: the newest that waits, that is approved and has not run, or that waits or else is over.
enum class Last : uint8_t { waiting, approved, any };

/// The id of the ticket that `word` means: an id, the beginning of exactly one (of those that wait, if any does; `ap_`
/// may be left out), or `last`. Refusals: not_found, usage.
std::expected<std::string, Refusal> choose_ticket(std::span<const Ticket> tickets, std::string_view word,
                                                  Last last = Last::waiting);

/// `4m 10s`, `2h 5m`, `3d 1h`; `0s` when it is over.
std::string time_left(uint64_t until_ns, uint64_t now_ns);
/// `sre or ops; and finance`
std::string approvers(const Ticket& ticket);
/// JSON over several lines, strings decoded and written with minimal escapes, nothing left that steers a terminal. What
/// is not JSON is one escaped line.
std::string laid_out(std::string_view json);
/// All of one ticket, over several lines.
std::string ticket_page(const Ticket& ticket, uint64_t now_ns, bool utc);
/// Rows for `weir approvals list`: for people ages, for pipes times.
Table ticket_table(std::span<const Ticket> tickets, uint64_t now_ns, bool terminal);
/// One line of tab-separated values: time, id, state, who, call, reason, who decided, the note.
std::string ticket_line(const Ticket& ticket, uint64_t time_ns);

} // namespace weir::cli
