// policy/states.cc - builds boxes from the texts of a set.
#include "policy/states.h"

#include <algorithm>
#include <set>
#include <system_error>

namespace weir::policy {
namespace {

constexpr size_t loading_bytes_max = size_t{512} << 20;
constexpr uint64_t loading_cpu_ns_max = 10 * s_ns, loading_wall_ns_max = 60 * s_ns; // of one file

} // namespace

std::unique_ptr<Box> build_box(const PolicySet& set, Watchdog& watchdog, std::string& error, uint64_t refuse_after) {
    Box::Purpose purpose;
    purpose.compiled = &set.rules();
    purpose.known_regexes = &set.regexes();
    purpose.sources = &set.sources();
    purpose.values = &set.values();
    std::unique_ptr<Box> box = Box::open(purpose, loading_bytes_max, refuse_after);
    if (!box) {
        error = "there is no memory for a state";
        return nullptr;
    }
    // Only files with handlers are of use here.
    std::set<std::string_view> files;
    for (const Rule& rule : set.rules().all())
        if (rule.handler) files.insert(rule.file);
    Slot slot;
    slot.cpu_ns_max = loading_cpu_ns_max;
    slot.wall_ns_max = loading_wall_ns_max;
    watchdog.add(slot);
    bool fine = true;
    for (const Source& source : set.sources()) {
        if (!files.contains(source.name)) continue;
        std::string why;
        fine = box->load(source, false, watchdog, slot, why) == Outcome::fine;
        if (fine) continue;
        error = "loading " + source.name + " again failed: " + why;
        break;
    }
    watchdog.remove(slot);
    if (fine && box->seal(set.limits().policy_memory_bytes_max)) return box;
    if (fine) error = "there is no memory for a state";
    return nullptr;
}

States::States(const PolicySet& set, Watchdog& watchdog) : set_(set), watchdog_(watchdog) {
    if (set_.handlers() == 0) return;
    std::string error;
    box_ = build_box(set_, watchdog_, error);
    if (box_) built_.fetch_add(1, std::memory_order_relaxed);
    build_spare(nullptr);
}

States::~States() {
    if (spare_.valid()) spare_.wait();
}

void States::build_spare(std::unique_ptr<Box> failed) {
    auto build = [this, taken = std::move(failed)]() mutable {
        taken.reset();
        std::string error;
        std::unique_ptr<Box> box = build_box(set_, watchdog_, error);
        if (box) built_.fetch_add(1, std::memory_order_relaxed);
        return box;
    };
    try {
        spare_ = std::async(std::launch::async, std::move(build));
    } catch (const std::system_error&) {
        spare_ = {}; // no thread: the next box is built when it is needed
    }
}

Box* States::current(std::string& error) {
    if (box_) return box_.get();
    if (spare_.valid()) box_ = spare_.get();
    if (!box_) box_ = build_box(set_, watchdog_, error);
    if (box_) build_spare(std::move(failed_));
    return box_.get();
}

void States::drop() { failed_ = std::move(box_); }

} // namespace weir::policy
