// tests/sim/sim_world.cc - runs worlds: sim_world [--seed N | --seeds A..B] [--calls N] [--mutant NAME].
//
// Ends with 0 when everything held in every world; with 1 and a seed when something did not. With a mutant it is the other way
// round: 0 when its own check found it, 1 when another did or none.
#include "base/log.h"
#include "world.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }

namespace {

using weir::sim::Mutant;

struct Named {
    const char* name;
    Mutant mutant;
    const char* found_by; // what its check says
};
constexpr Named mutants[] = {
    {"forward_before_record", Mutant::forward_before_record, "left for an upstream when its entry"},
    {"answer_twice", Mutant::answer_twice, "was answered twice"},
    {"leak_slab", Mutant::leak_slab, "slabs were not given back"},
    {"forward_after_close", Mutant::forward_after_close, "behind its end"},
    {"leak_masked", Mutant::leak_masked, "holds what a policy masks"},
    {"skip_hold", Mutant::skip_hold, "without an approved entry"},
    {"double_consume", Mutant::double_consume, "twice"},
    {"run_after_expiry", Mutant::run_after_expiry, "was over"},
    {"decide_unstored", Mutant::decide_unstored, "that the record does not have"},
    {"forget_sync", Mutant::forget_sync, "was durable"},
    {"forget_database_sync", Mutant::forget_database_sync, "the database has lost"},
    {"forget_kept", Mutant::forget_kept, "the record does not know it"}};

int usage() {
    std::fprintf(stderr, "sim_world [--seed N | --seeds A..B] [--calls N] [--mutant NAME] [--verbose]\n");
    return 2;
}

} // namespace

int main(int count, char** arguments) {
    uint64_t first = 0, last = 199, calls = 1000;
    bool verbose = false;
    Mutant mutant = Mutant::none;
    std::string mutant_option, found_by;
    for (int i = 1; i < count; ++i) {
        const std::string option = arguments[i];
        if (option == "--verbose") {
            verbose = true;
            continue;
        }
        if (i + 1 == count) return usage();
        const char* value = arguments[++i];
        if (option == "--seed") {
            first = last = std::strtoull(value, nullptr, 10);
        } else if (option == "--seeds") {
            char* rest = nullptr;
            first = std::strtoull(value, &rest, 10);
            if (std::strncmp(rest, "..", 2) != 0) return usage();
            last = std::strtoull(rest + 2, nullptr, 10);
        } else if (option == "--calls") {
            calls = std::strtoull(value, nullptr, 10);
        } else if (option == "--mutant") {
            for (const auto& known : mutants)
                if (std::strcmp(known.name, value) == 0) mutant = known.mutant, found_by = known.found_by;
            if (mutant == Mutant::none) return usage();
            mutant_option = std::string(" --mutant ") + value;
        } else {
            return usage();
        }
    }
    if (calls == 0) return usage();
    weir::log::set_level(weir::log::Level::error);
    weir::sim::Court court;
    weir::sim::WorldFigures sum;
    for (uint64_t seed = first; seed <= last; ++seed) {
        weir::sim::running(
            seed, "sim_world --seed " + std::to_string(seed) + " --calls " + std::to_string(calls) + mutant_option,
            found_by);
        weir::sim::World world(court, {.seed = seed, .calls = calls, .mutant = mutant});
        const auto figures = world.run();
        if (verbose)
            std::printf("seed %" PRIu64 ": %" PRIu64 " calls, %" PRIu64 " answers, %" PRIu64 " arrived, %" PRIu64
                        " turns, %" PRIu64 " held, %" PRIu64 " ran, %" PRIu64 " power cuts, %" PRIu64
                        " troubles of the database\n",
                        seed, figures.calls, figures.answers, figures.arrived, figures.turns, figures.held, figures.ran,
                        figures.cuts, figures.troubles);
        sum.calls += figures.calls;
        sum.answers += figures.answers;
        sum.arrived += figures.arrived;
        sum.turns += figures.turns;
        sum.held += figures.held;
        sum.ran += figures.ran;
        sum.cuts += figures.cuts;
        sum.troubles += figures.troubles;
    }
    std::printf("%" PRIu64 " worlds: %" PRIu64 " calls, %" PRIu64 " answers, %" PRIu64
                " messages at upstreams, %" PRIu64 " turns; %" PRIu64 " asked to wait for people, %" PRIu64
                " told that they ran; %" PRIu64 " power cuts, %" PRIu64 " troubles of the database\n",
                last - first + 1, sum.calls, sum.answers, sum.arrived, sum.turns, sum.held, sum.ran, sum.cuts,
                sum.troubles);
    if (mutant != Mutant::none) {
        std::fprintf(stderr, "the mutant was not found\n");
        return 1;
    }
    // A gateway that closes every link would keep all promises: most of what is asked must be answered.
    if (sum.answers < sum.calls / 2) {
        std::fprintf(stderr, "too few answers\n");
        return 1;
    }
    if (sum.held >= 1000 && sum.ran < sum.held / 20) { // nor would one be of use that lets nothing run
        std::fprintf(stderr, "too few of the calls that waited for people ran\n");
        return 1;
    }
    return 0;
}
