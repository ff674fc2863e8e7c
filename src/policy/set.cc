// policy/set.cc - reads a directory of policies, runs each file once in the loader's box, and compiles what they said.
#include "policy/set.h"

#include "policy/box.h"
#include "policy/later.h"
#include "policy/rules.h"
#include "policy/text.h"
#include "policy/texts.h"
#include "policy/watchdog.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include <sys/stat.h>

namespace weir::policy {
namespace {

namespace fs = std::filesystem;

constexpr size_t file_bytes_max = 1 << 20, files_max = 10'000, directories_max = 10'000;
constexpr size_t problem_bytes_max = 1000;
constexpr size_t loading_bytes_max = size_t{512} << 20;
constexpr uint64_t loading_cpu_ns_max = 10 * s_ns, loading_wall_ns_max = 60 * s_ns; // of one file

bool is_library(std::string_view name) { return name.starts_with("lib/"); }

/// Splits `name.lua:12: text` off Lua's message, if it has that form.
Problem problem_of(const std::string& file, const std::string& message) {
    for (size_t colon = message.find(':'); colon != std::string::npos; colon = message.find(':', colon + 1)) {
        size_t end = colon + 1;
        uint32_t line = 0;
        while (end < message.size() && message[end] >= '0' && message[end] <= '9' && line < 100'000'000)
            line = line * 10 + static_cast<uint32_t>(message[end++] - '0');
        if (end == colon + 1 || message.compare(end, 2, ": ") != 0) continue;
        const std::string named = message.substr(0, colon);
        // Lua shortens long names to "...tail".
        const bool same = named == file || (named.starts_with("...") && file.ends_with(named.substr(3)));
        return {same || !named.ends_with(".lua") ? file : named, line, message.substr(end + 2)};
    }
    return {file, 0, message};
}

/// The watchdog's slot of one loading.
struct LoadingSlot {
    explicit LoadingSlot(Watchdog& dog) : watchdog(dog) {
        slot.cpu_ns_max = loading_cpu_ns_max;
        slot.wall_ns_max = loading_wall_ns_max;
        watchdog.add(slot);
    }
    LoadingSlot(const LoadingSlot&) = delete;
    LoadingSlot& operator=(const LoadingSlot&) = delete;
    ~LoadingSlot() { watchdog.remove(slot); }
    Watchdog& watchdog;
    Slot slot;
};

/// The files below a directory of policies. Links to directories are followed, after all that is there itself. A
/// directory is read once in each of its roles, as library and beside it, so links that lead in a circle end.
class Reading {
  public:
    explicit Reading(fs::path root) : root_(std::move(root)) {}
    void read() {
        for (pending_.emplace(false, ""); !pending_.empty() && !full_;) {
            const Place place = pending_.extract(pending_.begin()).value();
            read_directory(place);
        }
    }
    std::vector<Source> sources;
    std::vector<Problem> problems;

  private:
    using Place = std::pair<bool, std::string>; // whether a link leads there, and its name below the root

    void read_directory(const Place& place) {
        const auto& [linked, name] = place;
        const fs::path path = root_ / name;
        struct stat entity;
        std::error_code error;
        if (::stat(path.c_str(), &entity) != 0) error.assign(errno, std::generic_category());
        else if (!seen_.emplace(entity.st_dev, entity.st_ino, is_library(name + "/")).second) return;
        else if (seen_.size() > directories_max) return give_up(name, "there are more than 10,000 directories");
        if (!error)
            for (fs::directory_iterator at(path, error), end; !error && at != end && !full_; at.increment(error))
                take(*at, place);
        if (error && name.empty())
            problems.push_back({"", 0, "the directory of policies cannot be read: " + error.message()});
        else if (error) problems.push_back({name, 0, "it cannot be read: " + error.message()});
    }

    void take(const fs::directory_entry& entry, const Place& within) {
        const std::string own = entry.path().filename().string();
        // Kubernetes mounts a ConfigMap as links into `..data` beside the directory that this leads to.
        if (own.starts_with('.')) return;
        const std::string name = within.second.empty() ? own : within.second + "/" + own;
        std::error_code error, of_link;
        const fs::file_type type = entry.status(error).type();
        if (type == fs::file_type::directory) {
            pending_.emplace(within.first || entry.is_symlink(of_link), name);
            return;
        }
        // What these would have led to may be a directory, whatever they are called.
        if (type == fs::file_type::not_found) return problems.push_back({name, 0, "it leads to no file"});
        if (type == fs::file_type::none) return problems.push_back({name, 0, "it cannot be read: " + error.message()});
        if (!name.ends_with(".lua") || name.ends_with("_test.lua")) return;
        // A pipe, a device or a socket may keep whoever opens it waiting.
        if (type != fs::file_type::regular) return problems.push_back({name, 0, "it is no file"});
        read_file(entry.path(), name);
    }

