// cli/signals.h - how a command that serves is told to end: SIGTERM, SIGINT or SIGHUP, waited for instead of handled.
#pragma once

#include <csignal>

namespace weir::cli {

/// While it lives the signals are blocked in this thread and in every thread that this one starts.
class Signals {
  public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// Waits for one of them and gives its number.
    int wait() const;
    /// From now on the next one ends the process at once, with exit code 130.
    void leave_at_next() const;

  private:
    sigset_t awaited_;
    sigset_t before_;
};

} // namespace weir::cli
