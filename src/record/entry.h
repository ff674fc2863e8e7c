// record/entry.h - what weir writes into its record, typed, and the payload that each entry becomes.
//
// An entry is a bundle of views that lives for the call of Writer::append alone; its payload is written straight into
// the segment's buffer, in deterministic CBOR (RFC 8949, section 4.2.1): one map, keys of record/kinds.h ascending,
// zero, empty and false left out. No credential and no token may be put into an entry; bodies are given after masking.
// Pure: no allocation.
#pragma once

#include "record/chain.h"
#include "record/kinds.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir::record {

/// A session of the record: one principal at one server through one client, 30 minutes idle at most.
struct SessionOpened {
    static constexpr Kind kind = Kind::session_opened;
    std::string_view principal{}, client{}, server{};
    std::string_view revision{};                         // of MCP
    std::string_view mcp_session{};                      // a digest of the MCP session's id; empty: none
    std::string_view session_key{};                      // names the session over all streams
    std::string_view person{};                           // the principal, for people
    std::string_view issuer{}, subject{}, application{}; // what the principal's key stands for; empty: anonymous
};

struct SessionClosed {
    static constexpr Kind kind = Kind::session_closed;
    uint64_t session = 0;      // seq of its session_opened in this stream
    std::string_view reason{}; // idle, drain, evicted
    uint64_t calls = 0;
    std::string_view session_key{};
};

struct Asked {
    static constexpr Kind kind = Kind::asked;
    uint64_t session = 0;
    std::string_view principal{}, client{}, server{}, method{}, name{};
    std::string_view body{};  // as received, or as re-serialised when a policy looked into it
    std::string_view trace{}; // traceparent
    uint64_t wire_bytes = 0;  // of the request's body
    std::string_view revision{};
    std::string_view mcp_session{};
    std::string_view request_id{}; // JSON text
    std::string_view session_key{};
    std::string_view address{}; // of the client
};

/// What policies decided: Allowed, Blocked and Held have the same content.
struct Decided {
    std::span<const std::string_view> policies{}; // those that decided
    int64_t code = 0;                             // of JSON-RPC, as the client is told
    std::string_view text{};
    uint64_t generation = 0;
    uint64_t status = 0;       // of HTTP
    std::string_view reason{}; // a stable word: policy, default, error, approved, or a name of base/result.h
    std::string_view ticket{}; // of what waits for people, or was let pass by them
};
struct Held : Decided {
    static constexpr Kind kind = Kind::held;
};
struct Allowed : Decided {
    static constexpr Kind kind = Kind::allowed;
};
struct Blocked : Decided {
    static constexpr Kind kind = Kind::blocked;
};

/// What one field of a mask took out of the message whose entry follows. Never a value.
struct Masked {
    static constexpr Kind kind = Kind::masked;
    std::string_view policy{}; // whose mask it is
    std::string_view path{};
    uint64_t count = 0;  // values that the path led to
    uint64_t copies = 0; // of them, in other places of the message
    uint64_t generation = 0;
};

/// One turn in the life of a ticket, in the stream `control`: what it is about, and who did what.
struct TicketTurn {
    std::string_view principal{};
    std::string_view client{};
    std::string_view server{};
    std::string_view method{};
    std::string_view name{};
    std::string_view body{};                      // held: what will run
    std::span<const std::string_view> policies{}; // that ask
    std::string_view text{};                      // why
    uint64_t generation = 0;
    uint64_t version = 0;      // of the ticket's row after this turn
    std::string_view sha256{}; // of what is to be approved, 32 bytes
    std::string_view by{};     // who, and through what
    std::string_view session_key{};
    std::string_view ticket{};
    std::string_view by_issuer{}, by_subject{}, by_person{}; // who, when a token says so
};
/// held, approved, denied, expired, withdrawn, executing, answered, ambiguous or not_entitled.
template <Kind turn> struct TicketEntry : TicketTurn {
    static constexpr Kind kind = turn;
};

struct Forwarded {
    static constexpr Kind kind = Kind::forwarded;
    std::string_view server{};
    std::string_view body{}; // only when it is not the one that was asked
    uint64_t wire_bytes = 0;
};

struct Answered {
    static constexpr Kind kind = Kind::answered;
    std::string_view body{};
    uint64_t status = 0;
    uint64_t latency_ns = 0; // since the request was understood
    uint64_t wire_bytes = 0;
    int64_t code = 0; // of a JSON-RPC error
    bool is_error = false;
    std::string_view mcp_session{};
};

