// cli/doctor.cc - `weir doctor`: whether this machine lets weir work, and in one sentence each what to do if not.
#include "cli/commands.h"
#include "cli/config_option.h"
#include "cli/findings.h"
#include "cli/output.h"
#include "json/text.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace weir::cli {
namespace {

struct DoctorOptions {
    std::string file;
    bool json = false;
};

Exit doctor(const DoctorOptions& options, bool with_config) {
    std::optional<gateway::Config> config;
    if (with_config) {
        config = load_or_complain(options.file);
        if (!config) return Exit::invalid_config;
    }
    const std::vector<Finding> findings = examine(config ? &*config : nullptr);
    bool bad = false;
    Table table({"what", "state", "found"});
    json::Text out;
    out.begin_array();
    for (const Finding& each : findings) {
        const char* state = each.state == Finding::State::good      ? "ok"
                            : each.state == Finding::State::warning ? "warning"
                                                                    : "bad";
        const Tone tone = each.state == Finding::State::good      ? Tone::good
                          : each.state == Finding::State::warning ? Tone::warn
                                                                  : Tone::bad;
        bad = bad || each.state == Finding::State::bad;
        table.row({{each.what}, {state, tone}, {each.found}});
        out.begin_object().name("what").string(each.what).name("state").string(state);
        out.name("found").string(each.found).name("fix").string(each.fix).end_object();
    }
    print(options.json ? out.end_array().text() + "\n" : table.text(out_surface()));
    if (!options.json) {
        for (const Finding& each : findings) {
            if (!each.fix.empty()) say(toned(err_surface(), Tone::warn, each.what + ": ") + each.fix);
        }
    }
    return bad ? Exit::failed : Exit::ok;
}

} // namespace

void add_doctor(CLI::App& app, Exit& exit) {
    CLI::App* command =
        app.add_subcommand("doctor", "Look at the kernel, the limits and the clock; with -c at the configuration too");
    auto options = std::make_shared<DoctorOptions>();
    CLI::Option* file = command->add_option("-c,--config", options->file, "look at what this configuration needs too")
                            ->type_name("FILE");
    command->add_flag("--json", options->json, "one JSON document");
    command->callback([options, file, &exit] { exit = doctor(*options, file->count() > 0); });
}

} // namespace weir::cli
