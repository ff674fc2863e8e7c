// record/entry.cc - entries to payloads. Pure.
#include "record/entry.h"

#include "base/assert.h"
#include "crypto/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weir::record {
namespace {

// Writes one map in deterministic CBOR into memory that is large enough. Keys must come ascending; what is zero, empty
// or false is left out. The map's size is patched into its first bytes at the end.
class MapWriter {
  public:
    explicit MapWriter(char* out) : start_(out), at_(out + 1) {}

    void number(Field field, uint64_t value) {
        if (value == 0) return;
        key(field);
        head(0, value);
    }
    void signed_number(Field field, int64_t value) {
        if (value >= 0) return number(field, static_cast<uint64_t>(value));
        key(field);
        head(1, ~static_cast<uint64_t>(value)); // RFC 8949, section 3.1: major type 1 carries -1 - n
    }
    void text(Field field, std::string_view value) { string(3, field, value); }
    void bytes(Field field, std::string_view value) { string(2, field, value); }
    void flag(Field field, bool value) {
        if (!value) return;
        key(field);
        *at_++ = '\xf5';
    }
    void texts(Field field, std::span<const std::string_view> values) {
        if (values.empty()) return;
        key(field);
        head(4, values.size());
        for (const std::string_view value : values) {
            head(3, value.size());
            copy(value);
        }
    }
    /// The first bytes of a body, and the size of all and the digest of the rest if there is a rest.
    void body(std::string_view value, const EntryLimits& limits) {
        const std::string_view kept = value.substr(0, limits.body_bytes_max);
        bytes(Field::body, kept);
        if (kept.size() == value.size()) return;
        number(Field::body_bytes, value.size());
        crypto::Sha256 hash;
        hash.update(value.substr(kept.size()));
        const Digest digest = hash.finish();
        bytes(Field::rest_sha256, bytes_of(digest));
    }
    char* finish() {
        WEIR_ASSERT(count_ <= 23);
        *start_ = static_cast<char>(0xa0U | count_);
        return at_;
    }

  private:
    void key(Field field) {
        const auto number = static_cast<int>(field);
        WEIR_ASSERT(number > last_key_);
        last_key_ = number;
        ++count_;
        head(0, static_cast<uint64_t>(number));
    }
    void string(unsigned major, Field field, std::string_view value) {
        if (value.empty()) return;
        key(field);
        head(major, value.size());
        copy(value);
    }
    void head(unsigned major, uint64_t value) {
        const auto type = static_cast<uint8_t>(major << 5);
        if (value < 24) {
            *at_++ = static_cast<char>(type | value);
            return;
        }
        const unsigned size = value <= 0xff         ? 0
                              : value <= 0xffff     ? 1
                              : value <= 0xffffffff ? 2
                                                    : 3; // log2 of its bytes
        *at_++ = static_cast<char>(type | (24 + size));
        const uint64_t big_endian = std::byteswap(value << (64 - (8U << size)));
        std::memcpy(at_, &big_endian, size_t{1} << size);
        at_ += size_t{1} << size;
    }
    void copy(std::string_view value) {
        std::memcpy(at_, value.data(), value.size());
        at_ += value.size();
    }
    char* start_;
    char* at_;
    unsigned count_ = 0;
    int last_key_ = -1;
};

// Key and head of any field take 2 + 9 bytes at most; no entry has more fields than the map's one-byte head can count.
constexpr size_t heads_bound = 1 + 23 * 11;
constexpr size_t rest_bound = 9 + sizeof(Digest);

size_t body_bound(std::string_view body, const EntryLimits& limits) {
    return std::min<size_t>(body.size(), limits.body_bytes_max) + rest_bound;
}

} // namespace

size_t payload_bound(const SessionOpened& e, const EntryLimits&) {
    return heads_bound + e.principal.size() + e.client.size() + e.server.size() + e.revision.size() +
           e.mcp_session.size() + e.session_key.size() + e.person.size() + e.issuer.size() + e.subject.size() +
           e.application.size();
}
char* write_payload(char* out, const SessionOpened& e, const EntryLimits&) {
    MapWriter map(out);
    map.text(Field::principal, e.principal);
    map.text(Field::client, e.client);
    map.text(Field::server, e.server);
    map.text(Field::revision, e.revision);
    map.text(Field::mcp_session, e.mcp_session);
    map.text(Field::session_key, e.session_key);
    map.text(Field::person, e.person);
    map.text(Field::issuer, e.issuer);
    map.text(Field::subject, e.subject);
    map.text(Field::application, e.application);
    return map.finish();
}