struct StreamEvent {
    static constexpr Kind kind = Kind::stream_event;
    std::string_view body{}; // the event's data
    std::string_view event_id{}, event_type{};
    std::string_view method{}; // of the message in it, if it is a request or a notification
};

struct Ambiguous {
    static constexpr Kind kind = Kind::ambiguous;
    std::string_view reason{}; // a name of base/result.h
    uint64_t latency_ns = 0;
    std::string_view text{};
};

struct ConfigLoaded {
    static constexpr Kind kind = Kind::config;
    uint64_t generation = 0;
    std::string_view sha256{}; // of the configuration's text and the policies'
    std::string_view by{};
    std::string_view text{};
};

/// What the writer itself says.
struct Gap {
    static constexpr Kind kind = Kind::gap;
    std::string_view reason{}; // torn_end, segment_died, unavailable
    uint64_t count = 0;        // entries refused meanwhile
    uint64_t first_seq = 0;    // torn_end: the first that is not there any more
    uint64_t segment = 0;
    uint64_t bytes = 0; // cut
    uint64_t os_error = 0;
    uint64_t since_ns = 0;
};
struct Seal {
    static constexpr Kind kind = Kind::seal;
    uint64_t count = 0; // entries of the segment, this one and its mark included
    uint64_t first_seq = 0, last_seq = 0;
};
struct Fill {
    static constexpr Kind kind = Kind::fill;
    std::string_view body{}; // zeros
};
struct Pruned {
    static constexpr Kind kind = Kind::pruned;
    uint64_t segment = 0, first_seq = 0, last_seq = 0, bytes = 0;
    std::string_view chain{};  // before the first batch that is left
    std::string_view stream{}; // that it was of; empty: of this one
};

/// How much of a body is kept; what is over goes in by SHA-256 and size.
struct EntryLimits {
    uint32_t body_bytes_max = 1 << 20;
};

/// The most bytes that the payload of `entry` can take.
size_t payload_bound(const SessionOpened& entry, const EntryLimits& limits);
size_t payload_bound(const SessionClosed& entry, const EntryLimits& limits);
size_t payload_bound(const Asked& entry, const EntryLimits& limits);
size_t payload_bound(const Decided& entry, const EntryLimits& limits);
size_t payload_bound(const Masked& entry, const EntryLimits& limits);
size_t payload_bound(const TicketTurn& entry, const EntryLimits& limits);
size_t payload_bound(const Forwarded& entry, const EntryLimits& limits);
size_t payload_bound(const Answered& entry, const EntryLimits& limits);
size_t payload_bound(const StreamEvent& entry, const EntryLimits& limits);
size_t payload_bound(const Ambiguous& entry, const EntryLimits& limits);
size_t payload_bound(const ConfigLoaded& entry, const EntryLimits& limits);
size_t payload_bound(const Gap& entry, const EntryLimits& limits);
size_t payload_bound(const Seal& entry, const EntryLimits& limits);
size_t payload_bound(const Fill& entry, const EntryLimits& limits);
size_t payload_bound(const Pruned& entry, const EntryLimits& limits);

/// Writes the payload of `entry` at `out`, which has payload_bound bytes; returns where it ends.
char* write_payload(char* out, const SessionOpened& entry, const EntryLimits& limits);
char* write_payload(char* out, const SessionClosed& entry, const EntryLimits& limits);
char* write_payload(char* out, const Asked& entry, const EntryLimits& limits);
char* write_payload(char* out, const Decided& entry, const EntryLimits& limits);
char* write_payload(char* out, const Masked& entry, const EntryLimits& limits);
char* write_payload(char* out, const TicketTurn& entry, const EntryLimits& limits);
char* write_payload(char* out, const Forwarded& entry, const EntryLimits& limits);
char* write_payload(char* out, const Answered& entry, const EntryLimits& limits);
char* write_payload(char* out, const StreamEvent& entry, const EntryLimits& limits);
char* write_payload(char* out, const Ambiguous& entry, const EntryLimits& limits);
char* write_payload(char* out, const ConfigLoaded& entry, const EntryLimits& limits);
char* write_payload(char* out, const Gap& entry, const EntryLimits& limits);
char* write_payload(char* out, const Seal& entry, const EntryLimits& limits);
char* write_payload(char* out, const Fill& entry, const EntryLimits& limits);
char* write_payload(char* out, const Pruned& entry, const EntryLimits& limits);

} // namespace weir::record
