// gateway/config.cc - the file behind a Config: read it, say what is wrong with it, say what is odd about it.
#include "gateway/config.h"

#include "base/file.h"
#include "gateway/config_values.h"

#include <fmt/format.h>
#include <algorithm>
#include <thread>

namespace weir::gateway {
namespace {

constexpr size_t file_bytes_max = 4 << 20;

bool is_on_this_machine(const std::string& host) {
    if (host == "localhost") return true;
    const auto address = parse_address(host.find(':') == std::string::npos ? host + ":1" : "[" + host + "]:1");
    return address && address->loopback;
}

} // namespace

std::string describe(const ConfigProblem& problem) {
    const std::string where =
        problem.line == 0 ? problem.file : fmt::format("{}:{}:{}", problem.file, problem.line, problem.column);
    return fmt::format("{}: {} ({})", where, problem.text, problem.code);
}

std::expected<Config, ConfigProblems> load_config(const std::string& path) {
    const auto text = read_whole_file(path, file_bytes_max);
    if (!text) {
        return std::unexpected(
            ConfigProblems{{path, 0, 0, "config_unreadable", fmt::format("cannot be read: {}", text.error())}});
    }
    const size_t slash = path.rfind('/');
    return parse_config(*text, path, slash == std::string::npos ? "" : slash == 0 ? "/" : path.substr(0, slash));
}

ConfigProblems warnings_of(const Config& config) {
    ConfigProblems out;
    const auto warn = [&](uint32_t line, std::string text) {
        out.push_back({config.file, line, line == 0 ? 0u : 1u, "config_warning", std::move(text)});
    };
    if (config.servers.empty()) warn(0, "no [[server]] is defined: every request will be answered 404");
    if (config.record.durability == Durability::off)
        warn(0, "the record is off: nothing that happens can be shown later");
    const uint64_t cores = std::max(1U, std::thread::hardware_concurrency());
    const uint64_t in_use_bytes = 2 * config.record.segment_bytes * (config.workers != 0 ? config.workers : cores);
    if (config.record.retain_bytes != 0 && config.record.retain_bytes < in_use_bytes) {
        warn(0,
             fmt::format("[record] retain_bytes cannot be kept: the segments in use, two for each of {} workers, take "
                         "{} bytes",
                         config.workers != 0 ? config.workers : cores, in_use_bytes));
    }
    if (config.admin && !config.admin->loopback) {
        warn(0,
             fmt::format("[admin] listens on {} and shows metrics and status to whoever comes{}: keep it on loopback",
                         config.admin->text, config.admin_tls ? "" : ", in clear text"));
    }
    if (config.tls.certificates.empty() && !std::ranges::all_of(config.addresses, &ListenAddress::loopback)) {
        warn(0,
             "[listen] reaches beyond this machine in clear text: whoever is on the way can read and use tokens; put "
             "a proxy that ends TLS before it");
        if (config.public_url.empty() && !config.issuers.empty())
            warn(0, "[listen] has no public_url: clients are told to come back to whatever Host they sent, by http");
    }
    for (const ServerConfig& server : config.servers) {
        if (server.allow_by_default && config.policies_dir.empty()) {
            warn(server.line,
                 fmt::format("server \"{}\" allows every call: its default is allow and there are no policies",
                             server.name));
        }
        if (!server.allow_by_default && config.policies_dir.empty()) {
            warn(server.line,
                 fmt::format("server \"{}\" blocks every call: its default is block and there are no policies "
                             "that allow one",
                             server.name));
        }
        if (server.credential && server.url.text.starts_with("http://") && !is_on_this_machine(server.url.host)) {
            warn(server.line,
                 fmt::format(
                     "server \"{}\" gets its credential in clear text: its url is http:// and not on this machine",
                     server.name));
        }
    }
    return out;
}

} // namespace weir::gateway
