// gateway/config_tls.cc - who is to be trusted on either side, and that nobody listens to a network unawares.
#include "gateway/config_tls.h"

#include "gateway/config_values.h"

#include <algorithm>

namespace weir::gateway {
namespace {

uint32_t line_of(const toml::node& node) { return static_cast<uint32_t>(node.source().begin.line); }

/// The name of a file under `key`, absolute; empty when there is none.
std::string file_of(Section& section, Problems& problems, std::string_view key, const std::string& directory) {
    std::string file;
    if (!section.text(key, file)) return {};
    if (file.empty())
        problems.note(section.table().get(key)->source(), "config_value", fmt::format("`{}` is empty", key));
    return absolute_path(file, directory);
}

} // namespace

void read_listen_tls(Section& listen, Problems& problems, const std::string& directory, Config& config) {
    listen.flag("without_tls", config.without_tls);
    auto section = listen.section("tls");
    if (!section) return;
    config.tls.line = line_of(section->table());
    std::string clients = "off", version = "1.2";
    if (section->text("client_certificates", clients)) {
        if (clients == "optional") config.tls.clients = net::TlsClients::optional;
        else if (clients == "required") config.tls.clients = net::TlsClients::required;
        else if (clients != "off")
            problems.note(section->table().get("client_certificates")->source(), "config_value",
                          "`client_certificates` must be \"off\", \"optional\" or \"required\"");
    }
    config.tls.client_ca = file_of(*section, problems, "client_ca", directory);
    if (config.tls.clients != net::TlsClients::off && section->table().get("client_ca") == nullptr)
        problems.note(section->table().source(), "config_missing",
                      "`client_ca` is missing in [listen.tls]: the file with the authorities that sign certificates of "
                      "clients");
    if (section->text("min_version", version)) {
        config.tls.only_1_3 = version == "1.3";
        if (version != "1.2" && version != "1.3")
            problems.note(section->table().get("min_version")->source(), "config_value",
                          "`min_version` must be \"1.2\" or \"1.3\": nothing older is safe");
    }
    section->flag("resumption", config.tls.resumption);
    section->finish();
}

void read_certificates(Section& top, Problems& problems, const std::string& directory, Config& config) {
    const toml::node* written = top.take("certificate");
    if (written == nullptr) return;
    const toml::array* array = written->as_array();
    if (array == nullptr || !std::ranges::all_of(*array, [](const auto& each) { return each.is_table(); }))
        return problems.note(written->source(), "config_type",
                             "write each certificate as [[certificate]], with two brackets");
    for (const toml::node& each : *array) {
        Section section(problems, *each.as_table(), "[[certificate]]");
        CertificateConfig certificate{.chain = file_of(section, problems, "chain", directory),
                                      .key = file_of(section, problems, "key", directory),
                                      .line = line_of(each)};
        for (const char* key : {"chain", "key"})
            if (section.table().get(key) == nullptr)
                problems.note(each.source(), "config_missing",
                              fmt::format("`{}` is missing in [[certificate]]: a PEM file", key));
        section.finish();
        config.tls.certificates.push_back(std::move(certificate));
    }
}

void read_server_tls(Section& server, Problems& problems, const std::string& directory, ServerConfig& config) {
    config.ca = file_of(server, problems, "ca", directory);
    server.texts("pin", true, [&](const std::string& text, const toml::node& node) {
        if (const auto pin = net::read_pin(text)) return config.pins.push_back(*pin);
        else problems.note(node.source(), "config_value", fmt::format("\"{}\" is no pin: {}", text, pin.error()));
    });
    for (const char* key : {"ca", "pin"})
        if (const toml::node* written = server.table().get(key); written != nullptr && !config.url.tls)
            problems.note(written->source(), "config_value",
                          fmt::format("`{}` is for servers whose `url` begins with https://", key));
}

void check_tls(const toml::table* listen, Problems& problems, const Config& config) {
    const bool tls = !config.tls.certificates.empty();
    if (const toml::node* written = listen == nullptr ? nullptr : listen->get("tls"); written != nullptr && !tls)
        problems.note(written->source(), "config_missing", "[listen.tls] needs a [[certificate]]");
    if (tls && config.without_tls)
        problems.note(listen->get("without_tls")->source(), "config_value",
                      "`without_tls = true` and [[certificate]] contradict each other");
    if (tls || config.without_tls) return;
    for (const ListenAddress& address : config.addresses) {
        if (address.loopback) continue;
        return problems.note(
            listen->get("address")->source(), "config_value",
            fmt::format("{} is not loopback, and without a [[certificate]] whatever is said there can "
                        "be read on its way: add one, or write `without_tls = true` in [listen] if TLS "
                        "ends before weir",
                        address.text));
    }
}

} // namespace weir::gateway
