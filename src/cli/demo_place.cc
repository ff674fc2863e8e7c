// cli/demo_place.cc - the files of the demo, as a person would write them.
#include "cli/demo_place.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace weir::cli {
namespace {

constexpr std::string_view config_text = R"(# The configuration of the demo. `weir check -c` this file after a change.
[listen]
address = "127.0.0.1:{port}"
workers = 1

[state]
dir = "state"

[record]
segment_bytes = "4MiB"

[policies]
dir = "policies"

[limits]
hold = "{hold}"           # a call that waits for people is kept so long before its client is told
drain_max = "1s"

[[server]]
name = "acme"
url = "{url}"
default = "block"      # what no policy decides is blocked
anonymous = true
labels = {{ env = "demo" }}
tags = {{ write = ["refund", "delete_*"] }}
)";

constexpr std::string_view policies_text =
    R"lua(-- The policies of the demo. Order does not matter: of all that match, the strictest decision holds.

policy "shop/open" {
  about  = "Anybody may look around in the shop",
  on     = "request",
  match  = { servers = { "acme" }, methods = { "tools/call" },
             tools = { "list_customers", "query", "refund", "slow", "countdown", "help" } },
  decide = allow(),
}

policy "shop/no-destructive-sql" {
  about  = "Agents read; they do not drop or delete",
  on     = "request",
  match  = { servers = { "acme" }, tools = { "query" },
             args = { sql = re[[(?i)\b(drop|delete|truncate|alter|update)\b]] } },
  decide = block("destructive SQL is not allowed through weir", { code = "sql_destructive", hint = "use SELECT" }),
}

policy "shop/customers-data" {
  about  = "Agents see who the customers are, not their data",
  on     = "response",
  match  = { servers = { "acme" }, methods = { "tools/call" } },
  decide = mask {
    fields = { ["**.ssn"] = "drop", ["**.card"] = "last4", ["**.email"] = "[email]", ["**.phone"] = "null" },
  },
}

policy "shop/large-refunds" {
  about  = "An agent refunds small amounts by itself; a person looks at the rest",
  on     = "request",
  match  = { servers = { "acme" }, tools = { "refund" } },
  decide = function(call)
    local amount = call.args.amount
    if type(amount) == "number" and amount <= 100 then
      return pass()
    end
    return approve { by = { "owner:acme" }, reason = "a refund above 100", within = "15m" }
  end,
}

policy "shop/no-deleting" {
  about  = "Nobody sees the tools that delete",
  on     = "list",
  match  = { servers = { "acme" }, tools = { "delete_*" } },
  decide = hide(),
}
)lua";

bool write_file(const std::string& path, std::string_view text) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    return close(fd) == 0 && written;
}

} // namespace

DemoPlace::~DemoPlace() {
    if (path_.empty()) return;
    std::error_code ignored; // What is left of a temporary directory harms nobody.
    std::filesystem::remove_all(path_, ignored);
}

std::expected<void, std::string> DemoPlace::make(uint16_t port, const std::string& acme_url, std::string_view hold) {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = fmt::format("{}/weir-demo-XXXXXX", base != nullptr && *base == '/' ? base : "/tmp");
    if (mkdtemp(pattern.data()) == nullptr) {
        return std::unexpected(
            fmt::format("{}: {}; set TMPDIR to a directory that can be written", pattern, std::strerror(errno)));
    }
    path_ = pattern;
    const std::string policies = path_ + "/policies";
    if (mkdir(policies.c_str(), 0700) != 0 ||
        !write_file(config(), fmt::format(fmt::runtime(config_text), fmt::arg("port", port), fmt::arg("url", acme_url),
                                          fmt::arg("hold", hold))) ||
        !write_file(policies + "/shop.lua", policies_text)) {
        return std::unexpected(fmt::format("{}: {}", path_, std::strerror(errno)));
    }
    return {};
}

uint16_t free_port(uint16_t wanted) {
    for (const uint16_t each : {wanted, uint16_t{0}}) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return 0;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(each);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        const int one = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                           getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
        close(fd);
        if (bound) return ntohs(address.sin_port);
    }
    return 0;
}

} // namespace weir::cli