    void read_file(const fs::path& path, const std::string& name) {
        std::ifstream file(path, std::ios::binary);
        std::string text(file_bytes_max + 1, '\0');
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
        if (!file.eof() && file.fail()) return problems.push_back({name, 0, "it cannot be read"});
        text.resize(static_cast<size_t>(file.gcount()));
        text.shrink_to_fit();
        if (text.size() > file_bytes_max) problems.push_back({name, 0, "it is larger than 1 MiB"});
        if (sources.size() == files_max) return give_up(name, "there are more than 10,000 files");
        sources.push_back({name, std::move(text)});
    }

    void give_up(const std::string& name, const char* why) {
        problems.push_back({name, 0, why});
        full_ = true;
    }

    fs::path root_;
    std::set<Place> pending_;                       // in order: what no link leads to first
    std::set<std::tuple<dev_t, ino_t, bool>> seen_; // device, inode, whether as library
    bool full_ = false;
};

/// What a file holds and is called need not be text, what people and programs are shown is. Lua gives fields in no
/// order, nor do directories their entries.
Loaded refused(std::vector<Problem> problems) {
    BufferPool pool;
    Workspace space(pool);
    for (Problem& problem : problems) {
        problem.file = clean_copy(space, problem.file, problem_bytes_max);
        problem.text = clean_copy(space, problem.text, problem_bytes_max);
    }
    std::sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
        return std::tie(a.file, a.line, a.text) < std::tie(b.file, b.line, b.text);
    });
    return std::unexpected(std::move(problems));
}

} // namespace

std::string describe(const Problem& problem) {
    if (problem.line == 0) return problem.file + ": " + problem.text;
    return problem.file + ":" + std::to_string(problem.line) + ": " + problem.text;
}

PolicySet::PolicySet(std::vector<Source> sources, Surroundings surroundings)
    : surroundings_(std::move(surroundings)), sources_(std::move(sources)), rules_(std::make_unique<Rules>()),
      regexes_(std::make_unique<Regexes>()) {}

PolicySet::~PolicySet() = default;

Loaded PolicySet::load_sources(std::vector<Source> sources, Surroundings surroundings) {
    std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) { return a.name < b.name; });
    const std::shared_ptr<PolicySet> set(new PolicySet(std::move(sources), std::move(surroundings)));
    std::vector<Problem> problems;
    Box::Purpose purpose;
    purpose.collect = set->rules_.get();
    purpose.problems = &problems;
    purpose.warnings = &set->warnings_;
    purpose.regexes = set->regexes_.get();
    purpose.sources = &set->sources_;
    purpose.values = &set->surroundings_.values;
    purpose.methods = set->surroundings_.methods;
    Watchdog watchdog;
    LoadingSlot loading(watchdog);
    std::unique_ptr<Box> box;
    const auto load = [&](const Source& source, bool builtin) {
        std::string error;
        if (!box) box = Box::open(purpose, loading_bytes_max);
        if (!box) return problems.push_back({source.name, 0, "there is no memory to load it"});
        const Outcome outcome = box->load(source, builtin, watchdog, loading.slot, error);
        if (outcome == Outcome::fine) return;
        Problem problem = problem_of(source.name, error);
        const bool known = std::any_of(problems.begin(), problems.end(), [&](const Problem& other) {
            return other.file == problem.file && other.line == problem.line && other.text == problem.text;
        });
        if (!known) problems.push_back(std::move(problem));
        box.reset(); // what was cut short is not used again
    };
    load({"builtin.lua", std::string(builtin_lua)}, true);
    for (const Source& source : set->sources_) {
        for (const LaterUse& use : later_uses(source.text))
            problems.push_back({source.name, use.line, use.name + " is not available in this version"});
        if (!is_library(source.name)) load(source, false);
    }
    if (!problems.empty()) return refused(std::move(problems));
    set->rules_->compile(set->surroundings_.servers);
    return std::shared_ptr<const PolicySet>(set);
}

Loaded PolicySet::load(const std::string& directory, Surroundings surroundings) {
    if (directory.empty()) return load_sources({}, std::move(surroundings));
    std::error_code error;
    if (!fs::is_directory(directory, error)) {
        const std::string why = error ? error.message() : "it is no directory";
        return refused({{"", 0, "the directory of policies cannot be read: " + why}});
    }
    Reading reading(directory);
    reading.read();
    if (!reading.problems.empty()) return refused(std::move(reading.problems));
    return load_sources(std::move(reading.sources), std::move(surroundings));
}

std::vector<std::string_view> PolicySet::names() const {
    std::vector<std::string_view> names;
    for (const Rule& rule : rules_->all()) names.push_back(rule.name);
    return names;
}

size_t PolicySet::count() const {
    const auto all = rules_->all();
    return static_cast<size_t>(std::count_if(all.begin(), all.end(), [](const Rule& rule) { return !rule.fallback; }));
}

size_t PolicySet::handlers() const {
    const auto all = rules_->all();
    return static_cast<size_t>(std::count_if(all.begin(), all.end(), [](const Rule& rule) { return rule.handler; }));
}

bool PolicySet::judges_responses() const { return rules_->any(On::response); }

bool PolicySet::filters_lists() const { return rules_->any(On::list); }

} // namespace weir::policy
