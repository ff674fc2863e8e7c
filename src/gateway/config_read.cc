// gateway/config_read.cc - weir.toml to Config, table by table.
//
// Reading goes on after a problem, so that an operator sees all of them at once; the Config is only handed out when
// there was none. What one table needs of another (servers of the listen addresses) is read before it.
#include "base/glob.h"
#include "gateway/config_admin.h"
#include "gateway/config_credential.h"
#include "gateway/config_identity.h"
#include "gateway/config_limits.h"
#include "gateway/config_proxies.h"
#include "gateway/config_section.h"
#include "gateway/config_tls.h"
#include "gateway/config_values.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace weir::gateway {
namespace {

class Reader {
  public:
    Reader(std::string name, std::string directory) : problems_(name), directory_(std::move(directory)) {
        config_.file = std::move(name);
    }

    std::expected<Config, ConfigProblems> read(std::string_view text);
    void note(const toml::source_region& where, std::string_view code, std::string text) {
        problems_.note(where, code, std::move(text));
    }

  private:
    void read_listen(Section& section);
    void read_record(Section& section);
    void read_policies(Section& section);
    void read_limits(Section& section);
    void read_server(Section& section);
    template <class Each> void each_table(Section& top, std::string_view key, Each each);
    void read_server_table(Section& section, ServerConfig& server);
    void check_listen(const toml::table* listen);
    void check_servers();
    void check_deciders();
    std::string absolute(const std::string& path) const { return absolute_path(path, directory_); }

