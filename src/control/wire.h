// control/wire.h - a connection of a tool that a person waits for: over TCP or a UNIX socket, with TLS or without, on deadlines.
//
// libcurl connects, does TLS and checks certificates; what goes over the connection is not its business. Blocking; one
// thread. No proxy: what is sent goes to the host that is named.
#pragma once

#include "base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::control {

/// Where a request goes.
struct Endpoint {
    std::string host; // a name or an address, IPv6 without brackets
    uint16_t port = 0;
    std::string authority; // for Host; with TLS also who the certificate must be for
    std::string target = "/";
    std::string socket = {}; // the path of a UNIX socket, in place of host and port
    bool tls = false;
    std::string ca = {}; // a file of authorities in place of the system's; empty: the system's

    /// Where the connection goes, IPv6 in brackets.
    std::string host_and_port() const {
        const bool six = host.find(':') != std::string::npos;
        return (six ? "[" + host + "]:" : host + ":") + std::to_string(port);
    }
    /// As a person writes it.
    std::string url() const { return (tls ? "https://" : "http://") + authority + target; }
};

class Wire {
  public:
    Wire() = default;
    Wire(const Wire&) = delete; // libcurl writes into this one
    Wire& operator=(const Wire&) = delete;

    /// `silence_ns_max` bounds this and every wait from here on.
    /// io_failed: why() tells what; request_timeout: nobody answered in time.
    Result<void> connect(const Endpoint& to, uint64_t silence_ns_max);
    /// Sends all of `bytes`. A peer that has closed already is no failure: it may have answered before it had read all.
    Result<void> send(std::string_view bytes);
    /// Receives at most `room` octets to `at`; 0: the peer is done.
    Result<size_t> receive(char* at, size_t room);

    /// What went wrong, for a person.
    const std::string& why() const { return why_; }

  private:
    struct Close {
        void operator()(void* handle) const;
    };
    Result<void> wait(short events);
    std::unexpected<Error> failed(std::string_view what, int code);

    std::unique_ptr<void, Close> curl_;
    std::array<char, 256> curl_says_{}; // CURL_ERROR_SIZE
    uint64_t silence_ns_max_ = 0;
    std::string why_;
};

} // namespace weir::control
