// gateway/tls_files.cc - PEM files, read whole and tried.
#include "gateway/tls_files.h"

#include "base/file.h"

#include <fmt/format.h>
#include <ctime>

namespace weir::gateway {
namespace {

constexpr size_t file_bytes_max = 1 << 20;
constexpr const char* system_authorities = "/etc/ssl/certs/ca-certificates.crt"; // Debian's, and of most others
constexpr uint64_t day_s = 86'400, soon_days = 14;
constexpr size_t rsa_bits_max = 2048; // a signature with more takes longer than others may be kept waiting

std::string date_of(int64_t unix_s) {
    const time_t time = unix_s;
    std::tm broken{};
    gmtime_r(&time, &broken);
    return fmt::format("{:04}-{:02}-{:02}", broken.tm_year + 1900, broken.tm_mon + 1, broken.tm_mday);
}

std::expected<net::TlsCertificateText, std::string> read_files(const CertificateConfig& config) {
    net::TlsCertificateText text;
    for (auto [file, to] : {std::pair{&config.chain, &text.chain}, {&config.key, &text.key}}) {
        auto read = read_whole_file(*file, file_bytes_max);
        if (!read) return std::unexpected(fmt::format("{} cannot be read: {}", *file, read.error()));
        *to = std::move(*read);
    }
    return text;
}

} // namespace

std::expected<std::shared_ptr<const net::TlsServerOptions>, ConfigProblems> load_listen_tls(
    const Config& config, const net::TlsTicketSecret* tickets) {
    auto options = std::make_shared<net::TlsServerOptions>();
    ConfigProblems problems;
    const auto wrong = [&](uint32_t line, std::string text) {
        problems.push_back({config.file, line, 1, "config_unreadable", std::move(text)});
    };
    for (const auto& certificate : config.tls.certificates) {
        auto text = read_files(certificate);
        if (!text) {
            wrong(certificate.line, text.error());
        } else if (const auto facts = net::read_certificate(*text); !facts) {
            wrong(certificate.line, fmt::format("{}: {}", certificate.chain, facts.error()));
        } else {
            options->certificates.push_back(std::move(*text));
        }
    }
    options->clients = config.tls.clients;
    options->only_1_3 = config.tls.only_1_3;
    if (config.tls.resumption) options->tickets = tickets;
    if (config.tls.clients != net::TlsClients::off) {
        auto text = read_whole_file(config.tls.client_ca, file_bytes_max);
        if (!text) {
            wrong(config.tls.line, fmt::format("{} cannot be read: {}", config.tls.client_ca, text.error()));
        } else if (const auto count = net::read_authorities(*text); !count) {
            wrong(config.tls.line, fmt::format("{}: {}", config.tls.client_ca, count.error()));
        } else {
            options->client_authorities = std::move(*text);
        }
    }
    if (!problems.empty()) return std::unexpected(std::move(problems));
    if (auto made = net::TlsServer::make(*options); !made) {
        wrong(config.tls.certificates.front().line, made.error());
        return std::unexpected(std::move(problems));
    }
    return options;
}

std::expected<std::shared_ptr<const net::TlsClientOptions>, std::string> load_server_tls(const ServerConfig& server) {
    auto options = std::make_shared<net::TlsClientOptions>();
    options->name = server.url.host;
    options->pins = server.pins;
    const std::string file = authorities_file(server);
    if (!file.empty()) {
        auto text = read_whole_file(file, file_bytes_max);
        if (!text)
            return std::unexpected(fmt::format("server \"{}\": the authorities in {} cannot be read: {}", server.name,
                                               file, text.error()));
        options->authorities = std::move(*text);
    }
    if (auto made = net::TlsClient::make(*options); !made)
        return std::unexpected(fmt::format("server \"{}\": {}: {}", server.name, file, made.error()));
    return options;
}

std::string authorities_file(const ServerConfig& server) {
    if (!server.ca.empty()) return server.ca;
    return server.pins.empty() ? system_authorities : std::string();
}

std::string authorities_problem(const std::string& file) {
    const auto text = read_whole_file(file, file_bytes_max);
    if (!text) return fmt::format("{} cannot be read: {}", file, text.error());
    const auto count = net::read_authorities(*text);
    return count ? std::string() : fmt::format("{}: {}", file, count.error());
}

ConfigProblems tls_warnings(const Config& config, uint64_t unix_s) {
    ConfigProblems out;
    const auto now = static_cast<int64_t>(unix_s);
    for (const auto& certificate : config.tls.certificates) {
        const auto text = read_files(certificate);
        const auto facts = text ? net::read_certificate(*text) : std::unexpected(std::string());
        if (!facts) continue;
        const auto warn = [&](std::string what) {
            out.push_back({config.file, certificate.line, 1, "config_warning",
                           fmt::format("the certificate in {} {}", certificate.chain, what)});
        };
        const std::string until = date_of(facts->not_after_s);
        if (now >= facts->not_after_s) warn(fmt::format("has expired on {}: clients will refuse it", until));
        else if (now + static_cast<int64_t>(soon_days * day_s) >= facts->not_after_s)
            warn(fmt::format("expires soon, on {}", until));
        if (now < facts->not_before_s)
            warn(fmt::format("is not valid before {}: clients will refuse it", date_of(facts->not_before_s)));
        if (facts->names.empty()) warn("stands for no name (subjectAltName): clients will refuse it");
        if (facts->rsa && facts->key_bits > rsa_bits_max)
            warn(
                fmt::format("has an RSA key of {} bits: each new connection takes a worker's hands for more than ten "
                            "milliseconds; ECDSA P-256 takes a tenth of it",
                            facts->key_bits));
    }
    return out;
}

std::vector<std::string> listen_tls_files(const Config& config) {
    std::vector<std::string> files;
    for (const auto& certificate : config.tls.certificates) {
        files.push_back(certificate.chain);
        files.push_back(certificate.key);
    }
    if (config.tls.clients != net::TlsClients::off) files.push_back(config.tls.client_ca);
    return files;
}

} // namespace weir::gateway
