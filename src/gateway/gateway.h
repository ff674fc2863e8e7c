// gateway/gateway.h - one running weir: its state directory, its generation, its workers and the threads beside them.
//
// start() refuses with a text for the operator; after it returned, nothing an operator or a peer does ends the process.
// The caller's thread does nothing but wait: `weir run` for a signal, `weir demo` for its user.
#pragma once

#include "gateway/config.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace weir::gateway {

/// Why weir does not start. `exit_code` is the one of operators' documentation: 3 for configuration and policies, 1 else.
struct StartFailure {
    int exit_code = 1;
    std::vector<std::string> lines;
};

class Gateway {
  public:
    /// Takes the state directory (flock), loads policies and keys, recovers the record, listens. When it returns, every
    /// listener accepts.
    static std::expected<std::unique_ptr<Gateway>, StartFailure> start(Config config);
    ~Gateway();
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    /// Stops accepting; what runs may end within drain_ns_max. Any thread, at once.
    void drain();
    /// Waits until every worker has drained and the record is closed. After drain().
    void join();
    uint32_t workers() const;
    size_t policies() const;

  private:
    struct Parts;
    explicit Gateway(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

} // namespace weir::gateway
