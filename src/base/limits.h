// base/limits.h - every limit and time-out of weir, with its default. One key of [limits] in weir.toml each, under the
// name it has here less its unit (durations are written as "45s"). What happens when one is reached stands in
// docs/operating.md. Sources: the product's measurements and the defaults of the peers named there.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir {

inline constexpr uint64_t ms_ns = 1'000'000, s_ns = 1'000'000'000;

struct Limits {
    // HTTP requests
    uint32_t head_bytes_max = 32 << 10;       // 431
    uint32_t head_fields_max = 100;           // 431
    uint32_t target_bytes_max = 8 << 10;      // 414
    uint32_t body_bytes_max = 4 << 20;        // 413
    uint32_t chunk_extension_bytes_max = 256; // 400
    uint32_t trailer_bytes_max = 8 << 10;     // 400
    uint32_t linger_bytes_max = 64 << 10;     // drained after a framing error, then close
    uint64_t linger_ns_max = 1 * s_ns;
    // Answers of upstreams
    uint32_t answer_bytes_max = 16 << 20; // a JSON answer or one event; 502, an error event
    uint32_t informational_max = 8;       // 1xx heads before an answer; 502
    // JSON
    uint32_t json_depth_max = 64;
    uint32_t json_members_max = 4096; // of one object
    uint32_t json_number_bytes_max = 1024;
    uint32_t batch_elements_max = 100;
    // Time, downstream
    uint64_t tls_handshake_ns_max = 5 * s_ns;
    uint64_t first_octet_ns_max = 5 * s_ns;
    uint64_t head_ns_max = 10 * s_ns;    // 408
    uint64_t body_ns_max = 30 * s_ns;    // 408
    uint32_t body_rate_bytes_min = 1024; // a second, after body_grace_ns; 408
    uint64_t body_grace_ns = 5 * s_ns;
    uint64_t idle_ns_max = 75 * s_ns;        // keep-alive
    uint64_t write_stall_ns_max = 30 * s_ns; // a client that does not read is cut
    uint32_t write_queue_bytes_max = 256 << 10;
    uint64_t hold_ns_max = 45 * s_ns;  // a request waits for people; then it is answered "pending"
    uint64_t heartbeat_ns = 15 * s_ns; // comment on a silent event stream
    // Time, upstream
    uint64_t upstream_connect_ns_max = 2 * s_ns;       // 502
    uint64_t upstream_first_octet_ns_max = 300 * s_ns; // 504, ambiguous
    uint64_t upstream_silence_ns_max = 300 * s_ns;     // 504, ambiguous; open streams are exempt
    uint64_t upstream_idle_ns_max = 4 * s_ns;          // pooled connection
    // Policies
    uint64_t policy_cpu_ns_max = 2 * ms_ns;
    uint64_t policy_cpu_ns_warn = 200'000;
    uint64_t policy_wall_ns_max = 100 * ms_ns;
    uint32_t policy_memory_bytes_max = 16 << 20;
    uint32_t policy_scan_bytes_max = 1 << 20; // bytes that regular expressions of one message may look at
    // Masks
    uint32_t mask_values_max = 65'536;    // that one message loses and that are looked for in the rest of it
    uint32_t mask_nesting_max = 4;        // JSON in texts in JSON in texts
    uint64_t mask_steps_max = 32'000'000; // values looked at and compared, in one message
    // Numbers of things
    uint32_t connections_max = 10'000;             // refused
    uint32_t tls_handshakes_max = 1000;            // with clients, and as many with servers; refused
    uint32_t connections_per_address_max = 100;    // refused; anonymous loopback is exempt
    uint32_t streams_per_principal_max = 256;      // open event streams; 429
    uint32_t upstream_links_max = 10'000;          // 503
    uint64_t memory_bytes_max = uint64_t{4} << 30; // 70/85/95/100 %: bodies wait, 503, idle ones close, answers end
    // Approvals
    uint32_t approvals_max = 20'000;              // that wait; the call is refused
    uint32_t approvals_per_principal_max = 1'000; // that wait; the call is refused
    uint64_t claim_ns_max = 600 * s_ns;           // an approval that nobody uses expires
    uint64_t answer_kept_ns_max = 600 * s_ns;     // of an approved call, until a client has it
    uint32_t answer_kept_bytes_max = 1 << 20;     // a larger one is not kept
    // Record
    uint64_t record_queue_bytes_max = uint64_t{64} << 20; // of a worker; 503
    uint64_t record_sync_ns_max = 50 * ms_ns;             // durability = "batch"
    // Whole process
    uint64_t batch_wait_ns = 20'000; // under load, for more completions after the first (kernel 6.12); 0: never
    uint64_t busy_poll_ns = 0;       // a worker asks so long for completions before it sleeps; 0: it sleeps at once
    uint64_t drain_ns_max = 30 * s_ns;
    uint64_t session_idle_ns_max = 1800 * s_ns;
};

} // namespace weir
