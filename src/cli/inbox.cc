// cli/inbox.cc - the list, the opened ticket, the question; pure.
#include "cli/inbox.h"

#include <fmt/format.h>
#include <algorithm>

namespace weir::cli {
namespace {

size_t rune_size(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return std::min(size, text.size());
}

/// `text` in pieces of at most `columns` cells; what is not ASCII counts as two, since it may be.
std::vector<std::string> wrapped(std::string_view text, size_t columns) {
    std::vector<std::string> lines(1);
    size_t cells = 0;
    while (!text.empty()) {
        const size_t size = rune_size(text);
        const size_t width = size == 1 ? 1 : 2;
        if (text[0] == '\n' || cells + width > columns) {
            lines.emplace_back();
            cells = 0;
        }
        if (text[0] != '\n') {
            lines.back().append(text.substr(0, size));
            cells += width;
        }
        text.remove_prefix(size);
    }
    return lines;
}

std::string clipped(std::string_view text, size_t columns) { return wrapped(text, columns).front(); }

} // namespace

const Ticket* Inbox::selected() const {
    const auto found = std::ranges::find(tickets_, selected_, &Ticket::id);
    return found == tickets_.end() ? nullptr : &*found;
}

void Inbox::waiting(std::vector<Ticket> tickets) {
    const auto before = std::ranges::find(tickets_, selected_, &Ticket::id);
    const size_t index = before == tickets_.end() ? 0 : static_cast<size_t>(before - tickets_.begin());
    tickets_ = std::move(tickets);
    if (selected() == nullptr)
        selected_ = tickets_.empty() ? std::string() : tickets_[std::min(index, tickets_.size() - 1)].id;
    if (!open_.id.empty() && open_.waits() && std::ranges::find(tickets_, open_.id, &Ticket::id) == tickets_.end()) {
        open_.state = "no longer waiting";
        decision_.clear();
        typed_.clear();
    }
}

void Inbox::opened(Ticket ticket) {
    open_ = std::move(ticket);
    scrolled_ = 0;
    if (!open_.waits()) decision_.clear();
}

Inbox::Wish Inbox::letter(std::string_view text) {
    const bool listing = open_.id.empty();
    if (text == "q") return {.kind = Wish::Kind::quit};
    if (text == "a" || text == "d") {
        if (listing && selected() == nullptr) return {};
        if (!listing && !open_.waits()) return {};
        decision_ = text == "a" ? "approve" : "deny";
        typed_.clear();
        if (listing) return {.kind = Wish::Kind::open, .id = selected_};
    }
    return {};
}

Inbox::Wish Inbox::stroke(const Stroke& stroke) {
    const bool listing = open_.id.empty();
    const bool asking = !listing && !decision_.empty();
    if (stroke.key == Key::quit) return {.kind = Wish::Kind::quit};
    note_.clear();
    if (asking) {
        if (stroke.key == Key::enter) {
            Wish wish{Wish::Kind::decide, open_.id, decision_, typed_};
            open_ = {};
            decision_.clear();
            typed_.clear();
            return wish;
        }
        if (stroke.key == Key::escape) decision_.clear();
        if (stroke.key == Key::erase && !typed_.empty()) {
            while (typed_.size() > 1 && (static_cast<unsigned char>(typed_.back()) & 0xc0) == 0x80) typed_.pop_back();
            typed_.pop_back();
        }
        if (stroke.key == Key::other && typed_.size() < 1000) typed_ += stroke.text;
        return {};
    }
    decision_.clear();
    const bool up = stroke.key == Key::up || stroke.text == "k", down = stroke.key == Key::down || stroke.text == "j";
    if (!listing) {
        if (stroke.key == Key::escape || stroke.key == Key::enter) open_ = {};
        else if (up) scrolled_ -= scrolled_ > 0 ? 1 : 0;
        else if (down) ++scrolled_;
        else return letter(stroke.text);
        return {};
    }
    if (const Ticket* at = selected(); at != nullptr && (up || down)) {
        const auto index = static_cast<size_t>(at - tickets_.data());
        selected_ = tickets_[up ? index - (index > 0) : std::min(index + 1, tickets_.size() - 1)].id;
        return {};
    }
    if (stroke.key == Key::enter && selected() != nullptr) return {.kind = Wish::Kind::open, .id = selected_};
    return letter(stroke.text);
}

std::string Inbox::frame(size_t rows, size_t columns, uint64_t now_ns, const Surface& surface) {
    rows = std::max<size_t>(rows, 4);
    columns = std::max<size_t>(columns, 20);
    const size_t room = rows - 2; // for the heading and the last line
    std::string heading, keys;
    std::vector<std::string> lines;
    if (open_.id.empty()) {
        heading = fmt::format("weir approvals: {} waiting", tickets_.size());
        keys = "j/k move  enter open  a approve  d deny  q quit";
        const Surface plain{.terminal = true, .colour = false};
        const std::string text = ticket_table(tickets_, now_ns, true).text(plain);
        for (std::string& line : wrapped(text, SIZE_MAX)) lines.push_back(clipped(line, columns - 2));
        if (lines.back().empty()) lines.pop_back();
        const auto at = std::ranges::find(tickets_, selected_, &Ticket::id);
        const size_t chosen = static_cast<size_t>(at - tickets_.begin()) + 1; // behind the table's heading
        for (size_t i = 0; i < lines.size(); ++i) {
            lines[i] = (i == chosen ? "> " : "  ") + lines[i];
            if (i == 0) lines[i] = toned(surface, Tone::faint, lines[i]);
            else if (i == chosen) lines[i] = toned(surface, Tone::warn, lines[i]);
        }
        if (tickets_.empty()) lines = {"  nothing waits for approval"};
        if (chosen >= room)
            lines.erase(lines.begin() + 1, lines.begin() + 1 + static_cast<std::ptrdiff_t>(chosen - room + 1));
    } else {
        heading = "weir approvals";
        keys = open_.waits() ? "j/k scroll  a approve  d deny  esc back  q quit" : "esc back  q quit";
        lines = wrapped(ticket_page(open_, now_ns, false), columns);
        scrolled_ = std::min(scrolled_, lines.size() > room ? lines.size() - room : 0);
        lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(scrolled_));
        if (lines.size() > room) {
            heading += fmt::format(": {} more lines below", lines.size() - room);
        }
        if (!decision_.empty())
            keys = fmt::format("{} {}? enter: yes, esc: no. Reason: {}", decision_, open_.id, printable(typed_));
    }
    if (lines.size() > room) lines.resize(room);
    std::string out = toned(surface, Tone::faint, clipped(heading, columns)) + "\n";
    for (size_t i = 0; i < room; ++i) out += (i < lines.size() ? lines[i] : std::string()) + "\n";
    // The end of a long question matters more than its beginning: that is where the typing is.
    const std::string last = decision_.empty() && !note_.empty() ? printable(note_) : keys;
    const auto pieces = wrapped(last, columns);
    return out + toned(surface,
                       decision_ == "approve" ? Tone::good
                       : decision_ == "deny"  ? Tone::bad
                                              : Tone::faint,
                       decision_.empty() ? pieces.front() : pieces.back());
}

