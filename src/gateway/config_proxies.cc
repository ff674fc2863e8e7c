// gateway/config_proxies.cc - whose word on addresses counts, and in which form it comes.
#include "gateway/config_proxies.h"

namespace weir::gateway {

void read_proxies(Section& listen, Problems& problems, Config& config) {
    const toml::table& table = listen.table();
    std::string form = "connection";
    if (listen.text("client_address", form)) {
        if (form == "proxy_protocol") config.client_address = ClientAddress::proxy_protocol;
        else if (form == "x_forwarded_for") config.client_address = ClientAddress::x_forwarded_for;
        else if (form != "connection")
            problems.note(table.get("client_address")->source(), "config_value",
                          fmt::format("`client_address` must be \"connection\", \"proxy_protocol\" or "
                                      "\"x_forwarded_for\", not \"{}\"",
                                      form));
    }
    listen.texts("trusted_proxies", true, [&](const std::string& text, const toml::node& node) {
        const auto range = IpRange::parse(text);
        if (!range)
            return problems.note(node.source(), "config_value",
                                 fmt::format("\"{}\" is no address and no range of them, as in \"10.0.0.7\", "
                                             "\"10.0.0.0/8\" or \"2001:db8::/32\" (no bits behind the prefix)",
                                             text));
        if (range->bits == 0 || (range->first.is_v4() && range->bits == 96))
            return problems.note(node.source(), "config_value",
                                 fmt::format("\"{}\" is everybody: anyone could say to come from anywhere", text));
        config.trusted_proxies.push_back(*range);
    });
    const toml::node* const proxies = table.get("trusted_proxies");
    if (proxies == nullptr && config.client_address != ClientAddress::connection)
        problems.note(table.get("client_address")->source(), "config_missing",
                      "`trusted_proxies` is missing in [listen]: whose word on the addresses of clients counts");
    if (const auto* array = proxies == nullptr ? nullptr : proxies->as_array(); array != nullptr && array->empty())
        problems.note(proxies->source(), "config_value", "`trusted_proxies` is empty: leave it out");
    if (proxies != nullptr && config.client_address == ClientAddress::connection)
        problems.note(proxies->source(), table.get("client_address") == nullptr ? "config_missing" : "config_value",
                      "`trusted_proxies` needs `client_address` in [listen]: how they say for whom they come, "
                      "\"proxy_protocol\" or \"x_forwarded_for\"");
}

} // namespace weir::gateway
