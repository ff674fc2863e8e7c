// record/index.cc - entries to sessions.
#include "record/index.h"

#include <fmt/core.h>
#include <algorithm>

namespace weir::record {

// The session under `key` that goes on at `time_ns`, or a new one.
size_t SessionIndex::session_for(std::string_view key, uint64_t time_ns) {
    auto known = by_key_.find(key);
    if (known != by_key_.end()) {
        const SessionLine& latest = sessions_[known->second.first];
        if (time_ns < latest.last_ns + session_silence_ns_max) return known->second.first;
    }
    const size_t number = sessions_.size();
    if (known == by_key_.end()) known = by_key_.emplace(std::string(key), std::pair(number, 0U)).first;
    known->second.first = number;
    const unsigned nth = ++known->second.second;
    SessionLine line;
    line.id = fmt::format("se_{}", key.substr(0, 12));
    if (nth > 1) line.id += fmt::format("-{}", nth);
    line.key = key;
    line.first_ns = line.last_ns = time_ns;
    sessions_.push_back(std::move(line));
    return number;
}

size_t SessionIndex::of_asked(const Entry& entry, const Fields& fields) {
    std::string key(fields.text(Field::session_key));
    if (key.empty()) { // Then what names it must do.
        key = fmt::format("{}/{}/{}", fields.text(Field::principal), fields.text(Field::client),
                          fields.text(Field::server));
    }
    const size_t number = session_for(key, entry.frame.time_ns);
    SessionLine& line = sessions_[number];
    const auto fill = [&](std::string& into, Field field) {
        if (into.empty()) into = fields.text(field);
    };
    fill(line.principal, Field::principal);
    fill(line.person, Field::person);
    fill(line.client, Field::client);
    fill(line.server, Field::server);
    fill(line.revision, Field::revision);
    return number;
}

// A session ends by silence: its last moment stays that of its last call.
size_t SessionIndex::close(const Entry& entry, const Fields& fields) {
    const auto opened = by_opened_.find(Ref(entry.worker, fields.number(Field::session)));
    if (opened == by_opened_.end()) return none;
    const size_t number = opened->second;
    by_opened_.erase(opened);
    if (sessions_[number].pieces_open != 0) --sessions_[number].pieces_open;
    return number;
}

size_t SessionIndex::of_ticket(const Entry& entry, const Fields& fields) {
    const std::string_view ticket = fields.text(Field::ticket);
    if (const auto known = by_ticket_.find(ticket); known != by_ticket_.end()) return known->second;
    const std::string_view key = fields.text(Field::session_key);
    if (ticket.empty() || key.empty()) return none;
    const auto asked = by_key_.find(key);
    const size_t number = asked == by_key_.end() ? of_asked(entry, fields) : asked->second.first;
    return by_ticket_.emplace(std::string(ticket), number).first->second;
}

size_t SessionIndex::add(const Entry& entry, const Fields& fields) {
    const Frame& frame = entry.frame;
    if (entry.worker == control_stream) return of_ticket(entry, fields);
    const Ref exchange(entry.worker, frame.exchange);
    if (frame.kind == Kind::session_closed) return close(entry, fields);
    size_t number = none;
    if (frame.kind == Kind::session_opened) {
        number = of_asked(entry, fields);
        by_opened_[Ref(entry.worker, frame.seq)] = number;
        ++sessions_[number].pieces_open;
    } else if (frame.kind == Kind::asked) {
        number = of_asked(entry, fields);
        by_exchange_[exchange] = number;
    } else {
        const auto asked = frame.exchange == 0 ? by_exchange_.end() : by_exchange_.find(exchange);
        if (asked == by_exchange_.end()) return none;
        number = asked->second;
    }
    SessionLine& line = sessions_[number];
    line.last_ns = std::max(line.last_ns, frame.time_ns);
    if (frame.kind == Kind::asked) ++line.asked;
    else if (frame.kind == Kind::allowed) ++line.allowed;
    else if (frame.kind == Kind::blocked) ++line.blocked;
    else if (frame.kind == Kind::stream_event) ++line.events;
    else if (frame.kind == Kind::ambiguous) ++line.ambiguous;
    else if (frame.kind == Kind::answered) {
        ++line.answered;
        if (fields.flag(Field::is_error)) ++line.errors;
    }
    // Nothing follows an answer.
    if (frame.kind == Kind::answered || frame.kind == Kind::ambiguous) by_exchange_.erase(exchange);
    return number;
}

std::vector<size_t> SessionIndex::find(std::string_view id) const {
    std::vector<size_t> found;
    if (sessions_.empty()) return found;
    if (id == "last") return {sessions_.size() - 1}; // as they are listed
    const std::string whole = id.starts_with("se_") ? std::string(id) : "se_" + std::string(id);
    for (size_t i = 0; i < sessions_.size(); ++i) {
        if (sessions_[i].id == whole) return {i};
        if (sessions_[i].id.starts_with(whole) && whole != "se_") found.push_back(i);
    }
    return found;
}

} // namespace weir::record
