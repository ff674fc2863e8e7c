// gateway/config_limits.cc - the rows of the table of limits. The order is that of base/limits.h; a test counts its fields.
#include "gateway/config_limits.h"

#include <algorithm>
#include <type_traits>

namespace weir::gateway {
namespace {

template <auto member> uint64_t get(const Limits& limits) { return limits.*member; }
template <auto member> void set(Limits& limits, uint64_t value) {
    limits.*member = static_cast<std::remove_reference_t<decltype(limits.*member)>>(value);
}

constexpr uint64_t KiB = 1ull << 10, MiB = 1ull << 20, GiB = 1ull << 30;
constexpr uint64_t minute = 60 * s_ns, hour = 60 * minute, day = 24 * hour;
constexpr LimitUnit time = LimitUnit::duration, bytes = LimitUnit::bytes, count = LimitUnit::count;

#define WEIR_LIMIT(key, field, unit, least, most, answer) \
    { key, unit, least, most, get<&Limits::field>, set<&Limits::field>, answer }

constexpr LimitRow rows[] = {
    WEIR_LIMIT("head_bytes_max", head_bytes_max, bytes, 4 * KiB, 256 * KiB, "431, close"),
    WEIR_LIMIT("head_fields_max", head_fields_max, count, 16, 256, "431, close"),
    WEIR_LIMIT("target_bytes_max", target_bytes_max, bytes, 256, 64 * KiB, "414, close"),
    WEIR_LIMIT("body_bytes_max", body_bytes_max, bytes, 1 * KiB, 64 * MiB, "413, close"),
    WEIR_LIMIT("chunk_extension_bytes_max", chunk_extension_bytes_max, bytes, 0, 4 * KiB, "400, close"),
    WEIR_LIMIT("trailer_bytes_max", trailer_bytes_max, bytes, 0, 64 * KiB, "400, close"),
    WEIR_LIMIT("linger_bytes_max", linger_bytes_max, bytes, 0, 16 * MiB, "drained after a framing error, then close"),
    WEIR_LIMIT("linger_max", linger_ns_max, time, 0, 30 * s_ns, "drained so long after a framing error, then close"),
    WEIR_LIMIT("answer_bytes_max", answer_bytes_max, bytes, 64 * KiB, 128 * MiB,
               "JSON answer: 502; event: an error event"),
    WEIR_LIMIT("informational_max", informational_max, count, 0, 100, "502"),
    WEIR_LIMIT("json_depth_max", json_depth_max, count, 8, 1024, "400, JSON-RPC -32700; in an answer 502"),
    WEIR_LIMIT("json_members_max", json_members_max, count, 64, 65'535, "400, JSON-RPC -32700; in an answer 502"),
    WEIR_LIMIT("json_number_bytes_max", json_number_bytes_max, bytes, 32, 64 * KiB,
               "400, JSON-RPC -32700; in an answer 502"),
    WEIR_LIMIT("batch_elements_max", batch_elements_max, count, 1, 1000, "400, JSON-RPC -32600"),
    WEIR_LIMIT("tls_handshake_max", tls_handshake_ns_max, time, 100 * ms_ns, hour, "close"),
    WEIR_LIMIT("first_octet_max", first_octet_ns_max, time, 100 * ms_ns, hour, "close"),
    WEIR_LIMIT("head_max", head_ns_max, time, 100 * ms_ns, hour, "408, close"),
    WEIR_LIMIT("body_max", body_ns_max, time, 100 * ms_ns, hour, "408, close"),
    WEIR_LIMIT("body_rate_bytes_min", body_rate_bytes_min, bytes, 0, 1 * MiB, "a second; slower: 408, close"),
    WEIR_LIMIT("body_grace", body_grace_ns, time, 0, hour, "before body_rate_bytes_min holds"),
    WEIR_LIMIT("idle_max", idle_ns_max, time, 100 * ms_ns, day, "close"),
    WEIR_LIMIT("write_stall_max", write_stall_ns_max, time, 100 * ms_ns, hour, "a client that does not read is cut"),
    WEIR_LIMIT("write_queue_bytes_max", write_queue_bytes_max, bytes, 16 * KiB, 64 * MiB,
               "the upstream is not read on"),
    WEIR_LIMIT("hold", hold_ns_max, time, 0, hour, "the client is told that its call waits for approval"),
    WEIR_LIMIT("heartbeat", heartbeat_ns, time, 1 * s_ns, hour, "a comment on a silent event stream"),
    WEIR_LIMIT("upstream_connect_max", upstream_connect_ns_max, time, 10 * ms_ns, 5 * minute, "502"),
    WEIR_LIMIT("upstream_first_octet_max", upstream_first_octet_ns_max, time, 100 * ms_ns, day,
               "504, recorded as ambiguous"),
    WEIR_LIMIT("upstream_silence_max", upstream_silence_ns_max, time, 100 * ms_ns, day, "504, recorded as ambiguous"),
    WEIR_LIMIT("upstream_idle_max", upstream_idle_ns_max, time, 0, hour, "a pooled connection is closed"),
    WEIR_LIMIT("policy_cpu_max", policy_cpu_ns_max, time, 100'000, 1 * s_ns, "the call is blocked"),
    WEIR_LIMIT("policy_cpu_warn", policy_cpu_ns_warn, time, 1'000, 1 * s_ns, "counted"),
    WEIR_LIMIT("policy_wall_max", policy_wall_ns_max, time, 1 * ms_ns, 10 * s_ns, "the call is blocked"),
    WEIR_LIMIT("policy_memory_bytes_max", policy_memory_bytes_max, bytes, 1 * MiB, 1 * GiB, "the call is blocked"),
    WEIR_LIMIT("policy_scan_bytes_max", policy_scan_bytes_max, bytes, 1 * KiB, 128 * MiB, "the call is blocked"),
    WEIR_LIMIT("mask_values_max", mask_values_max, count, 16, 10'000'000, "the answer is blocked"),
    WEIR_LIMIT("mask_nesting_max", mask_nesting_max, count, 1, 16, "the answer is blocked"),
    WEIR_LIMIT("mask_steps_max", mask_steps_max, count, 10'000, 10'000'000'000, "the answer is blocked"),
    WEIR_LIMIT("connections_max", connections_max, count, 1, 1'000'000, "refused"),
    WEIR_LIMIT("tls_handshakes_max", tls_handshakes_max, count, 1, 1'000'000, "refused; with servers: 503"),
    WEIR_LIMIT("connections_per_address_max", connections_per_address_max, count, 1, 1'000'000,
               "refused; loopback is exempt while clients are anonymous"),
    WEIR_LIMIT("streams_per_principal_max", streams_per_principal_max, count, 1, 1'000'000, "429, JSON-RPC 42901"),
    WEIR_LIMIT("upstream_links_max", upstream_links_max, count, 1, 1'000'000, "503"),
    WEIR_LIMIT("memory_bytes_max", memory_bytes_max, bytes, 64 * MiB, 1024 * GiB,
               "at 70 % bodies are not read on, at 85 % 503, at 95 % idle connections are closed, at 100 % answers are "
               "given up: 503"),
    WEIR_LIMIT("approvals_max", approvals_max, count, 1, 1'000'000, "the call is refused"),
    WEIR_LIMIT("approvals_per_principal_max", approvals_per_principal_max, count, 1, 1'000'000, "the call is refused"),
    WEIR_LIMIT("claim_max", claim_ns_max, time, 1 * s_ns, day, "the approval expires"),
    WEIR_LIMIT("answer_kept_max", answer_kept_ns_max, time, 1 * s_ns, day, "the same call is a new ticket"),
    WEIR_LIMIT("answer_kept_bytes_max", answer_kept_bytes_max, bytes, 0, 64 * MiB, "the answer is not kept"),
    WEIR_LIMIT("record_queue_bytes_max", record_queue_bytes_max, bytes, 1 * MiB, 4 * GiB,
               "503, JSON-RPC 50302; of each worker"),
    WEIR_LIMIT("record_sync_max", record_sync_ns_max, time, 1 * ms_ns, 10 * s_ns, "synced by then (durability batch)"),
    WEIR_LIMIT("batch_wait", batch_wait_ns, time, 0, 10 * ms_ns, "the worker goes on with what it has"),
    WEIR_LIMIT("busy_poll", busy_poll_ns, time, 0, 10 * ms_ns, "the worker sleeps until there is something"),
    WEIR_LIMIT("drain_max", drain_ns_max, time, 0, hour, "what still runs is cut"),
    WEIR_LIMIT("session_idle_max", session_idle_ns_max, time, 1 * s_ns, 30 * day, "the session ends in the record"),
};
#undef WEIR_LIMIT

struct Scale {
    std::string_view name;
    uint64_t factor;
};

/// The largest scale that divides `value` evenly; the scales fall.
std::string scaled(uint64_t value, std::span<const Scale> scales) {
    for (const Scale& scale : scales) {
        if (value >= scale.factor && value % scale.factor == 0) {
            return std::to_string(value / scale.factor).append(scale.name);
        }
    }
    return std::to_string(value).append(scales.back().name);
}

} // namespace

std::span<const LimitRow> limit_rows() { return rows; }

const LimitRow* limit_row(std::string_view key) {
    const auto found =
        std::find_if(std::begin(rows), std::end(rows), [&](const LimitRow& row) { return row.key == key; });
    return found == std::end(rows) ? nullptr : found;
}

std::string limit_text(LimitUnit unit, uint64_t value) {
    static constexpr Scale durations[] = {{"d", day},    {"h", hour},  {"m", minute}, {"s", s_ns},
                                          {"ms", ms_ns}, {"us", 1000}, {"ns", 1}};
    static constexpr Scale sizes[] = {{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}};
    switch (unit) {
        case LimitUnit::duration: return value == 0 ? "0s" : scaled(value, durations);
        case LimitUnit::bytes: return scaled(value, sizes);
        case LimitUnit::count: break;
    }
    return std::to_string(value);
}

} // namespace weir::gateway
