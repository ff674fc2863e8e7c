// tests/live/weir_process.h - the program itself as a child process, and what the system and weir say about it.
//
// One worker, one upstream, everything else as the test's configuration has it. The child ends with this object, by
// SIGTERM, and must end well.
#pragma once

#include "traffic/loop.h"

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace weir::live {

class WeirProcess {
  public:
    /// Starts `binary`; `config` gets its state directory and its admin address in front, `policies` are its only file.
    WeirProcess(const std::string& binary, const std::string& config, std::string_view policies);
    ~WeirProcess();
    WeirProcess(const WeirProcess&) = delete;
    WeirProcess& operator=(const WeirProcess&) = delete;

    /// Every metric of the admin listener by its name with its labels.
    std::map<std::string, double> metrics() const;
    size_t descriptors() const;
    /// What it holds of malloc, against any other time that this is asked; 0 unless WEIR_LIVE_LIBRARY names live_bytes.cc.
    int64_t live_bytes() const;
    /// Sends SIGTERM and waits; the exit code, or -1 when it had to be killed or died of a signal.
    int end();

  private:
    std::filesystem::path directory_;
    bench::Reserved admin_;
    void* counted_ = nullptr; // a page that the child shares
    pid_t pid_ = -1;
};

} // namespace weir::live
