// demo/protocol.h - MCP as acme speaks it: one HTTP request in, the plan of its answer out. Both eras on one path.
//
// No sockets and no clock: what takes time is a plan with delays, which the server keeps. Written from the
// specification and apart from weir's own mcp folder, so that weir is not tried against itself. One thread, but for
// calls().
#pragma once

#include "base/bytes.h"
#include "base/random.h"
#include "base/workspace.h"
#include "demo/shop.h"
#include "demo/tools.h"
#include "http/head.h"
#include "json/scan.h"

#include <array>
#include <atomic>
#include <deque>
#include <string>
#include <string_view>

namespace weir::demo {

/// How a request is to be answered.
struct Plan {
    uint16_t status = 200;
    std::string body;           // JSON, or nothing
    std::string session_id;     // a new session: goes into Mcp-Session-Id
    bool allow = false;         // a 405, which says what is allowed
    uint32_t delay_ms = 0;      // before the answer, or between the steps of a stream
    uint32_t steps = 0;         // of a stream that ends with `body`; 0: no stream
    std::string progress_token; // JSON; empty: nobody wants to hear of the steps
};

class Protocol {
  public:
    Protocol(uint16_t port, uint64_t seed);

    Plan answer(const http::RequestHead& head, PaddedView body);
    /// The notification of step `step` of `plan`, as JSON.
    static std::string progress(const Plan& plan, uint32_t step);
    uint64_t calls(std::string_view tool) const;

  private:
    enum class Era : uint8_t { legacy, modern };
    struct Message {
        Era era = Era::legacy;
        json::Value id, params;
        std::string_view method;
    };
    Plan post(const http::RequestHead& head, PaddedView body);
    std::string check_modern(const http::RequestHead& head, const Message& message);
    Plan dispatch(const Message& message, Plan plan);
    Plan initialize(const Message& message);
    Plan call(const Message& message);
    ToolAnswer run(Tool tool, json::Value arguments, Plan& plan);
    Plan result(const Message& message, std::string_view members) const;
    static Plan error(uint16_t status, json::Value id, int64_t code, std::string_view text,
                      std::string_view detail = {});
    bool known_session(std::string_view id) const;

    std::string hosts_[2];
    Random random_;
    BufferPool pool_;
    Workspace space_;
    json::Scanner scanner_;
    Shop shop_;
    std::deque<std::string> sessions_;
    std::array<std::atomic<uint64_t>, tool_definitions.size()> calls_{};
};

} // namespace weir::demo
