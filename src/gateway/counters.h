// gateway/counters.h - what one worker counts. Written by that worker only, read by any thread (metrics, status).
//
// Relaxed atomics without read-modify-write: a count may be read a moment late, never torn. The admin listener adds the
// workers up.
#pragma once

#include "base/result.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace weir::gateway {

class Counter {
  public:
    void add(uint64_t by = 1) { value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
    void sub(uint64_t by = 1) { value_.store(value_.load(std::memory_order_relaxed) - by, std::memory_order_relaxed); }
    void set(uint64_t to) { value_.store(to, std::memory_order_relaxed); }
    uint64_t read() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<uint64_t> value_{0};
};

/// Durations in buckets that double from 1 us: bucket i holds what took less than 2^i us.
struct Histogram {
    static constexpr size_t buckets = 24;
    std::array<Counter, buckets> counts;
    Counter sum_ns;
    void observe(uint64_t ns) {
        const auto bucket = static_cast<size_t>(std::bit_width(ns / 1000));
        counts[bucket < buckets ? bucket : buckets - 1].add();
        sum_ns.add(ns);
    }
};

struct alignas(64) Counters {
    // Words of the house: asked, allowed, blocked, held, forwarded, masked, answered.
    Counter asked, allowed, blocked, held, forwarded, masked, answered, policy_errors;
    Counter policy_runs, policy_run_errors, policy_timeouts, policy_out_of_memory, policy_slow, policy_suspended;
    Counter local_answers; // answered by weir itself, refusals included
    std::array<Counter, static_cast<size_t>(Error::limit_reached) + 1> refused; // by reason
    Counter connections_accepted, connections_refused, connections_refused_by_address, connections_open;
    Counter proxy_headers_refused;                     // of trusted proxies
    Counter tls_handshakes, tls_resumed, tls_failures; // with clients
    Counter bodies_held_back, idle_closed;             // when memory was short
    Counter upstream_connects, upstream_connect_failures, upstream_reuses, upstream_links_open, upstream_links_idle;
    Counter upstream_sessions_left;
    Counter exchanges_open, streams_open, stream_events, stalled_clients, ambiguous;
    Counter bodies_in_place, bodies_gathered; // one slab held the whole message, or it was gathered
    Counter fields_dropped;                   // request fields that are on no list
    Counter bytes_in, bytes_out;              // of clients
    Counter slabs_free, slabs_total, slabs_starved;
    Counter record_queue_bytes, record_durable_seq, record_seq, record_failed;
    Counter record_disk_bytes, record_pruned;
    Counter buffer_bytes, buffer_kept_bytes, buffer_allocations;
    Counter turns;
    Histogram
        overhead; // of each message, all turns in which weir worked on it: what it adds, without upstream and people
};

} // namespace weir::gateway
