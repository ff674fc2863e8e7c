// record/kinds.h - the one table of what an entry can be, and the one table of what it can say.
//
// Both only grow: a number that was ever written keeps its meaning for ever, because old segments must stay readable.
// A kind's number stands in the frame's head; a field's number is its key in the payload, one map in deterministic CBOR
// (RFC 8949, section 4.2.1). An absent field is zero, empty or false. What each kind carries: docs/segment.md.
#pragma once

#include <cstdint>
#include <string_view>

// number, name, what happened
#define WEIR_KINDS(row) \
    row(1, session_opened, "a principal began to use a server through a client") \
    row(2, asked, "a request arrived and was understood") \
    row(3, allowed, "policies let it pass") \
    row(4, blocked, "it was refused, and the client was told so") \
    row(5, held, "it waits for a person") \
    row(6, masked, "values were hidden in it") \
    row(7, approved, "a person approved it") \
    row(8, denied, "a person denied it") \
    row(9, expired, "nobody decided in time") \
    row(10, withdrawn, "the asking side took it back") \
    row(11, executing, "an approval is being used up") \
    row(12, forwarded, "it goes to the server") \
    row(13, answered, "the answer, as it went to the client") \
    row(14, stream_event, "one event of an event stream") \
    row(15, session_closed, "a session of the record ended") \
    row(16, ambiguous, "it was forwarded, and whether it was done is not known") \
    row(17, catalogue, "definitions of tools as received") \
    row(18, config, "a configuration came into force") \
    row(19, read, "somebody read the record") \
    row(20, gap, "the record could not be written for a while, or a torn end was cut") \
    row(21, mark, "the end of a batch, with the chain's value") \
    row(22, checkpoint, "the signed state of the log") \
    row(23, seal, "the end of a segment") \
    row(24, pruned, "an old segment was removed to keep within retain_bytes and retain_days") \
    row(25, not_entitled, "somebody decided about it who may not; nothing was done") \
    row(26, fill, "nothing: what follows begins a block of the file")

// key, name, type: number, text, bytes, flag, texts (a list)
#define WEIR_FIELDS(row) \
    row(0, session, number)         /* seq of the session_opened entry in this stream */ \
    row(1, principal, text) \
    row(2, client, text)            /* name and version, as the client says */ \
    row(3, server, text) \
    row(4, method, text)            /* of JSON-RPC */ \
    row(5, name, text)              /* the tool, prompt or resource */ \
    row(6, body, bytes)             /* its first body_bytes_max bytes */ \
    row(7, body_bytes, number)      /* the size of the whole, when `body` is not the whole */ \
    row(8, rest_sha256, bytes)      /* of the bytes behind `body` */ \
    row(9, trace, text)             /* W3C traceparent */ \
    row(10, policies, texts)        /* those that decided, by name */ \
    row(11, code, number)           /* of JSON-RPC, may be negative */ \
    row(12, text, text)             /* what the client, or a reader of the record, is told */ \
    row(13, generation, number)     /* of configuration and policies */ \
    row(14, status, number)         /* of HTTP */ \
    row(15, latency_ns, number) \
    row(16, wire_bytes, number)     /* octets of the body as relayed */ \
    row(17, is_error, flag)         /* a JSON-RPC error, or a result with isError */ \
    row(18, revision, text)         /* of MCP */ \
    row(19, mcp_session, text)      /* a digest of the MCP session's id, never the id */ \
    row(20, request_id, text)       /* of JSON-RPC, as JSON text */ \
    row(21, chain, bytes) \
    row(22, count, number) \
    row(23, first_seq, number) \
    row(24, last_seq, number) \
    row(25, segment, number) \
    row(26, reason, text)           /* a stable word in snake_case */ \
    row(27, os_error, number)       /* errno */ \
    row(28, bytes, number) \
    row(29, sha256, bytes) \
    row(30, by, text)               /* who did it */ \
    row(31, event_id, text) \
    row(32, event_type, text) \
    row(33, since_ns, number)       /* Unix time */ \
    row(34, fail_open, flag) \
    row(35, session_key, text)      /* names a session over all streams */ \
    row(36, ticket, text)           /* of what waits for people */ \
    row(37, stream, text)           /* of workers, by its folder's name */ \
    row(38, path, text)             /* of a mask's field */ \
    row(39, copies, number)         /* of what a mask removed, found elsewhere */ \
    row(40, person, text)           /* the principal, for people */ \
    row(41, issuer, text)           /* who vouches for the principal */ \
    row(42, subject, text)          /* what its issuer calls it */ \
    row(43, application, text)      /* the OAuth client that its token was issued to */ \
    row(44, by_issuer, text)        /* who vouches for who did it */ \
    row(45, by_subject, text)       /* what that issuer calls them */ \
    row(46, by_person, text)        /* the same, for people */ \
    row(47, address, text)          /* of the client: its own, or as a trusted proxy tells it */

namespace weir::record {

enum class Kind : uint16_t {
#define WEIR_ROW(number, name, text) name = number,
    WEIR_KINDS(WEIR_ROW)
#undef WEIR_ROW
};

enum class Field : uint8_t {
#define WEIR_ROW(key, name, type) name = key,
    WEIR_FIELDS(WEIR_ROW)
#undef WEIR_ROW
};

enum class FieldType : uint8_t { number, text, bytes, flag, texts };

inline constexpr uint8_t field_count = 48;

/// Whether such an entry serves the format alone, and tells nothing of what happened.
constexpr bool serves_format(Kind kind) { return kind == Kind::mark || kind == Kind::seal || kind == Kind::fill; }

/// The name of a kind as the record, logs and commands say it; "unknown" for a number of a later weir.
std::string_view name_of(Kind kind);
/// One sentence about a kind; empty for an unknown one.
std::string_view text_of(Kind kind);
/// The name of a field; `field` must be one of the table.
std::string_view name_of(Field field);
/// What a field's value is; `field` must be one of the table.
FieldType type_of(Field field);

} // namespace weir::record
