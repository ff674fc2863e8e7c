// bench/traffic/messages.h - what is sent and answered in a bench: tools/call of both eras, and results.
//
// Ids are eight digits in a place that is the same in all messages, so that client and upstream write them where they
// stand: {"jsonrpc":"2.0","id":10000000,...
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::bench {

constexpr size_t id_at = 22, id_digits = 8; // in the body of a message
constexpr uint32_t id_first = 10'000'000, id_last = 99'999'999;

/// Writes `id` (id_first to id_last) at `at`.
void write_id(char* at, uint32_t id);

struct Request {
    std::string octets;
    size_t id_at;    // in `octets`
    size_t token_at; // where the token has its number; npos: it has none
};

/// A tools/call of `tool`, its body 600 octets, to `path` at 127.0.0.1:`port`. `era`: "legacy" is 2025-11-25 without a
/// session, "modern" is 2026-07-28. `last`: the connection ends with it. `token`: of the Authorization field; empty: none.
Request make_request(std::string_view era, std::string_view path, uint16_t port, std::string_view tool, bool last,
                     std::string_view token = {});

/// One answer of the upstream: `front` with the id in it, `rest` behind it.
struct Answer {
    std::string front;
    size_t id_at;
    std::string rest;
};
constexpr unsigned events_count = 50;
/// What of a secret answer no mask may leave in it.
constexpr std::string_view secret_text = "123-45-6789";

struct Answers {
    Answers();
    Answer plain;  // 800 octets
    Answer secret; // the same with two e-mail addresses and a social security number, in fields and in the text
    Answer large;  // 256 KiB
    std::string stream_head;                      // of an event stream
    std::array<std::string, events_count> events; // chunks; the last one is the answer and ends the body
    size_t event_id_at;                           // in the last one
};

} // namespace weir::bench
