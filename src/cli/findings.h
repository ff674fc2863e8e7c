// cli/findings.h - what `weir doctor` looks at: kernel, io_uring, limits, processor, clock, and what a configuration needs.
//
// Looks, tries and undoes; changes nothing.
#pragma once

#include "gateway/config.h"
#include "ring/probe.h"

#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

struct Finding {
    enum class State : uint8_t { good, warning, bad } state = State::good;
    std::string what;
    std::string found;
    std::string fix; // one sentence; empty: nothing to do
};

/// All findings; `config` may be nullptr.
std::vector<Finding> examine(const gateway::Config* config);

// The judgements, apart from what they judge, for tests.
Finding judge_kernel(std::string_view release);
/// `disabled` is kernel.io_uring_disabled (-1: there is no such setting), `filtered` whether seccomp is on.
Finding judge_ring(const ring::Probe& probe, int disabled, bool filtered);
Finding judge_files(uint64_t soft, uint64_t hard, uint64_t wanted);

} // namespace weir::cli