size_t payload_bound(const SessionClosed& e, const EntryLimits&) {
    return heads_bound + e.reason.size() + e.session_key.size();
}
char* write_payload(char* out, const SessionClosed& e, const EntryLimits&) {
    MapWriter map(out);
    map.number(Field::session, e.session);
    map.number(Field::count, e.calls);
    map.text(Field::reason, e.reason);
    map.text(Field::session_key, e.session_key);
    return map.finish();
}

size_t payload_bound(const Asked& e, const EntryLimits& limits) {
    return heads_bound + e.principal.size() + e.client.size() + e.server.size() + e.method.size() + e.name.size() +
           body_bound(e.body, limits) + e.trace.size() + e.revision.size() + e.mcp_session.size() +
           e.request_id.size() + e.session_key.size() + e.address.size();
}
char* write_payload(char* out, const Asked& e, const EntryLimits& limits) {
    MapWriter map(out);
    map.number(Field::session, e.session);
    map.text(Field::principal, e.principal);
    map.text(Field::client, e.client);
    map.text(Field::server, e.server);
    map.text(Field::method, e.method);
    map.text(Field::name, e.name);
    map.body(e.body, limits);
    map.text(Field::trace, e.trace);
    map.number(Field::wire_bytes, e.wire_bytes);
    map.text(Field::revision, e.revision);
    map.text(Field::mcp_session, e.mcp_session);
    map.text(Field::request_id, e.request_id);
    map.text(Field::session_key, e.session_key);
    map.text(Field::address, e.address);
    return map.finish();
}

size_t payload_bound(const Decided& e, const EntryLimits&) {
    size_t bound = heads_bound + e.text.size() + e.reason.size() + e.ticket.size();
    for (const std::string_view policy : e.policies) bound += 9 + policy.size();
    return bound;
}
char* write_payload(char* out, const Decided& e, const EntryLimits&) {
    MapWriter map(out);
    map.texts(Field::policies, e.policies);
    map.signed_number(Field::code, e.code);
    map.text(Field::text, e.text);
    map.number(Field::generation, e.generation);
    map.number(Field::status, e.status);
    map.text(Field::reason, e.reason);
    map.text(Field::ticket, e.ticket);
    return map.finish();
}

size_t payload_bound(const Masked& e, const EntryLimits&) { return heads_bound + 9 + e.policy.size() + e.path.size(); }
char* write_payload(char* out, const Masked& e, const EntryLimits&) {
    MapWriter map(out);
    map.texts(Field::policies, {&e.policy, 1});
    map.number(Field::generation, e.generation);
    map.number(Field::count, e.count);
    map.text(Field::path, e.path);
    map.number(Field::copies, e.copies);
    return map.finish();
}

size_t payload_bound(const TicketTurn& e, const EntryLimits& limits) {
    size_t bound = heads_bound + e.principal.size() + e.client.size() + e.server.size() + e.method.size() +
                   e.name.size() + body_bound(e.body, limits) + e.text.size() + e.sha256.size() + e.by.size() +
                   e.session_key.size() + e.ticket.size() + e.by_issuer.size() + e.by_subject.size() +
                   e.by_person.size();
    for (const std::string_view policy : e.policies) bound += 9 + policy.size();
    return bound;
}
char* write_payload(char* out, const TicketTurn& e, const EntryLimits& limits) {
    MapWriter map(out);
    map.text(Field::principal, e.principal);
    map.text(Field::client, e.client);
    map.text(Field::server, e.server);
    map.text(Field::method, e.method);
    map.text(Field::name, e.name);
    map.body(e.body, limits);
    map.texts(Field::policies, e.policies);
    map.text(Field::text, e.text);
    map.number(Field::generation, e.generation);
    map.number(Field::count, e.version);
    map.bytes(Field::sha256, e.sha256);
    map.text(Field::by, e.by);
    map.text(Field::session_key, e.session_key);
    map.text(Field::ticket, e.ticket);
    map.text(Field::by_issuer, e.by_issuer);
    map.text(Field::by_subject, e.by_subject);
    map.text(Field::by_person, e.by_person);
    return map.finish();
}

