// cli/sessions.cc - reading the record for `weir sessions`, and what each of its commands prints.
#include "cli/sessions.h"

#include "base/clock.h"
#include "cli/config_option.h"
#include "cli/entry_text.h"
#include "cli/output.h"
#include "record/index.h"

#include <fmt/format.h>
#include <poll.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace weir::cli {
namespace {

using record::Entry;
using record::Fields;
using record::Kind;

constexpr int follow_ms = 100;
constexpr uint64_t tail_ns = 600'000'000'000; // how far back tail looks for its first lines

/// The record of one command: gives entry after entry, and tells damage as it comes along.
class Log {
  public:
    explicit Log(bool quiet = false) : quiet_(quiet) {}
    bool open(const std::string& segments, uint64_t since_ns) {
        auto reader = record::Reader::open(segments, {.since_ns = since_ns});
        if (!reader && reader.error() == Error::not_found) {
            complain(
                printable(fmt::format("{}: there is no record here; has weir run with this configuration?", segments)));
            exit_ = Exit::not_found;
        } else if (!reader) {
            complain(printable(fmt::format("{}: {}", segments, std::strerror(errno))));
            exit_ = Exit::failed;
        } else {
            reader_ = std::move(*reader);
        }
        return reader_.has_value();
    }
    /// Calls `each(entry, fields, number of the session or none)` with all there is now.
    template <class F> void read(F&& each) {
        for (;;) {
            const auto entry = reader_->next();
            if (!entry && entry.error() == Error::not_found) return;
            if (!entry) {
                exit_ = Exit::failed;
                if (!quiet_) complain(printable(reader_->damage()));
                if (entry.error() == Error::io_failed) return;
                continue;
            }
            if (record::serves_format(entry->frame.kind)) continue;
            const auto fields = record::read_fields(entry->frame.payload);
            if (!fields) {
                exit_ = Exit::failed;
                if (!quiet_)
                    complain(fmt::format("worker {}, seq {}: an entry that cannot be read", entry->worker,
                                         entry->frame.seq));
                continue;
            }
            each(*entry, *fields, index_.add(*entry, *fields));
        }
    }
    const record::SessionIndex& index() const { return index_; }
    std::string_view id_of(size_t session) const {
        return session == record::SessionIndex::none ? std::string_view()
                                                     : std::string_view(index_.sessions()[session].id);
    }
    Exit exit() const { return exit_; }

  private:
    std::optional<record::Reader> reader_;
    record::SessionIndex index_;
    Exit exit_ = Exit::ok;
    bool quiet_; // what there is to complain about was said before
};

bool is_open(const record::SessionLine& line, uint64_t now_ns) {
    return line.pieces_open != 0 && now_ns < line.last_ns + record::session_silence_ns_max;
}

void write_session(json::Text& out, const record::SessionLine& line, uint64_t now_ns) {
    const auto count = [&](std::string_view name, uint64_t value) {
        out.name(name).number(static_cast<int64_t>(value));
    };
    out.begin_object()
        .name("id")
        .string(line.id)
        .name("principal")
        .string(as_utf8(line.principal))
        .name("person")
        .string(as_utf8(line.person));
    out.name("client").string(as_utf8(line.client)).name("server").string(as_utf8(line.server));
    out.name("revision").string(as_utf8(line.revision));
    out.name("started").string(utc_time(line.first_ns)).name("last").string(utc_time(line.last_ns));
    out.name("open").boolean(is_open(line, now_ns));
    count("asked", line.asked);
    count("allowed", line.allowed);
    count("blocked", line.blocked);
    count("answered", line.answered);
    count("errors", line.errors);
    count("ambiguous", line.ambiguous);
    count("events", line.events);
    out.end_object();
}

/// The session that `name` names; nothing, and why was told, when it is not exactly one.
std::optional<size_t> choose(const record::SessionIndex& index, const std::string& name, Exit& exit) {
    const std::vector<size_t> found = index.find(name);
    if (found.size() == 1) return found[0];
    if (found.empty()) {
        complain(index.sessions().empty()
                     ? "the record holds no session yet"
                     : printable(fmt::format("no session \"{}\"; `weir sessions list` shows them", name)));
        exit = Exit::not_found;
        return std::nullopt;
    }
    std::string ids;
    for (size_t i = 0; i < found.size() && i < 5; ++i) ids += " " + index.sessions()[found[i]].id;
    complain(printable(
        fmt::format("{} sessions begin with \"{}\":{}{}", found.size(), name, ids, found.size() > 5 ? " ..." : "")));
    exit = Exit::usage;
    return std::nullopt;
}

/// One entry as a line: aligned for a person, tab-separated whole values for a pipe.
std::string line_of(const Entry& entry, const Fields& fields, std::string_view session,
                    const SessionsOptions& options) {
    const record::Frame& frame = entry.frame;
    const Surface& surface = out_surface();
    const std::string kind(record::name_of(frame.kind));
    std::string out;
    if (!surface.terminal) {
        const std::string worker = entry.worker == record::control_stream ? "control" : std::to_string(entry.worker);
        out = fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", utc_time(frame.time_ns), session, worker, frame.seq,
                          frame.exchange, kind, detail(frame, fields));
    } else {
        const bool tailing = options.follow && !session.empty();
        out = toned(surface, Tone::faint, clock_time(frame.time_ns, options.utc)) + "  ";
        if (tailing) out += fmt::format("{:<17}", session);
        out += frame.exchange != 0 ? fmt::format("{:>5}  ", fmt::format("#{}", frame.exchange)) : "       ";
        out += toned(surface, tone_of(frame.kind), fmt::format("{:<14}", kind)) + "  " + detail(frame, fields) + "\n";
    }
    if (options.bodies && fields.has(record::Field::body)) {
        std::string body = printable(as_utf8(fields.text(record::Field::body)), true);
        for (size_t at = 0; (at = body.find('\n', at)) != std::string::npos; at += 5) body.insert(at + 1, "    ");
        out += "    " + body + "\n";
        if (fields.has(record::Field::body_bytes)) {
            out += fmt::format("    (of {}; the rest is kept as a digest)\n",
                               size(fields.number(record::Field::body_bytes)));
        }
    }
    return out;
}

} // namespace

