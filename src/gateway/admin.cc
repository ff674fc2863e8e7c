// gateway/admin.cc - sums of counters as Prometheus text and as JSON.
#include "gateway/admin.h"

#include <fmt/format.h>

#include <iterator>

namespace weir::gateway {
namespace {

uint64_t sum(const AdminFacts& facts, const Counter Counters::* counter) {
    uint64_t total = 0;
    for (const Counters* worker : facts.workers) total += (worker->*counter).read();
    return total;
}

struct Metric {
    const char* name;
    const char* type;
    const char* help;
    const Counter Counters::* counter;
};

constexpr Metric metrics[] = {
    {"weir_asked_total", "counter", "Messages that were asked for", &Counters::asked},
    {"weir_forwarded_total", "counter", "Messages sent to a server", &Counters::forwarded},
    {"weir_held_total", "counter", "Requests that waited for people", &Counters::held},
    {"weir_masked_total", "counter", "Answers and events in which something was hidden", &Counters::masked},
    {"weir_answered_total", "counter", "Messages whose answer was relayed", &Counters::answered},
    {"weir_local_answers_total", "counter", "Requests that weir answered itself", &Counters::local_answers},
    {"weir_ambiguous_total", "counter", "Forwarded messages whose outcome is not known", &Counters::ambiguous},
    {"weir_policy_errors_total", "counter", "Denials because a policy failed", &Counters::policy_errors},
    {"weir_policy_runs_total", "counter", "Runs of policies' functions", &Counters::policy_runs},
    {"weir_policy_run_errors_total", "counter", "Of these, failed", &Counters::policy_run_errors},
    {"weir_policy_timeouts_total", "counter", "Of these, stopped at policy_cpu_max or policy_wall_max",
     &Counters::policy_timeouts},
    {"weir_policy_out_of_memory_total", "counter", "Of these, stopped at policy_memory_bytes_max",
     &Counters::policy_out_of_memory},
    {"weir_policy_slow_total", "counter", "Runs that took longer than policy_cpu_warn", &Counters::policy_slow},
    {"weir_policy_suspended_total", "counter", "Denials by policies that failed five times in 60 s and are not run",
     &Counters::policy_suspended},
    {"weir_connections_accepted_total", "counter", "Client connections accepted", &Counters::connections_accepted},
    {"weir_connections_refused_total", "counter", "Client connections refused at a limit",
     &Counters::connections_refused},
    {"weir_connections_refused_by_address_total", "counter", "Of these, at connections_per_address_max",
     &Counters::connections_refused_by_address},
    {"weir_proxy_headers_refused_total", "counter", "Connections of trusted proxies without a PROXY header",
     &Counters::proxy_headers_refused},
    {"weir_connections_open", "gauge", "Client connections open", &Counters::connections_open},
    {"weir_tls_handshakes_total", "counter", "TLS handshakes with clients", &Counters::tls_handshakes},
    {"weir_tls_resumed_total", "counter", "Of these, of earlier sessions", &Counters::tls_resumed},
    {"weir_tls_failures_total", "counter", "TLS handshakes with clients that failed", &Counters::tls_failures},
    {"weir_upstream_connects_total", "counter", "Connections made to servers", &Counters::upstream_connects},
    {"weir_upstream_connect_failures_total", "counter", "Connections to servers that failed",
     &Counters::upstream_connect_failures},
    {"weir_upstream_reuses_total", "counter", "Requests sent on a pooled connection", &Counters::upstream_reuses},
    {"weir_upstream_sessions_left_total", "counter",
     "Sessions of servers that were not ended, since too many were being ended", &Counters::upstream_sessions_left},
    {"weir_upstream_links_open", "gauge", "Connections to servers open", &Counters::upstream_links_open},
    {"weir_upstream_links_idle", "gauge", "Of these, idle", &Counters::upstream_links_idle},
    {"weir_exchanges_open", "gauge", "Requests under way", &Counters::exchanges_open},
    {"weir_streams_open", "gauge", "Event streams under way", &Counters::streams_open},
    {"weir_stream_events_total", "counter", "Events relayed", &Counters::stream_events},
    {"weir_stalled_clients_total", "counter", "Clients cut because they did not read", &Counters::stalled_clients},
    {"weir_bodies_in_place_total", "counter", "Request bodies read where they arrived", &Counters::bodies_in_place},
    {"weir_bodies_gathered_total", "counter", "Request bodies gathered from several receives",
     &Counters::bodies_gathered},
    {"weir_request_fields_dropped_total", "counter", "Request fields on no list, not forwarded",
     &Counters::fields_dropped},
    {"weir_client_bytes_received_total", "counter", "Octets from clients, of closed connections", &Counters::bytes_in},
    {"weir_client_bytes_sent_total", "counter", "Octets to clients, of closed connections", &Counters::bytes_out},
    {"weir_slabs_total", "gauge", "Receive buffers", &Counters::slabs_total},
    {"weir_slabs_free", "gauge", "Receive buffers with the kernel", &Counters::slabs_free},
    {"weir_slabs_starved_total", "counter", "Receives that found no buffer", &Counters::slabs_starved},
    {"weir_buffer_bytes", "gauge", "Memory lent to requests and answers", &Counters::buffer_bytes},
    {"weir_buffer_kept_bytes", "gauge", "Memory that came back from them and is kept for the next",
     &Counters::buffer_kept_bytes},
    {"weir_bodies_held_back_total", "counter", "Request bodies that waited unread for memory",
     &Counters::bodies_held_back},
    {"weir_idle_closed_total", "counter", "Idle connections closed since memory was short", &Counters::idle_closed},
    {"weir_buffer_allocations_total", "counter", "Allocations of such memory since the start",
     &Counters::buffer_allocations},
    {"weir_record_queue_bytes", "gauge", "Record not yet written", &Counters::record_queue_bytes},
    {"weir_record_entries_total", "counter", "Entries of the record", &Counters::record_seq},
    {"weir_record_durable_entries_total", "counter", "Of these, synced", &Counters::record_durable_seq},
    {"weir_record_failed", "gauge", "Workers that cannot write their record", &Counters::record_failed},
    {"weir_record_disk_bytes", "gauge", "What the record takes on disk", &Counters::record_disk_bytes},
    {"weir_record_segments_removed_total", "counter", "Segments removed to keep within retain_bytes and retain_days",
     &Counters::record_pruned},
    {"weir_turns_total", "counter", "Turns of the workers", &Counters::turns},
};

using Text = fmt::memory_buffer;

template <class... Arguments> void put(Text& text, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text), format, std::forward<Arguments>(arguments)...);
}