size_t payload_bound(const Forwarded& e, const EntryLimits& limits) {
    return heads_bound + e.server.size() + body_bound(e.body, limits);
}
char* write_payload(char* out, const Forwarded& e, const EntryLimits& limits) {
    MapWriter map(out);
    map.text(Field::server, e.server);
    map.body(e.body, limits);
    map.number(Field::wire_bytes, e.wire_bytes);
    return map.finish();
}

size_t payload_bound(const Answered& e, const EntryLimits& limits) {
    return heads_bound + body_bound(e.body, limits) + e.mcp_session.size();
}
char* write_payload(char* out, const Answered& e, const EntryLimits& limits) {
    MapWriter map(out);
    map.body(e.body, limits);
    map.signed_number(Field::code, e.code);
    map.number(Field::status, e.status);
    map.number(Field::latency_ns, e.latency_ns);
    map.number(Field::wire_bytes, e.wire_bytes);
    map.flag(Field::is_error, e.is_error);
    map.text(Field::mcp_session, e.mcp_session);
    return map.finish();
}

size_t payload_bound(const StreamEvent& e, const EntryLimits& limits) {
    return heads_bound + body_bound(e.body, limits) + e.event_id.size() + e.event_type.size() + e.method.size();
}
char* write_payload(char* out, const StreamEvent& e, const EntryLimits& limits) {
    MapWriter map(out);
    map.text(Field::method, e.method);
    map.body(e.body, limits);
    map.text(Field::event_id, e.event_id);
    map.text(Field::event_type, e.event_type);
    return map.finish();
}

size_t payload_bound(const Ambiguous& e, const EntryLimits&) { return heads_bound + e.reason.size() + e.text.size(); }
char* write_payload(char* out, const Ambiguous& e, const EntryLimits&) {
    MapWriter map(out);
    map.text(Field::text, e.text);
    map.number(Field::latency_ns, e.latency_ns);
    map.text(Field::reason, e.reason);
    return map.finish();
}

size_t payload_bound(const ConfigLoaded& e, const EntryLimits&) {
    return heads_bound + e.sha256.size() + e.by.size() + e.text.size();
}
char* write_payload(char* out, const ConfigLoaded& e, const EntryLimits&) {
    MapWriter map(out);
    map.text(Field::text, e.text);
    map.number(Field::generation, e.generation);
    map.bytes(Field::sha256, e.sha256);
    map.text(Field::by, e.by);
    return map.finish();
}

size_t payload_bound(const Gap& e, const EntryLimits&) { return heads_bound + e.reason.size(); }
char* write_payload(char* out, const Gap& e, const EntryLimits&) {
    MapWriter map(out);
    map.number(Field::count, e.count);
    map.number(Field::first_seq, e.first_seq);
    map.number(Field::segment, e.segment);
    map.text(Field::reason, e.reason);
    map.number(Field::os_error, e.os_error);
    map.number(Field::bytes, e.bytes);
    map.number(Field::since_ns, e.since_ns);
    return map.finish();
}

size_t payload_bound(const Seal&, const EntryLimits&) { return heads_bound; }
char* write_payload(char* out, const Seal& e, const EntryLimits&) {
    MapWriter map(out);
    map.number(Field::count, e.count);
    map.number(Field::first_seq, e.first_seq);
    map.number(Field::last_seq, e.last_seq);
    return map.finish();
}

size_t payload_bound(const Fill& e, const EntryLimits&) { return heads_bound + e.body.size(); }
char* write_payload(char* out, const Fill& e, const EntryLimits&) {
    MapWriter map(out);
    map.bytes(Field::body, e.body);
    return map.finish();
}

size_t payload_bound(const Pruned& e, const EntryLimits&) { return heads_bound + e.chain.size() + e.stream.size(); }
char* write_payload(char* out, const Pruned& e, const EntryLimits&) {
    MapWriter map(out);
    map.bytes(Field::chain, e.chain);
    map.number(Field::first_seq, e.first_seq);
    map.number(Field::last_seq, e.last_seq);
    map.number(Field::segment, e.segment);
    map.number(Field::bytes, e.bytes);
    map.text(Field::stream, e.stream);
    return map.finish();
}

} // namespace weir::record
