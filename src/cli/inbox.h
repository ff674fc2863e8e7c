// cli/inbox.h - `weir approvals watch`: what waits as a list on a terminal, decided with keys.
//
// Inbox is the pure part: keys and tickets in, frames of text and wishes out; watch() is the loop around it. Nobody
// decides on what is not on the screen: a decision opens the ticket first and is confirmed there, by its id, and a
// ticket that changes meanwhile takes the question away.
#pragma once

#include "cli/tickets.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

class Inbox {
  public:
    enum class Key : uint8_t { other, up, down, enter, escape, erase, quit };
    struct Stroke {
        Key key = Key::other;
        std::string text{}; // of other: what was typed, one character
    };
    /// What a key asks for.
    struct Wish {
        enum class Kind : uint8_t { none, quit, open, decide } kind = Kind::none;
        std::string id{}, decision{}, note{};
    };

    /// What waits now. The selection stays on its ticket.
    void waiting(std::vector<Ticket> tickets);
    /// The answer to a wish to open, with its body.
    void opened(Ticket ticket);
    /// A line for the bottom of the screen: what was decided, or what went wrong.
    void note(std::string text) { note_ = std::move(text); }

    Wish stroke(const Stroke& stroke);
    /// The screen of `rows` lines, none longer than `columns` cells, joined by line ends.
    std::string frame(size_t rows, size_t columns, uint64_t now_ns, const Surface& surface);

  private:
    Wish letter(std::string_view text);
    const Ticket* selected() const;
    std::vector<Ticket> tickets_;
    std::string selected_; // id
    Ticket open_;          // id empty: the list is shown
    std::string decision_; // the question that stands, or the one that opening will bring
    std::string typed_;    // the reason so far
    std::string note_;
    size_t scrolled_ = 0;
};

/// The keys in `bytes`, as terminals send them.
std::vector<Inbox::Stroke> read_strokes(std::string_view bytes);

/// Until `q` or a signal. Without a terminal: a line, or JSON, for each ticket that comes or changes.
Exit watch(const TicketDesk& desk, bool json);

} // namespace weir::cli