    Problems problems_;
    std::string directory_;
    Config config_;
    std::vector<toml::source_region> server_places_;
};

void Reader::read_listen(Section& section) {
    section.texts("address", true, [&](const std::string& text, const toml::node& node) {
        auto address = parse_address(text);
        if (!address) {
            return note(node.source(), "config_value",
                        fmt::format("\"{}\" is no address to listen on: write an IP address and a port, as in "
                                    "\"127.0.0.1:7070\" or \"[::1]:7070\"",
                                    text));
        }
        for (const ListenAddress& other : config_.addresses) {
            if (other.text == address->text) {
                return note(node.source(), "config_duplicate", fmt::format("\"{}\" is listed twice", text));
            }
        }
        config_.addresses.push_back(std::move(*address));
    });
    section.texts("hosts", false, [&](const std::string& text, const toml::node& node) {
        if (auto host = parse_authority(text)) return config_.hosts.push_back(std::move(*host));
        note(node.source(), "config_value",
             fmt::format("\"{}\" is no Host value: write host or host:port as clients send it", text));
    });
    section.texts("origins", false, [&](const std::string& text, const toml::node& node) {
        if (auto origin = parse_origin(text)) return config_.origins.push_back(std::move(*origin));
        note(node.source(), "config_value",
             fmt::format("\"{}\" is no Origin value: write it as browsers send it, as in \"https://app.example\"",
                         text));
    });
    if (std::string url; section.text("public_url", url)) {
        auto origin = parse_origin(url);
        const bool local = origin && (origin->starts_with("http://127.0.0.1") ||
                                      origin->starts_with("http://localhost") || origin->starts_with("http://[::1]"));
        if (origin && (local || origin->starts_with("https://"))) config_.public_url = std::move(*origin);
        else
            note(section.table().get("public_url")->source(), "config_value",
                 fmt::format("\"{}\" is not what clients call weir by, as in \"https://mcp.example\": https (http for "
                             "loopback), a host, perhaps a port, no path",
                             url));
    }
    uint64_t workers = 0;
    section.whole("workers", 0, 256, workers);
    config_.workers = static_cast<uint32_t>(workers);
}

/// Who may connect decides which Host values are safe: on loopback the local names, elsewhere only what is written.
void Reader::check_listen(const toml::table* listen) {
    const toml::node* written = listen == nullptr ? nullptr : listen->get("address");
    if (written == nullptr) {
        config_.addresses.push_back(*parse_address("127.0.0.1:7070"));
    } else if (const auto* array = written->as_array(); array != nullptr && array->empty()) {
        note(written->source(), "config_value", "`address` is empty: there is nothing to listen on");
    }
    if (listen != nullptr && listen->get("hosts") != nullptr) {
        const toml::node& hosts = *listen->get("hosts");
        if (hosts.as_array() != nullptr && hosts.as_array()->empty()) {
            note(hosts.source(), "config_value", "`hosts` is empty: every request would be refused");
        }
        return;
    }
    for (const ListenAddress& address : config_.addresses) {
        if (!address.loopback) {
            note(written->source(), "config_missing",
                 fmt::format(
                     "`hosts` is missing in [listen]: {} is not loopback, so weir must be told which Host values "
                     "are its own (a page in a browser could otherwise reach it under a name of its choice)",
                     address.text));
            continue;
        }
        for (const char* host : {"127.0.0.1", "localhost", "[::1]"}) {
            std::string value = fmt::format("{}:{}", host, address.port);
            if (std::find(config_.hosts.begin(), config_.hosts.end(), value) == config_.hosts.end()) {
                config_.hosts.push_back(std::move(value));
            }
        }
    }
}

void Reader::read_record(Section& section) {
    std::string durability;
    if (section.text("durability", durability)) {
        if (durability == "off") config_.record.durability = Durability::off;
        else if (durability == "batch") config_.record.durability = Durability::batch;
        else if (durability == "strict") config_.record.durability = Durability::strict;
        else {
            note(section.table().get("durability")->source(), "config_value",
                 fmt::format("`durability` must be \"batch\", \"strict\" or \"off\", not \"{}\"", durability));
        }
    }
    section.size("body_bytes_max", 0, uint64_t{64} << 20, config_.record.body_bytes_max);
    section.size("segment_bytes", uint64_t{1} << 20, uint64_t{4} << 30, config_.record.segment_bytes);
    section.size("retain_bytes", 0, INT64_MAX, config_.record.retain_bytes);
    uint64_t days = 0;
    if (section.whole("retain_days", 0, 36'500, days)) config_.record.retain_days = static_cast<uint32_t>(days);
    const uint64_t in_use_bytes = 2 * config_.record.segment_bytes * std::max(1U, config_.workers);
    if (config_.record.retain_bytes != 0 && config_.record.retain_bytes < in_use_bytes) {
        const toml::node* written = section.table().get("retain_bytes");
        note(written->source(), "config_value",
             "`retain_bytes` must be 0 or at least two segments (`segment_bytes`) for each worker");
    }
}

void Reader::read_policies(Section& section) {
    if (section.text("dir", config_.policies_dir)) {
        if (config_.policies_dir.empty()) {
            note(section.table().get("dir")->source(), "config_value",
                 "`dir` is empty: leave it out to have no policies");
        }
        config_.policies_dir = absolute(config_.policies_dir);
        config_.policies_line = section.table().get("dir")->source().begin.line;
    }
    auto values = section.section("config");
    if (!values) return;
    for (const auto& [key, node] : values->table()) {
        PolicyValue value{std::string(key.str()), {}};
        if (const auto* text = node.as_string()) value.value = text->get();
        else if (const auto* flag = node.as_boolean()) value.value = flag->get();
        else if (const auto* real = node.as_floating_point(); real != nullptr && std::isfinite(real->get())) {
            value.value = real->get();
        } else if (const auto* number = node.as_integer()) {
            if (std::abs(number->get()) > (int64_t{1} << 53)) {
                note(node.source(), "config_value",
                     fmt::format("`{}` is beyond 2^53, which a policy cannot hold", key.str()));
                continue;
            }
            value.value = static_cast<double>(number->get());
        } else {
            note(node.source(), "config_type",
                 fmt::format("`{}` must be a string, a number, true or false, not {}", key.str(), type_name(node)));
            continue;
        }
        config_.policy_values.push_back(std::move(value));
    }
}

void Reader::read_limits(Section& section) {
    for (const LimitRow& row : limit_rows()) {
        uint64_t value = 0;
        bool taken = false;
        switch (row.unit) {
            case LimitUnit::duration: taken = section.duration(row.key, row.least, row.most, value); break;
            case LimitUnit::bytes: taken = section.size(row.key, row.least, row.most, value); break;
            case LimitUnit::count: taken = section.whole(row.key, row.least, row.most, value); break;
        }
        if (taken) row.set(config_.limits, value);
    }
}

void Reader::read_server_table(Section& section, ServerConfig& server) {
    if (auto labels = section.section("labels")) {
        for (const auto& [key, node] : labels->table()) {
            if (const auto* text = node.as_string()) server.labels.push_back({std::string(key.str()), text->get()});
            else
                note(node.source(), "config_type",
                     fmt::format("label `{}` must be a string, not {}", key.str(), type_name(node)));
        }
    }
    if (auto tags = section.section("tags")) {
        for (const auto& [key, node] : tags->table()) {
            if (!valid_name(key.str())) {
                note(key.source(), "config_value",
                     fmt::format("tag `{}` must be made of a-z, 0-9, `_` and `-`, at most 64 of them", key.str()));
                continue;
            }
            TagConfig tag{std::string(key.str()), {}};
            tags->texts(key.str(), true, [&](const std::string& glob, const toml::node& where) {
                if (glob_valid(glob) && !glob.empty()) return tag.globs.push_back(glob);
                note(where.source(), "config_value", fmt::format("\"{}\" is no glob", glob));
            });
            server.tags.push_back(std::move(tag));
        }
    }
    section.texts("forward_headers", false, [&](const std::string& text, const toml::node& node) {
        std::string name = lowered(text);
        if (!valid_field_name(name)) {
            note(node.source(), "config_value", fmt::format("\"{}\" is no name of an HTTP header", text));
        } else if (field_is_weirs(name)) {
            note(node.source(), "config_value",
                 fmt::format("\"{}\" is weir's own to write or to drop and cannot be listed", text));
        } else {
            server.forward_headers.push_back(std::move(name));
        }
    });
    read_credential(section, problems_, directory_, server);
    read_server_tls(section, problems_, directory_, server);
}

void Reader::read_server(Section& section) {
    ServerConfig server;
    server.line = static_cast<uint32_t>(section.table().source().begin.line);
    const auto at = [&](std::string_view key) { return section.table().get(key)->source(); };
    const auto missing = [&](std::string_view key, std::string_view example) {
        if (section.table().get(key) == nullptr) {
            note(section.table().source(), "config_missing",
                 fmt::format("`{}` is missing in [[server]]: {}", key, example));
        }
    };
    if (section.text("name", server.name) && !valid_name(server.name)) {
        note(at("name"), "config_value",
             fmt::format(
                 "`name` must be made of a-z, 0-9, `_` and `-`, begin with a letter or digit and have at most 64 "
                 "characters: it is part of the URL; \"{}\" is not",
                 server.name));
    }
    missing("name", "it is the last part of the URL that clients use");
    std::string url;
    if (section.text("url", url)) {
        switch (parse_server_url(url, server.url)) {
            case UrlProblem::fine: break;
            case UrlProblem::scheme:
                note(at("url"), "config_value", "`url` must begin with http:// or https://");
                break;
            case UrlProblem::user: note(at("url"), "config_value", "`url` must not hold a user or password"); break;
            case UrlProblem::query: note(at("url"), "config_value", "`url` must not have a query or fragment"); break;
            case UrlProblem::malformed:
                note(at("url"), "config_value",
                     fmt::format("\"{}\" is no URL such as \"http://127.0.0.1:3001/mcp\"", url));
                break;
        }
    }
    missing("url", "where the MCP server is, as in \"http://127.0.0.1:3001/mcp\"");
    server.path = "/mcp/" + server.name;
    if (section.text("path", server.path) && !valid_path(server.path)) {
        note(at("path"), "config_value",
             fmt::format("`path` must begin with `/`, have no empty part and no `/` at its end; \"{}\" has",
                         server.path));
    }
    std::string fallback = "block";
    if (section.text("default", fallback) && fallback != "block" && fallback != "allow") {
        note(at("default"), "config_value",
             fmt::format("`default` must be \"block\" or \"allow\", not \"{}\"", fallback));
    }
    server.allow_by_default = fallback == "allow";
    read_access(section, problems_, config_, server);
    const LimitRow& connect = *limit_row("upstream_connect_max");
    const LimitRow& first = *limit_row("upstream_first_octet_max");
    const LimitRow& silence = *limit_row("upstream_silence_max");
    server.connect_ns_max = config_.limits.upstream_connect_ns_max;
    server.first_octet_ns_max = config_.limits.upstream_first_octet_ns_max;
    server.silence_ns_max = config_.limits.upstream_silence_ns_max;
    section.duration("connect_max", connect.least, connect.most, server.connect_ns_max);
    section.duration("first_octet_max", first.least, first.most, server.first_octet_ns_max);
    section.duration("silence_max", silence.least, silence.most, server.silence_ns_max);
    read_server_table(section, server);
    section.finish();
    server_places_.push_back(section.table().source());
    config_.servers.push_back(std::move(server));
}

/// Whose token calls a server must not thereby decide about calls: agents hold such tokens.
void Reader::check_deciders() {
    const DecidersConfig& deciders = config_.deciders;
    if (!deciders.scopes.empty()) return;
    const auto decides = [&](const std::string& audience) {
        return std::ranges::find(deciders.audiences, audience) != deciders.audiences.end();
    };
    for (size_t i = 0; i < config_.servers.size(); ++i) {
        const ServerConfig& server = config_.servers[i];
        bool shared = std::ranges::any_of(server.audiences, decides);
        for (const uint32_t issuer : server.issuers)
            shared =
                shared || (server.audiences.empty() && std::ranges::any_of(config_.issuers[issuer].audiences, decides));
        if (shared)
            note(
                server_places_[i], "config_value",
                fmt::format(
                    "tokens for server \"{}\" would decide about calls, too: give `audience` in [admin] a value of its "
                    "own, or demand `scopes` there that agents do not get",
                    server.name));
    }
}

void Reader::check_servers() {
    for (size_t i = 0; i < config_.servers.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
            const ServerConfig &server = config_.servers[i], &other = config_.servers[j];
            if (!server.name.empty() && server.name == other.name) {
                note(server_places_[i], "config_duplicate",
                     fmt::format("server \"{}\" is defined twice, first at line {}", server.name, other.line));
            } else if (server.path == other.path) {
                note(server_places_[i], "config_duplicate",
                     fmt::format("path \"{}\" of server \"{}\" is already that of server \"{}\"", server.path,
                                 server.name, other.name));
            }
        }
    }
}

/// Every [[key]] of the file.
template <class Each> void Reader::each_table(Section& top, std::string_view key, Each each) {
    const toml::node* tables = top.take(key);
    if (tables == nullptr) return;
    const toml::array* array = tables->as_array();
    if (array == nullptr || !std::ranges::all_of(*array, [](const auto& one) { return one.is_table(); }))
        return note(tables->source(), "config_type", fmt::format("write each {0} as [[{0}]], with two brackets", key));
    for (const toml::node& one : *array) {
        Section section(problems_, *one.as_table(), fmt::format("[[{}]]", key));
        each(section);
    }
}

std::expected<Config, ConfigProblems> Reader::read(std::string_view text) {
    const toml::parse_result parsed = toml::parse(text, std::string_view(config_.file));
    if (!parsed) {
        note(parsed.error().source(), "config_syntax", std::string(parsed.error().description()));
        return std::unexpected(problems_.take());
    }
    const toml::table& root = parsed.table();
    Section top(problems_, root, "");
    auto listen = top.section("listen");
    if (listen) {
        read_listen(*listen);
        read_proxies(*listen, problems_, config_);
        read_listen_tls(*listen, problems_, directory_, config_);
        listen->finish();
    }
    read_certificates(top, problems_, directory_, config_);
    check_listen(listen ? &listen->table() : nullptr);
    check_tls(listen ? &listen->table() : nullptr, problems_, config_);
    if (auto state = top.section("state")) {
        if (state->text("dir", config_.state_dir) && config_.state_dir.empty()) {
            note(state->table().get("dir")->source(), "config_value", "`dir` is empty");
        }
        config_.state_dir = absolute(config_.state_dir);
        state->finish();
    }
    if (auto record = top.section("record")) {
        read_record(*record);
        record->finish();
    }
    if (auto policies = top.section("policies")) {
        read_policies(*policies);
        policies->finish();
    }
    if (auto limits = top.section("limits")) {
        read_limits(*limits);
        limits->finish();
    }
    std::vector<toml::source_region> issuer_places;
    each_table(top, "issuer", [&](Section& section) {
        read_issuer(section, problems_, config_);
        issuer_places.push_back(section.table().source());
    });
    check_issuers(config_, problems_, issuer_places);
    if (auto admin = top.section("admin")) read_admin(*admin, problems_, config_);
    each_table(top, "server", [&](Section& section) { read_server(section); });
    check_servers();
    check_deciders();
    top.finish();
    if (problems_.none()) return std::move(config_);
    return std::unexpected(problems_.take());
}

} // namespace

std::expected<Config, ConfigProblems> parse_config(std::string_view text, const std::string& name,
                                                   const std::string& directory) {
    return Reader(name, directory).read(text);
}

} // namespace weir::gateway
