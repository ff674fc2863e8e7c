// bench/traffic/traffic.cc - load and upstream in one thread, told what to do line by line. bench_traffic UPSTREAM_PORT
//
// On standard input: `run port=8001 connections=64 ms=2000 ...` (the names of Load), `hold ...` (the same; connections
// stay open), `release`, `flood ...` (the same; answered at once, goes on beside other runs), `calm` (answered when the flood
// is over). Each is answered by one line of JSON on standard output. Ends at the end of its input.
#include "client.h"
#include "server.h"

#include <sys/prctl.h>
#include <unistd.h>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace {

using namespace weir::bench;

[[noreturn]] void refuse(std::string_view word) {
    std::fprintf(stderr, "bench_traffic: not understood: %.*s\n", static_cast<int>(word.size()), word.data());
    std::exit(2);
}

template <class N> void number(std::string_view text, N& into) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (failed != std::errc() || end != text.data() + text.size()) refuse(text);
}

Load read_load(std::string_view words) {
    Load load;
    while (!words.empty()) {
        const auto word = words.substr(0, words.find(' '));
        words.remove_prefix(std::min(words.size(), word.size() + 1));
        const size_t equals = word.find('=');
        if (equals == std::string_view::npos) refuse(word);
        const auto name = word.substr(0, equals), value = word.substr(equals + 1);
        if (name == "port") number(value, load.port);
        else if (name == "connections") number(value, load.connections);
        else if (name == "rate") number(value, load.rate);
        else if (name == "requests") number(value, load.requests);
        else if (name == "ms") number(value, load.ms);
        else if (name == "path") load.path = value;
        else if (name == "era") load.era = value;
        else if (name == "tool") load.tool = value;
        else if (name == "token") load.token = value;
        else if (name == "status") number(value, load.status);
        else if (name == "fresh") load.fresh = value == "1";
        else refuse(word);
    }
    return load;
}

class Traffic {
  public:
    explicit Traffic(uint16_t port) : loop_(256, 16 << 10), server_(loop_, listen_on(port)) {
        loop_.read_lines(STDIN_FILENO, [this](std::string_view text) { take(text); });
    }
    void run() {
        say("{\"ready\":true}");
        while (!over_) {
            uint64_t until_ns = server_.due_ns();
            if (client_ && !held_) until_ns = until_ns == 0 ? client_->due_ns() : std::min(until_ns, client_->due_ns());
            if (flood_ && !flooded_) until_ns = until_ns == 0 ? flood_->due_ns() : std::min(until_ns, flood_->due_ns());
            loop_.turn(until_ns);
            server_.tick();
            if (flood_ && !flooded_) flooded_ = !flood_->step();
            if (flooded_ && calming_) calm();
            if (client_ == nullptr) continue;
            if (!held_ && !client_->step()) finish();
            else if (releasing_ && client_->released()) let_go();
        }
    }

  private:
    static void say(const char* line) {
        std::puts(line);
        std::fflush(stdout);
    }
    void take(std::string_view text) {
        if (text.empty()) {
            over_ = true;
            return;
        }
        while (!text.empty()) {
            const auto line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(text.size(), line.size() + 1));
            command(line);
        }
    }
    void command(std::string_view line) {
        const auto verb = line.substr(0, line.find(' '));
        const auto rest = line.substr(std::min(line.size(), verb.size() + 1));
        if (verb == "release") {
            if (client_ == nullptr) refuse(line);
            client_->release();
            releasing_ = true;
            if (client_->released()) let_go();
        } else if (verb == "flood" && flood_ == nullptr) {
            flood_ = std::make_unique<Client>(loop_, read_load(rest));
            flood_->step();
            say("{\"flooding\":true}");
        } else if (verb == "calm" && flood_ != nullptr) {
            calming_ = true;
        } else if ((verb == "run" || verb == "hold") && client_ == nullptr) {
            Load load = read_load(rest);
            load.hold = verb == "hold";
            client_ = std::make_unique<Client>(loop_, load);
            holds_ = load.hold;
            client_->step();
        } else {
            refuse(line);
        }
    }
    static void say(const Figures& figures) {
        std::printf(
            "{\"requests\":%llu,\"errors\":%llu,\"bytes\":%llu,\"us\":%.0f,\"p50\":%.1f,\"p90\":%.1f,"
            "\"p99\":%.1f,\"max\":%.1f,\"first_p50\":%.1f}\n",
            static_cast<unsigned long long>(figures.requests), static_cast<unsigned long long>(figures.errors),
            static_cast<unsigned long long>(figures.bytes), figures.us, figures.p50, figures.p90, figures.p99,
            figures.most, figures.first_p50);
        std::fflush(stdout);
    }
    void calm() {
        say(flood_->figures());
        flood_.reset();
        flooded_ = calming_ = false;
    }
    void finish() {
        say(client_->figures());
        held_ = holds_;
        if (!held_) client_.reset();
    }
    void let_go() {
        client_.reset();
        held_ = releasing_ = false;
        say("{\"released\":true}");
    }

    Loop loop_;
    Server server_;
    std::unique_ptr<Client> client_, flood_;
    bool flooded_ = false, calming_ = false;
    bool holds_ = false, held_ = false, releasing_ = false, over_ = false;
};

} // namespace

int main(int count, char** arguments) {
    if (count != 2) refuse("bench_traffic UPSTREAM_PORT");
    prctl(PR_SET_TIMERSLACK, 1);
    uint16_t port = 0;
    number(std::string_view(arguments[1]), port);
    Traffic(port).run();
    return 0;
}
