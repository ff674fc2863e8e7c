// main.cc - the table of contents of `weir`: its commands, each in a file of its own in cli/.
#include "cli/command_line.h"
#include "cli/commands.h"

int main(int argc, char** argv) {
    using namespace weir::cli;
    CommandLine weir;
    weir.add(add_run);       // serve
    weir.add(add_check);     // the configuration and the policies, without serving
    weir.add(add_demo);      // weir and a server of its own, in a temporary directory
    weir.add(add_call);      // one tool call, as a client
    weir.add(add_tools);     // what clients see
    weir.add(add_approvals); // people decide on calls that wait
    weir.add(add_login);     // a person signs in, to decide under their own name
    weir.add(add_sessions);  // what happened: the record
    weir.add(add_token);     // API keys
    weir.add(add_status);    // what the running weir says about itself
    weir.add(add_doctor);    // whether this machine lets weir work
    weir.add(add_version);
    return weir.execute(argc, argv);
}
