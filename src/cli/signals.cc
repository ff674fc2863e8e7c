// cli/signals.cc - blocked signals and sigwait(3).
#include "cli/signals.h"

#include "cli/commands.h"

#include <pthread.h>
#include <unistd.h>
#include <initializer_list>

namespace weir::cli {

Signals::Signals() {
    sigemptyset(&awaited_);
    for (const int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&awaited_, each);
    pthread_sigmask(SIG_BLOCK, &awaited_, &before_);
    std::signal(SIGPIPE, SIG_IGN); // A pipe that nobody reads is an error of write(2), not an end.
}

Signals::~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int Signals::wait() const {
    int number = 0;
    while (sigwait(&awaited_, &number) != 0) {}
    return number;
}

void Signals::leave_at_next() const {
    for (const int each : {SIGTERM, SIGINT, SIGHUP})
        std::signal(each, [](int) { _exit(static_cast<int>(Exit::interrupted)); });
    pthread_sigmask(SIG_UNBLOCK, &awaited_, nullptr);
}

} // namespace weir::cli
