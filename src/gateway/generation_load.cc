// gateway/generation_load.cc - policies, servers, routes and listeners of a configuration.
#include "gateway/generation_load.h"

#include "base/log.h"
#include "control/names.h"
#include "crypto/secret.h"
#include "gateway/tls_files.h"
#include "gateway/worker.h"
#include "mcp/method.h"
#include "policy/rules.h"
#include "ring/kernel_ring.h"

#include <fmt/format.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace weir::gateway {
namespace {

constexpr int backlog = 4096;
constexpr uint64_t address_look_ns = 20 * ms_ns; // whether another program still listens

policy::Surroundings surroundings_of(const Config& config) {
    policy::Surroundings surroundings;
    surroundings.limits = config.limits;
    for (const mcp::MethodRow& row : mcp::method_rows)
        if (!row.text.empty()) surroundings.methods.push_back(row.text);
    for (const auto& server : config.servers) {
        policy::Server known{
            .name = server.name, .labels = {}, .tags = {}, .allow_by_default = server.allow_by_default};
        for (const auto& label : server.labels) known.labels.push_back({label.name, label.value});
        for (const auto& tag : server.tags) known.tags.push_back({tag.tag, tag.globs});
        surroundings.servers.push_back(std::move(known));
    }
    for (const auto& value : config.policy_values) surroundings.values.push_back({value.name, value.value});
    return surroundings;
}

Server server_of(const Config& whole, uint32_t index) {
    const ServerConfig& config = whole.servers[index];
    Server server{
        .index = index,
        .config = &config,
        .post_head = {},
        .get_head = {},
        .delete_head = {},
        .address = {},
        .credential = {},
        .resource = {.server = config.name, .trusts = {}, .scopes = config.scopes, .api_keys = config.api_keys}};
    for (const uint32_t issuer : config.issuers)
        server.resource.trusts.push_back(
            {issuer, config.audiences.empty() ? whole.issuers[issuer].audiences : config.audiences});
    const std::string line = " " + config.url.target + " HTTP/1.1\r\nHost: " + config.url.authority + "\r\n";
    server.post_head = "POST" + line +
                       "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
                       "Accept-Encoding: identity\r\nContent-Length: ";
    server.get_head = "GET" + line + "Accept: text/event-stream\r\nAccept-Encoding: identity\r\n";
    server.delete_head =
        "DELETE" + line + "Accept: application/json, text/event-stream\r\nAccept-Encoding: identity\r\n";
    if (const auto address = control::resolve({config.url.host, config.url.port})) server.address = *address;
    else log::warn("name_not_found", {{"server", config.name}, {"host", config.url.host}});
    return server;
}

/// What a server is shown, and whom it must prove to be, as files and variables say now.
struct Sources {
    CredentialField credential;                                // null: none, or its provider gives it later
    std::shared_ptr<const net::TlsClientOptions> tls_client{}; // null: plain text
};

/// What is wrong with them goes to `problems`.
Sources load_sources(const Config& config, const ServerConfig& server, ConfigProblems& problems) {
    Sources sources;
    const auto wrong = [&](std::string text) {
        if (!text.empty()) problems.push_back({config.file, server.line, 1, "config_unreadable", std::move(text)});
    };
    if (server.credential) {
        const CredentialConfig& credential = *server.credential;
        if (credential.granted()) {
            wrong(grant_problem(credential));
        } else if (auto field = load_credential(credential)) {
            sources.credential = std::move(*field);
        } else {
            wrong(std::move(field.error()));
        }
        if (!credential.ca.empty()) wrong(authorities_problem(credential.ca));
    }
    if (server.url.tls) {
        if (auto options = load_server_tls(server)) sources.tls_client = std::move(*options);
        else wrong(std::move(options.error()));
    }
    return sources;
}

} // namespace

std::expected<std::shared_ptr<const policy::PolicySet>, ConfigProblems> load_policies(const Config& config) {
    auto policies = policy::PolicySet::load(config.policies_dir, surroundings_of(config));
    if (policies) return std::move(*policies);
    ConfigProblems problems;
    for (const policy::Problem& problem : policies.error()) {
        if (problem.file.empty()) {
            problems.push_back(
                {config.file, config.policies_line, 1, "policy_invalid", config.policies_dir + ": " + problem.text});
            continue;
        }
        problems.push_back({config.policies_dir + "/" + problem.file, problem.line, problem.line == 0 ? 0U : 1U,
                            "policy_invalid", problem.text});
    }
    return std::unexpected(std::move(problems));
}

ConfigProblems policy_warnings(const Config& config, const policy::PolicySet& policies) {
    ConfigProblems out;
    for (const policy::Problem& odd : policies.warnings())
        out.push_back({config.policies_dir + "/" + odd.file, odd.line, 1, "config_warning", odd.text});
    if (!config.deciders.audiences.empty()) return out; // which needs an address and an issuer
    for (const policy::Rule& rule : policies.rules().all()) {
        if (rule.ruling.decision != policy::Decision::approve || rule.handler) continue;
        const std::string missing =
            fmt::format("{} in [admin]{}", config.admin ? "`audience`" : "`address` and `audience`",
                        config.issuers.empty() ? ", and an [[issuer]]" : "");
        out.push_back({config.policies_dir + "/" + rule.file, rule.line, 1, "config_warning",
                       fmt::format("policy \"{}\" names who may approve, but nobody can come with a token to do so: "
                                   "write {}; until then only who may open the control socket decides",
                                   rule.name, missing)});
    }
    return out;
}

