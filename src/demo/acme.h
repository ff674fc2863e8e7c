// demo/acme.h - "acme", the MCP server of the demo: both eras over Streamable HTTP on a loopback port of its own.
//
// A real server on real sockets, so that the demo takes the same road as everything else; small, and only for
// 127.0.0.1. It runs on a thread of its own, waits with poll, and never blocks on a client.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <memory>
#include <string>

namespace weir::demo {

class Acme {
  public:
    /// Listens on 127.0.0.1 (`port` 0: one that is free) and starts its thread. io_failed: errno tells.
    static Result<std::unique_ptr<Acme>> start(uint16_t port = 0);
    /// Ends the thread and closes every connection.
    ~Acme();
    Acme(const Acme&) = delete;
    Acme& operator=(const Acme&) = delete;

    uint16_t port() const { return port_; }
    /// http://127.0.0.1:PORT/mcp
    std::string url() const;
    /// How many tools/call of `tool` reached it. Any thread.
    uint64_t calls(std::string_view tool) const;

  private:
    class Server;
    Acme(std::unique_ptr<Server> server, uint16_t port);
    std::unique_ptr<Server> server_;
    uint16_t port_;
};

} // namespace weir::demo
