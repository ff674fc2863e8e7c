// cli/watch.cc - the loop of `weir approvals watch`: a terminal in raw mode, or lines for a pipe.
#include "cli/inbox.h"

#include "base/clock.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace weir::cli {
namespace {

constexpr int poll_ms = 1000;

/// The terminal, raw and on its other screen for as long as this lives; signals arrive on `signals`.
class Screen {
  public:
    Screen() {
        sigset_t set;
        sigemptyset(&set);
        for (const int each : {SIGTERM, SIGINT, SIGHUP, SIGWINCH}) sigaddset(&set, each);
        pthread_sigmask(SIG_BLOCK, &set, &mask_);
        signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        tcgetattr(STDIN_FILENO, &before_);
        termios raw = before_;
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
        print("\x1b[?1049h\x1b[?25l");
    }
    ~Screen() {
        print("\x1b[?25h\x1b[?1049l");
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        ::close(signals);
        pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    void draw(Inbox& inbox) {
        winsize size{};
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) size = {24, 80, 0, 0};
        const std::string frame = inbox.frame(size.ws_row, size.ws_col, unix_now_ns(), out_surface());
        std::string out = "\x1b[H";
        for (const char octet : frame) out += octet == '\n' ? "\x1b[K\r\n" : std::string(1, octet);
        out += "\x1b[K\x1b[J";
        if (out != shown_) print(out);
        shown_ = std::move(out);
    }
    void forget() { shown_.clear(); }

    int signals = -1;

  private:
    sigset_t mask_{};
    termios before_{};
    std::string shown_;
};

void fulfil(const TicketDesk& desk, Inbox& inbox, const Inbox::Wish& wish) {
    if (wish.kind == Inbox::Wish::Kind::open) {
        if (auto ticket = desk.one(wish.id)) inbox.opened(std::move(*ticket));
        else inbox.note(ticket.error().why);
    } else if (wish.kind == Inbox::Wish::Kind::decide) {
        const auto ticket = desk.decide(wish.id, wish.decision, wish.note);
        inbox.note(ticket ? ticket->id + " " + ticket->state : ticket.error().why);
    }
}

Exit watch_on_terminal(const TicketDesk& desk, std::vector<Ticket> first) {
    Inbox inbox;
    inbox.waiting(std::move(first));
    Screen screen;
    for (;;) {
        screen.draw(inbox);
        std::array<pollfd, 2> both{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{screen.signals, POLLIN, 0}};
        const int ready = ::poll(both.data(), both.size(), poll_ms);
        if (ready > 0 && both[1].revents != 0) {
            signalfd_siginfo signal{};
            if (::read(screen.signals, &signal, sizeof signal) == sizeof signal && signal.ssi_signo != SIGWINCH)
                return Exit::interrupted;
            screen.forget();
        }
        if (ready > 0 && both[0].revents != 0) {
            std::array<char, 256> bytes;
            const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
            if (got <= 0) return Exit::ok;
            for (const Inbox::Stroke& stroke : read_strokes({bytes.data(), static_cast<size_t>(got)})) {
                const Inbox::Wish wish = inbox.stroke(stroke);
                if (wish.kind == Inbox::Wish::Kind::quit)
                    return stroke.key == Inbox::Key::quit ? Exit::interrupted : Exit::ok;
                if (wish.kind == Inbox::Wish::Kind::none) continue;
                fulfil(desk, inbox, wish);
                tcflush(STDIN_FILENO, TCIFLUSH); // What was typed blindly is no answer to what is shown now.
                break;
            }
        }
        if (auto list = desk.list({})) inbox.waiting(std::move(list->tickets)); // the oldest: these are decided first
        else inbox.note(list.error().why);
    }
}

/// Lines until somebody ends it. A weir that is away is waited for.
Exit watch_in_pipe(const TicketDesk& desk, std::vector<Ticket> first, bool json) {
    std::set<std::string> known;
    const auto tell = [&](const Ticket& ticket) {
        print(json ? ticket.json + "\n" : ticket_line(ticket, unix_now_ns()));
    };
    bool away = false;
    std::optional<std::vector<Ticket>> now = std::move(first);
    for (;;) {
        if (now) {
            std::set<std::string_view> standing;
            for (const Ticket& each : *now) {
                standing.insert(each.id);
                if (known.insert(each.id).second) tell(each);
            }
            std::erase_if(known, [&](const std::string& id) {
                if (standing.contains(id)) return false;
                const auto ticket = desk.one(id);
                if (ticket) tell(*ticket);
                return ticket.has_value() || ticket.error().exit == Exit::not_found;
            });
        }
        ::poll(nullptr, 0, poll_ms);
        now.reset();
        auto list = desk.all({});
        if (list) now = std::move(*list);
        else if (!away) complain(printable(list.error().why));
        away = !list;
    }
}

} // namespace

Exit watch(const TicketDesk& desk, bool json) {
    const bool terminal = !json && out_surface().terminal && isatty(STDIN_FILENO) == 1;
    std::expected<std::vector<Ticket>, Refusal> first;
    if (terminal) {
        auto page = desk.list({});
        if (page) first = std::move(page->tickets);
        else first = std::unexpected(page.error());
    } else {
        first = desk.all({});
    }
    if (!first) {
        complain(printable(first.error().why));
        return first.error().exit;
    }
    return terminal ? watch_on_terminal(desk, std::move(*first)) : watch_in_pipe(desk, std::move(*first), json);
}

} // namespace weir::cli