void write_metrics(const AdminFacts& facts, Text& text) {
    put(text,
        "# HELP weir_build_info What this weir is\n# TYPE weir_build_info gauge\nweir_build_info{{version=\"{}\"}} 1\n",
        WEIR_VERSION);
    put(text,
        "# HELP weir_config_generation Number of the configuration in force\n# TYPE weir_config_generation gauge\n"
        "weir_config_generation {}\n",
        facts.generation);
    put(text,
        "# HELP weir_approvals_waiting Calls that wait for a decision of people, with or without a client\n"
        "# TYPE weir_approvals_waiting gauge\nweir_approvals_waiting {}\n",
        facts.approvals_waiting);
    put(text,
        "# HELP weir_files_unused Files of secrets, authorities, certificates and keys that cannot be used as they are "
        "now\n"
        "# TYPE weir_files_unused gauge\nweir_files_unused {}\n",
        facts.files_unused);
    put(text, "# HELP weir_decisions_total Verdicts about messages\n# TYPE weir_decisions_total counter\n");
    put(text, "weir_decisions_total{{decision=\"allowed\"}} {}\n", sum(facts, &Counters::allowed));
    put(text, "weir_decisions_total{{decision=\"blocked\"}} {}\n", sum(facts, &Counters::blocked));
    for (const auto& metric : metrics)
        put(text, "# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", metric.name, metric.type, metric.help,
            sum(facts, metric.counter));
    put(text,
        "# HELP weir_refused_total Requests refused before any policy, by reason\n# TYPE weir_refused_total counter\n");
    for (size_t i = 0; i <= static_cast<size_t>(Error::limit_reached); ++i) {
        uint64_t count = 0;
        for (const Counters* worker : facts.workers) count += worker->refused[i].read();
        if (count != 0)
            put(text, "weir_refused_total{{reason=\"{}\"}} {}\n", row_of(static_cast<Error>(i)).name, count);
    }
    put(text,
        "# HELP weir_overhead_seconds Time a message spent in the turns of weir that worked on it\n# TYPE "
        "weir_overhead_seconds "
        "histogram\n");
    uint64_t count = 0, nanoseconds = 0;
    for (const Counters* worker : facts.workers) nanoseconds += worker->overhead.sum_ns.read();
    for (size_t bucket = 0; bucket < Histogram::buckets; ++bucket) {
        for (const Counters* worker : facts.workers) count += worker->overhead.counts[bucket].read();
        if (bucket + 1 < Histogram::buckets)
            put(text, "weir_overhead_seconds_bucket{{le=\"{}\"}} {}\n",
                static_cast<double>(uint64_t{1} << bucket) / 1e6, count);
    }
    put(text,
        "weir_overhead_seconds_bucket{{le=\"+Inf\"}} {0}\nweir_overhead_seconds_count {0}\nweir_overhead_seconds_sum "
        "{1}\n",
        count, static_cast<double>(nanoseconds) / 1e9);
}

