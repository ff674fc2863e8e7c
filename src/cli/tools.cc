// cli/tools.cc - `weir tools list [SERVER]`: the tools as a client of weir sees them, hidden ones left out.
#include "cli/call.h"
#include "cli/config_option.h"
#include "cli/entry_text.h"
#include "cli/output.h"
#include "cli/target.h"
#include "json/text.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

namespace weir::cli {
namespace {

constexpr int pages_max = 1000;

struct ToolsOptions {
    TargetOptions target;
    std::string server;
    bool json = false;
};

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

/// What is said in the JSON of a server that did not say its tools.
void write_failed(json::Text& out, const std::string& server, std::string_view why) {
    out.begin_object().name("server").string(server).name("error").string(as_utf8(why)).end_object();
}

/// All pages of one server's tools/list into the table and the JSON.
Exit list(const Endpoint& endpoint, const std::string& server, const TargetOptions& target, Table& table,
          json::Text& out) {
    McpClient client(endpoint, timeout_ns(target));
    const std::string where = endpoint.url();
    if (const Exit connected = connect(client, target, where); connected != Exit::ok) {
        write_failed(out, server, client.why());
        return connected;
    }
    std::vector<std::string> definitions;
    std::string cursor;
    for (int page = 0; page < pages_max; ++page) {
        const auto reply = client.tools(cursor);
        if (!reply) {
            const Exit told = told_failure(client, reply.error(), where);
            write_failed(out, server, client.why());
            return told;
        }
        const json::Value tools = reply->result.find("tools");
        if (!tools.is(json::Kind::array)) {
            const std::string why = outcome_of(*reply, client.space()).text;
            complain(fmt::format("{}: {}", where, why));
            write_failed(out, server, why);
            return reply->status == 404 ? Exit::not_found : Exit::failed;
        }
        for (const json::Value tool : tools.elements()) {
            definitions.emplace_back(tool.raw());
            table.row({{server},
                       {std::string(tool.find("name").string(client.space()))},
                       {first_line(tool.find("description").string(client.space())), Tone::faint}});
        }
        cursor = reply->result.find("nextCursor").string(client.space());
        if (cursor.empty()) break;
    }
    out.begin_object().name("server").string(server).name("tools").begin_array();
    for (const std::string& definition : definitions) out.raw(definition);
    out.end_array().end_object();
    client.end();
    return Exit::ok;
}

Exit list_all(const ToolsOptions& options) {
    Table table({"server", "tool", "description"});
    json::Text out;
    out.begin_array();
    Exit exit = Exit::ok;
    if (!options.target.url.empty()) {
        const auto endpoint = endpoint_at_url(options.target);
        if (!endpoint) return endpoint.error();
        exit = list(*endpoint, options.target.url, options.target, table, out);
    } else {
        const auto config = load_or_complain(options.target.file);
        if (!config) return Exit::invalid_config;
        bool found = false;
        for (const auto& server : config->servers) {
            if (!options.server.empty() && server.name != options.server) continue;
            found = true;
            if (const Exit one =
                    list(endpoint_of(*config, server.name, options.target), server.name, options.target, table, out);
                one != Exit::ok) {
                exit = one; // what the others say is shown all the same
            }
        }
        if (!found) {
            complain(printable(options.server.empty()
                                   ? fmt::format("{} defines no server", options.target.file)
                                   : fmt::format("{} defines no server \"{}\"", options.target.file, options.server)));
            return Exit::not_found;
        }
    }
    if (exit != Exit::ok && table.empty() && !options.json) return exit;
    print(options.json ? out.end_array().text() + "\n" : table.text(out_surface()));
    return exit;
}

} // namespace

void add_tools(CLI::App& app, Exit& exit) {
    CLI::App* tools = app.add_subcommand("tools", "Look at the tools that clients see");
    tools->require_subcommand(1);
    CLI::App* command = tools->add_subcommand("list", "List the tools of one server, or of all");
    auto options = std::make_shared<ToolsOptions>();
    command->add_option("server", options->server, "the server's name; without it all")->type_name("SERVER");
    add_target_options(*command, options->target);
    command->add_flag("--json", options->json, "one JSON document with the definitions as received");
    command->callback([options, &exit] { exit = list_all(*options); });
}

} // namespace weir::cli