Exit sessions_list(const SessionsOptions& options) {
    Log log;
    if (!log.open(options.segments, 0)) return log.exit();
    log.read([](const Entry&, const Fields&, size_t) {});
    const auto& sessions = log.index().sessions();
    const uint64_t now_ns = unix_now_ns();
    const size_t left_out = options.limit != 0 && sessions.size() > options.limit ? sessions.size() - options.limit : 0;
    if (options.json) {
        json::Text out;
        out.begin_object().name("sessions").begin_array();
        for (size_t i = left_out; i < sessions.size(); ++i) write_session(out, sessions[i], now_ns);
        out.end_array().name("left_out").number(static_cast<int64_t>(left_out)).end_object();
        print(out.text() + "\n");
        return log.exit();
    }
    if (sessions.empty()) say("the record holds no session yet");
    const bool terminal = out_surface().terminal;
    const auto time = [&](uint64_t ns) { return terminal ? ago(ns, now_ns) : utc_time(ns); };
    Table table({"session", "started", "last", "principal", "client", "server", "asked", "blocked", "errors"});
    for (size_t i = left_out; i < sessions.size(); ++i) {
        const record::SessionLine& line = sessions[i];
        table.row({{line.id, is_open(line, now_ns) ? Tone::good : Tone::plain},
                   {time(line.first_ns), Tone::faint},
                   {time(line.last_ns), Tone::faint},
                   {line.person.empty() ? line.principal : line.person},
                   {line.client},
                   {line.server},
                   {std::to_string(line.asked)},
                   {std::to_string(line.blocked), line.blocked != 0 ? Tone::bad : Tone::faint},
                   {std::to_string(line.errors), line.errors != 0 ? Tone::warn : Tone::faint}});
    }
    if (!sessions.empty()) print(table.text(out_surface()));
    if (left_out != 0) say(fmt::format("{} older sessions are left out; --limit 0 shows all", left_out));
    return log.exit();
}

Exit sessions_show(const SessionsOptions& options) {
    Log all;
    if (!all.open(options.segments, 0)) return all.exit();
    all.read([](const Entry&, const Fields&, size_t) {});
    Exit exit = all.exit();
    const auto chosen = choose(all.index(), options.session, exit);
    if (!chosen) return exit;
    const record::SessionLine& line = all.index().sessions()[*chosen];
    const uint64_t now_ns = unix_now_ns();

    // Once more, for the entries: the same order makes the same numbers. What came since is left for the next time.
    Log again(true);
    if (!again.open(options.segments, 0)) return again.exit();
    json::Text out;
    if (options.json) {
        out.begin_object().name("session");
        write_session(out, line, now_ns);
        out.name("entries").begin_array();
    } else if (out_surface().terminal) {
        print(fmt::format("{}  {}{}{}, {}\n", line.id,
                          printable(as_utf8(line.person.empty() ? line.principal : line.person)),
                          line.client.empty() ? "" : " through " + printable(as_utf8(line.client)),
                          " at " + printable(as_utf8(line.server)),
                          options.utc ? utc_time(line.first_ns) : ago(line.first_ns, now_ns)));
        print(fmt::format("{} asked, {} allowed, {} blocked, {} answered, {} with an error\n\n", line.asked,
                          line.allowed, line.blocked, line.answered, line.errors));
    }
    SessionsOptions shown = options;
    shown.follow = false;
    std::string lines;
    again.read([&](const Entry& entry, const Fields& fields, size_t session) {
        if (session == record::SessionIndex::none || again.index().sessions()[session].id != line.id) return;
        if (options.json) return write_entry(out, entry, fields, {}, options.bodies);
        lines += line_of(entry, fields, line.id, shown);
        if (lines.size() > 64 << 10) print(std::exchange(lines, {}));
    });
    if (options.json) lines = out.end_array().end_object().text() + "\n";
    print(lines);
    return exit;
}

