// base/assert.cc - how a failed assertion ends the process.
#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace weir {

thread_local Doing doing;

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "weir: assertion failed: %s (%s:%d) exchange %u step %s\n", expression, file, line,
                 doing.exchange, doing.step);
    std::abort();
}

} // namespace weir
