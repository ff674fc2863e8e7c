// gateway/generation_load.h - from a configuration to what a gateway runs on: policies, servers, routes, listeners, keys.
//
// Everything that may refuse to start is here, so that nothing does after it. Blocks on files and on the resolver.
#pragma once

#include "gateway/generation.h"
#include "gateway/state_dir.h"
#include "mcp/sealed.h"
#include "record/writer.h"

#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace weir::gateway {

enum class Role : uint8_t;

/// The policies that `config` names, or all that is wrong with them. Runs none.
std::expected<std::shared_ptr<const policy::PolicySet>, ConfigProblems> load_policies(const Config& config);

/// What policies ask for that `config` does not offer: people who decide.
ConfigProblems policy_warnings(const Config& config, const policy::PolicySet& policies);

/// All that load_generation() refuses of what is in files and variables that `config` names, its policies left out: what servers
/// and providers are shown, whom they must prove to be, what clients are shown. Keeps none of it.
ConfigProblems source_problems(const Config& config);

/// Loads policies and looks names up. A server whose name is not found yet is kept: it is looked up again when asked for.
std::expected<void, ConfigProblems> load_generation(Config config, Generation& generation);

/// Waits, `wait_ns_max` at most, until nobody else listens at the addresses of [listen] and [admin]: a listener of a program that has
/// ended may be there for some moments more. An empty text: they are free; else what is wrong.
std::string await_addresses(const Config& config, uint64_t wait_ns_max);

/// The listening sockets of worker `index`: every address of [listen] for clients, and on worker 0 the admin address. An
/// empty text: all are there; else what is wrong, and what there was stays in `listeners`.
std::string open_listeners(const Config& config, uint32_t index, std::vector<std::pair<int, Role>>& listeners);

/// How worker `index` writes its stream. `retention` is that of all streams, or nullptr: all is kept.
record::WriterOptions record_options(const StateDir& state, const Config& config, uint32_t index,
                                     const record::LogId& log, record::Retention* retention);

} // namespace weir::gateway
