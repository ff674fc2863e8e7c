// cli/demo_place.h - the temporary directory of `weir demo`: a weir.toml and policies that can be read and changed, and
// the state. It is gone when the object is.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace weir::cli {

class DemoPlace {
  public:
    DemoPlace() = default;
    ~DemoPlace();
    DemoPlace(const DemoPlace&) = delete;
    DemoPlace& operator=(const DemoPlace&) = delete;

    /// Makes the directory below $TMPDIR (or /tmp) and writes the files. `hold` is a duration as in weir.toml. The error is
    /// a sentence.
    std::expected<void, std::string> make(uint16_t port, const std::string& acme_url, std::string_view hold);

    const std::string& path() const { return path_; }
    std::string config() const { return path_ + "/weir.toml"; }

  private:
    std::string path_;
};

/// A port of 127.0.0.1 that nobody uses now; `wanted` if that is free. 0: none.
uint16_t free_port(uint16_t wanted);

} // namespace weir::cli
