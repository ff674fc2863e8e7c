// base/thread.h - the names of threads, which top -H, perf and gdb show.
#pragma once

#include <pthread.h>

namespace weir {

/// Names the calling thread, by at most 15 characters: "weir-", then what it does.
inline void name_thread(const char* name) { pthread_setname_np(pthread_self(), name); }

} // namespace weir