Exit sessions_tail(const SessionsOptions& options) {
    Log log;
    const uint64_t now_ns = unix_now_ns();
    if (!log.open(options.segments, now_ns > tail_ns ? now_ns - tail_ns : 0)) return log.exit();
    const bool last = options.session == "last";
    std::string wanted = options.session.empty() || options.session.starts_with("se_") || last
                             ? options.session
                             : "se_" + options.session;
    const auto show = [&](const Entry& entry, const Fields& fields, size_t session) -> std::string {
        const std::string_view id = log.id_of(session);
        if (!wanted.empty() && wanted != "last" && !id.starts_with(wanted)) return {};
        if (!options.json) return line_of(entry, fields, id, options);
        json::Text out;
        write_entry(out, entry, fields, id, options.bodies);
        return out.text() + "\n";
    };
    std::deque<std::pair<size_t, std::string>> past;
    log.read([&](const Entry& entry, const Fields& fields, size_t session) {
        std::string line = show(entry, fields, session);
        if (line.empty()) return;
        past.emplace_back(session, std::move(line));
        if (past.size() > options.lines && !last) past.pop_front();
    });
    if (!wanted.empty()) { // There must be such a session, if not among those that said something lately.
        Log all(true);
        const bool lately = !log.index().find(wanted).empty();
        if (!lately && all.open(options.segments, 0)) all.read([](const Entry&, const Fields&, size_t) {});
        const record::SessionIndex& index = lately ? log.index() : all.index();
        if (last || index.find(wanted).empty()) {
            Exit exit = log.exit();
            const auto chosen = choose(index, options.session, exit);
            if (!chosen) return exit;
            wanted = index.sessions()[*chosen].id;
            std::erase_if(past, [&](const auto& line) { return log.id_of(line.first) != wanted; });
            while (past.size() > options.lines) past.pop_front();
        }
    }
    for (const auto& [session, line] : past) print(line);
    while (options.follow && output_problem().empty()) {
        log.read(
            [&](const Entry& entry, const Fields& fields, size_t session) { print(show(entry, fields, session)); });
        ::poll(nullptr, 0, follow_ms);
    }
    return log.exit();
}

void add_sessions(CLI::App& app, Exit& exit) {
    const auto whole_number = [](const std::string& text) {
        const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
        return digits ? std::string() : text + " is no number from 0 on";
    };
    CLI::App* sessions = app.add_subcommand("sessions", "Look at what happened: the record");
    sessions->require_subcommand(1);
    struct Chosen {
        SessionsOptions options;
        std::string file;
    };
    const auto add = [&](const char* name, const char* text, Exit (*run)(const SessionsOptions&)) {
        CLI::App* command = sessions->add_subcommand(name, text);
        auto chosen = std::make_shared<Chosen>();
        add_config_option(*command, chosen->file);
        command->add_flag("--utc", chosen->options.utc, "times in UTC");
        command->callback([chosen, run, &exit] {
            const auto config = load_or_complain(chosen->file);
            if (!config) {
                exit = Exit::invalid_config;
                return;
            }
            chosen->options.segments = config->state_dir + "/segments";
            exit = run(chosen->options);
        });
        return std::pair(command, chosen);
    };
    {
        const auto [command, chosen] = add("list", "List the sessions, the newest last", sessions_list);
        command->add_flag("--json", chosen->options.json, "one JSON document");
        command->add_option("--limit", chosen->options.limit, "at most so many; 0: all")
            ->check(whole_number)
            ->capture_default_str();
    }
    {
        const auto [command, chosen] = add("show", "Show every entry of one session", sessions_show);
        command->add_option("session", chosen->options.session, "its id, the beginning of it, or `last`")
            ->type_name("ID")
            ->required();
        command->add_flag("--json", chosen->options.json, "one JSON document");
        command->add_flag("--bodies", chosen->options.bodies, "requests and answers as well");
    }
    {
        const auto [command, chosen] = add("tail", "Show the last entries, and those that come", sessions_tail);
        command->add_option("session", chosen->options.session, "of one session only")->type_name("ID");
        command->add_flag("--json,--ndjson", chosen->options.json, "one JSON object a line");
        command->add_flag("--bodies", chosen->options.bodies, "requests and answers as well");
        command->add_option("--lines", chosen->options.lines, "of the past")
            ->check(whole_number)
            ->capture_default_str();
        command->add_flag("!--no-follow", chosen->options.follow, "end after the past");
    }
}

} // namespace weir::cli
