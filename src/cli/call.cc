// cli/call.cc - `weir call SERVER/TOOL k=v...`: one tool call as an MCP client makes it, and its answer for a person.
#include "cli/call.h"

#include "cli/config_option.h"
#include "cli/entry_text.h"
#include "cli/output.h"
#include "cli/target.h"
#include "json/text.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <memory>

namespace weir::cli {

std::expected<std::string, std::string> arguments_json(const std::vector<std::string>& words) {
    json::Text out;
    out.begin_object();
    BufferPool pool;
    json::Scanner scanner{json::ScanLimits{}};
    for (size_t i = 0; i < words.size(); ++i) {
        const size_t equals = words[i].find('=');
        if (equals == std::string::npos || equals == 0) {
            return std::unexpected(fmt::format("`{}` is no argument: write name=value", words[i]));
        }
        const std::string name = words[i].substr(0, equals), value = words[i].substr(equals + 1);
        for (size_t j = 0; j < i; ++j) {
            if (words[j].substr(0, words[j].find('=')) == name)
                return std::unexpected(fmt::format("`{}` is given twice", name));
        }
        PaddedBytes text(pool);
        text.append(value);
        out.name(name);
        if (scanner.scan(text.padded())) out.raw(value);
        else out.string(value);
    }
    PaddedBytes whole(pool);
    whole.append(out.end_object().text());
    if (const auto scanned = scanner.scan(whole.padded()); !scanned) {
        return std::unexpected(fmt::format("the arguments make no JSON: {}", row_of(scanned.error()).text));
    }
    return out.text();
}

std::string content_text(json::Value result, Workspace& space) {
    std::string out;
    const json::Value content = result.find("content");
    if (!content.is(json::Kind::array)) return out;
    for (const json::Value block : content.elements()) {
        if (block.find("type").equals("text")) out += printable(block.find("text").string(space), true);
        else
            out +=
                fmt::format("[{}: {} octets of JSON]", printable(block.find("type").string(space)), block.raw().size());
        if (!out.ends_with('\n')) out += '\n';
    }
    return out;
}

Outcome outcome_of(const Reply& reply, Workspace& space) {
    const auto message = [&] { return printable(reply.error.find("message").string(space)); };
    if (reply.error) {
        const int64_t code = reply.error.find("code").integer().value_or(0);
        if (reply.error.find("data").find("weir").find("decision")) return {Exit::denied, message()};
        const bool unknown = code == -32602 && message().starts_with("Unknown tool");
        return {unknown ? Exit::not_found : Exit::failed, fmt::format("{} (JSON-RPC {})", message(), code)};
    }
    if (!reply.result) {
        return {reply.status == 404 ? Exit::not_found : Exit::failed,
                fmt::format("HTTP {} without an MCP message", reply.status)};
    }
    if (reply.result.find("_meta").find(denial_key)) return {Exit::denied, content_text(reply.result, space)};
    if (reply.result.find("_meta").find(approval_key)) return {Exit::timed_out, content_text(reply.result, space)};
    if (reply.result.find("isError").boolean()) return {Exit::failed, content_text(reply.result, space)};
    if (reply.result.find("resultType").equals("input_required")) {
        return {Exit::failed, "the server asks for input, which this command cannot give"};
    }
    return {Exit::ok, content_text(reply.result, space)};
}

namespace {

struct CallOptions {
    TargetOptions target;
    std::string tool;
    std::vector<std::string> arguments;
    bool json = false;
};

/// Progress of the call, on a terminal only; what was said already is not said again.
void show_progress(json::Value note, std::string& said) {
    if (!err_surface().terminal || !note.find("method").equals("notifications/progress")) return;
    BufferPool pool;
    Workspace space(pool);
    const json::Value params = note.find("params");
    const json::Value total = params.find("total");
    const std::string text = printable(params.find("message").string(space));
    std::string line = total          ? fmt::format("{}/{} {}", params.find("progress").raw(), total.raw(), text)
                       : text.empty() ? std::string(params.find("progress").raw())
                                      : text;
    if (line != said) say(toned(err_surface(), Tone::faint, line));
    said = std::move(line);
}

/// What --json prints where no answer to the call came: the server's error, or a message alone.
void print_failure(const McpClient& client) {
    if (!client.refusal().empty()) return print(client.refusal() + "\n");
    if (client.why().empty()) return; // a usage error: nobody was asked
    json::Text out;
    out.begin_object().name("message").string(as_utf8(client.why())).end_object();
    print(out.text() + "\n");
}

Exit call(const CallOptions& options) {
    const auto arguments = arguments_json(options.arguments);
    if (!arguments) {
        complain(printable(arguments.error()));
        return Exit::usage;
    }
    std::string tool = options.tool;
    Endpoint endpoint;
    if (!options.target.url.empty()) {
        auto read = endpoint_at_url(options.target);
        if (!read) return read.error();
        endpoint = std::move(*read);
    } else {
        const size_t slash = tool.find('/');
        if (slash == std::string::npos || slash == 0 || slash + 1 == tool.size()) {
            complain("write SERVER/TOOL (or give --url)");
            return Exit::usage;
        }
        const std::string server = tool.substr(0, slash);
        tool = tool.substr(slash + 1);
        const auto config = load_or_complain(options.target.file);
        if (!config) return Exit::invalid_config;
        endpoint = endpoint_of(*config, server, options.target);
        if (endpoint.target == "/") endpoint.target = "/mcp/" + server; // unknown: weir says so itself
    }
    std::string said;
    McpClient client(endpoint, timeout_ns(options.target), [&said](json::Value note) { show_progress(note, said); });
    const std::string where = endpoint.url();
    if (const Exit connected = connect(client, options.target, where); connected != Exit::ok) {
        if (options.json) print_failure(client);
        return connected;
    }
    const auto reply = client.call(tool, *arguments);
    if (!reply) {
        if (options.json) print_failure(client);
        return told_failure(client, reply.error(), where);
    }
    const Outcome outcome = outcome_of(*reply, client.space());
    if (options.json) {
        json::Text bare;
        bare.begin_object().name("message").string(outcome.text).end_object();
        const std::string_view said_raw = reply->result ? reply->result.raw() : reply->error.raw();
        print((said_raw.empty() ? bare.text() : std::string(said_raw)) + "\n");
    } else if (outcome.exit == Exit::ok) {
        print(outcome.text);
    }
    std::string_view told = outcome.text;
    while (told.ends_with('\n')) told.remove_suffix(1);
    if (outcome.exit == Exit::denied) complain(fmt::format("denied: {}", told));
    else if (outcome.exit == Exit::timed_out) complain(std::string(told));
    else if (outcome.exit != Exit::ok) complain(fmt::format("{}: {}", printable(tool), told));
    client.end();
    return outcome.exit;
}

} // namespace

void add_call(CLI::App& app, Exit& exit) {
    CLI::App* command = app.add_subcommand("call", "Call a tool through weir: SERVER/TOOL name=value...");
    auto options = std::make_shared<CallOptions>();
    command->add_option("tool", options->tool, "SERVER/TOOL, or TOOL with --url")->required()->type_name("SERVER/TOOL");
    command
        ->add_option("arguments", options->arguments,
                     "name=value; a value that is JSON is taken as such, else as a string")
        ->type_name("NAME=VALUE");
    add_target_options(*command, options->target);
    command->add_flag("--json", options->json,
                      "print the whole result or error as JSON; what is no answer of the server has a `message` alone");
    command->footer(
        "Exit code: 0 answered, 1 the tool failed, 5 denied by policy or by a person, 6 no such server or tool,\n"
        "7 no answer in time or no decision yet, 9 cannot reach weir. WEIR_TOKEN: the token to come with.");
    command->callback([options, &exit] { exit = call(*options); });
}

} // namespace weir::cli