std::vector<Inbox::Stroke> read_strokes(std::string_view bytes) {
    std::vector<Inbox::Stroke> strokes;
    while (!bytes.empty()) {
        size_t size = 1;
        Inbox::Stroke stroke;
        if (bytes.starts_with("\x1b[") || bytes.starts_with("\x1bO")) {
            size = 2;
            while (size < bytes.size() && (bytes[size] < '@' || bytes[size] > '~')) ++size;
            const char last = size < bytes.size() ? bytes[size++] : '\0';
            stroke.key = last == 'A' ? Inbox::Key::up : Inbox::Key::down;
            if (last != 'A' && last != 'B') {
                bytes.remove_prefix(size);
                continue;
            }
        } else if (bytes[0] == '\x1b') {
            stroke.key = Inbox::Key::escape;
        } else if (bytes[0] == '\r' || bytes[0] == '\n') {
            stroke.key = Inbox::Key::enter;
        } else if (bytes[0] == '\x7f' || bytes[0] == '\b') {
            stroke.key = Inbox::Key::erase;
        } else if (bytes[0] == '\x03' || bytes[0] == '\x04') {
            stroke.key = Inbox::Key::quit;
        } else if (static_cast<unsigned char>(bytes[0]) >= 0x20) {
            size = rune_size(bytes);
            stroke.text = bytes.substr(0, size);
        } else {
            bytes.remove_prefix(1);
            continue;
        }
        strokes.push_back(std::move(stroke));
        bytes.remove_prefix(size);
    }
    return strokes;
}

} // namespace weir::cli