void write_status(const AdminFacts& facts, Text& text) {
    put(text, R"({{"version":"{}","state":"{}","started_unix_ns":{},"uptime_seconds":{},"generation":{},"workers":{},)",
        WEIR_VERSION, facts.draining ? "draining" : "running", facts.started_unix_ns,
        (facts.now_unix_ns - facts.started_unix_ns) / 1'000'000'000, facts.generation, facts.workers.size());
    put(text,
        R"("servers":{},"policies":{},"approvals_waiting":{},"durability":"{}","asked":{},"allowed":{},"blocked":{},"forwarded":{},"answered":{},)",
        facts.servers, facts.policies, facts.approvals_waiting, facts.durability, sum(facts, &Counters::asked),
        sum(facts, &Counters::allowed), sum(facts, &Counters::blocked), sum(facts, &Counters::forwarded),
        sum(facts, &Counters::answered));
    put(text, R"("ambiguous":{},"policy_errors":{},"policy_timeouts":{},"policy_out_of_memory":{},)",
        sum(facts, &Counters::ambiguous), sum(facts, &Counters::policy_errors), sum(facts, &Counters::policy_timeouts),
        sum(facts, &Counters::policy_out_of_memory));
    put(text,
        R"("policy_slow":{},"policy_suspended":{},"connections_open":{},"upstream_links_open":{},"streams_open":{},)",
        sum(facts, &Counters::policy_slow), sum(facts, &Counters::policy_suspended),
        sum(facts, &Counters::connections_open), sum(facts, &Counters::upstream_links_open),
        sum(facts, &Counters::streams_open));
    put(text, R"("record_entries":{},"record_durable_entries":{},"record_queue_bytes":{},"record_failed":{}}})",
        sum(facts, &Counters::record_seq), sum(facts, &Counters::record_durable_seq),
        sum(facts, &Counters::record_queue_bytes), sum(facts, &Counters::record_failed) != 0);
}

} // namespace

Page write_page(std::string_view path, const AdminFacts& facts, PaddedBytes& out) {
    Text text;
    Page page{.status = 200};
    if (path == "/livez") {
        put(text, R"({{"live":true}})");
    } else if (path == "/readyz") {
        const bool record_failed = sum(facts, &Counters::record_failed) != 0;
        if (facts.draining || record_failed) page.status = 503;
        put(text, R"({{"ready":{},"draining":{},"record_failed":{}}})", page.status == 200, facts.draining,
            record_failed);
    } else if (path == "/metrics") {
        page.type = "text/plain; version=0.0.4; charset=utf-8";
        write_metrics(facts, text);
    } else if (path == "/status") {
        write_status(facts, text);
    } else {
        page.status = 404;
        put(text, R"({{"error":"no such page","pages":["/livez","/readyz","/metrics","/status"]}})");
    }
    out.append({text.data(), text.size()});
    return page;
}

} // namespace weir::gateway
