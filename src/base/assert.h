// base/assert.h - the check for what weir itself did wrong.
//
// Not for what a peer, a disk or an operator does wrong: that is a value (base/result.h). Assertions stay on in
// release builds; a failed one prints where it was and what the thread was doing, then ends the process.
#pragma once

namespace weir {

/// What this thread is doing, shown by a failed assertion: the exchange's slot and its step (a static string).
struct Doing {
    unsigned exchange = 0;
    const char* step = "";
};
extern thread_local Doing doing;

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

} // namespace weir

#define WEIR_ASSERT(expression) \
    (__builtin_expect(static_cast<bool>(expression), 1) ? static_cast<void>(0) \
                                                        : ::weir::assertion_failed(#expression, __FILE__, __LINE__))
