// tests/live/crowd.h - clients of all manners and an upstream of all manners, on one thread.
//
// Which manner a call has is drawn from a seed. What must come of each is checked where it ends: the status, and the id of
// the answer. The upstream does what the name of the tool says.
#pragma once

#include "base/random.h"
#include "traffic/loop.h"
#include "traffic/messages.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weir::live {

/// What a call is like. The names of the upstream's tools are these.
enum class Manner : uint8_t {
    json,         // answered as JSON
    stream,       // answered by 50 events
    large,        // answered by 256 KiB
    delete_it,    // a policy blocks it by its name
    ask_never,    // a handler blocks it
    ask_docs,     // a handler looks at it
    show_person,  // answered as JSON in which a policy masks
    not_json,     // refused: 400
    elsewhere,    // refused: 404
    no_http,      // refused, and the connection ends
    half_a_head,  // the client leaves in the middle of its head
    half_a_body,  // or of its body
    silent,       // the client leaves before the answer, which would never come (2026-07-28: that calls it off)
    leave_large,  // the client leaves in the middle of 256 KiB
    leave_stream, // or of events that go on and on
    listen,       // GET: the client hears the head of a stream and leaves
    reset_before, // the upstream resets the connection in place of an answer
    reset_within, // or in the middle of one
    end_within,   // or just ends
    reset_stream, // or in the middle of events
    count
};
constexpr size_t manners = static_cast<size_t>(Manner::count);
const char* name_of(Manner manner);

class Crowd {
  public:
    /// Clients of `port`; the upstream listens on `listener`.
    Crowd(uint16_t port, int listener, uint64_t seed);
    ~Crowd();
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    /// `calls` more, each to its end; then every client hangs up. False when nothing has moved for too long.
    bool run(uint64_t calls);
    /// One turn of the upstream while nobody calls, of 20 ms at most.
    void rest();
    /// How often each manner has come, and how often something else came of it than should.
    const std::array<uint64_t, manners>& calls() const { return calls_; }
    const std::array<uint64_t, manners>& wrong() const { return wrong_; }
    /// What was wrong first.
    const std::string& first_wrong() const { return first_wrong_; }
    size_t upstream_connections() const { return upstream_connections_; }

  private:
    class Client;
    class Upstream;
    void ended(Manner manner, bool good, const std::string& what);

    bench::Loop loop_{256, 16 << 10};
    const uint16_t port_;
    Random random_;
    const bench::Answers answers_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::array<uint64_t, manners> calls_{}, wrong_{};
    std::string first_wrong_;
    uint64_t left_ = 0; // calls that have not begun
    size_t busy_ = 0;   // clients with a call or a connection
    size_t upstream_connections_ = 0;
    uint32_t next_id_ = bench::id_first;
};

} // namespace weir::live