ConfigProblems source_problems(const Config& config) {
    ConfigProblems problems;
    for (const ServerConfig& server : config.servers) load_sources(config, server, problems);
    if (!config.tls.certificates.empty())
        if (auto options = load_listen_tls(config, nullptr); !options)
            problems.insert(problems.end(), options.error().begin(), options.error().end());
    return problems;
}

std::expected<void, ConfigProblems> load_generation(Config config, Generation& generation) {
    generation.config = std::move(config);
    const Config& settled = generation.config;
    auto policies = load_policies(settled);
    if (!policies) return std::unexpected(std::move(policies.error()));
    generation.policies = std::move(*policies);
    // The configuration let in only what can be read.
    for (const auto& host : settled.hosts) generation.hosts.push_back(http::read_authority(host).value());
    for (const auto& origin : settled.origins) generation.origins.push_back(http::read_origin(origin).value());
    for (const auto& issuer : settled.issuers) generation.issuers.push_back(issuer.issuer);
    const DecidersConfig& deciders = settled.deciders;
    for (const auto& host : deciders.hosts) generation.desk_hosts.push_back(http::read_authority(host).value());
    generation.desk = {.server = "admin", .trusts = {}, .scopes = deciders.scopes, .api_keys = false};
    if (!deciders.audiences.empty())
        for (const uint32_t issuer : deciders.issuers) generation.desk.trusts.push_back({issuer, deciders.audiences});
    ConfigProblems problems;
    for (uint32_t i = 0; i < settled.servers.size(); ++i) {
        Server& server = generation.servers.emplace_back(server_of(settled, i));
        Sources sources = load_sources(settled, settled.servers[i], problems);
        server.credential = std::move(sources.credential);
        server.tls_client = std::move(sources.tls_client);
        generation.routes.emplace(settled.servers[i].path, i);
    }
    if (!settled.tls.certificates.empty()) {
        WEIR_ASSERT(crypto::fill_random(generation.tls_tickets.octets));
        if (auto options = load_listen_tls(settled, &generation.tls_tickets)) generation.tls_server = *options;
        else problems.insert(problems.end(), options.error().begin(), options.error().end());
    }
    if (!problems.empty()) return std::unexpected(std::move(problems));
    return {};
}

std::string await_addresses(const Config& config, uint64_t wait_ns_max) {
    std::vector<const ListenAddress*> addresses;
    for (const auto& address : config.addresses) addresses.push_back(&address);
    if (config.admin) addresses.push_back(&*config.admin);
    for (uint64_t waited_ns = 0; const auto* address : addresses) {
        int failed = ring::try_address(address->address);
        for (; failed == -EADDRINUSE && waited_ns < wait_ns_max; waited_ns += address_look_ns) {
            std::this_thread::sleep_for(std::chrono::nanoseconds(address_look_ns));
            failed = ring::try_address(address->address);
        }
        if (failed == -EADDRINUSE)
            return "cannot listen on " + address->text + ": another program listens there (another weir, perhaps)";
        if (failed != 0) return "cannot listen on " + address->text + ": " + std::strerror(-failed);
    }
    return {};
}

std::string open_listeners(const Config& config, uint32_t index, std::vector<std::pair<int, Role>>& listeners) {
    const auto add = [&](const ring::Address& address, const std::string& text, Role role) -> std::string {
        const int fd = ring::listen_on(address, backlog);
        if (fd < 0) return "cannot listen on " + text + ": " + std::strerror(-fd);
        listeners.emplace_back(fd, role);
        return {};
    };
    for (const auto& address : config.addresses)
        if (auto failed = add(address.address, address.text, Role::client); !failed.empty()) return failed;
    if (index != 0) return {};
    if (config.admin)
        if (auto failed = add(config.admin->address, config.admin->text, Role::admin); !failed.empty()) return failed;
    return {};
}

record::WriterOptions record_options(const StateDir& state, const Config& config, uint32_t index,
                                     const record::LogId& log, record::Retention* retention) {
    record::WriterOptions options;
    options.directory = state.segments();
    options.worker = index;
    options.log = log;
    options.seed = crypto::random_u64();
    switch (config.record.durability) {
        case Durability::off: options.durability = record::Durability::off; break;
        case Durability::batch: options.durability = record::Durability::batch; break;
        case Durability::strict: options.durability = record::Durability::strict; break;
    }
    options.segment_bytes = config.record.segment_bytes;
    options.queue_bytes_max = options.tail_bytes = config.limits.record_queue_bytes_max;
    options.sync_ns_max = config.limits.record_sync_ns_max;
    options.retention = retention;
    options.body_bytes_max = static_cast<uint32_t>(config.record.body_bytes_max);
    return options;
}

} // namespace weir::gateway
