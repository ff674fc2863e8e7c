// tests/cli/findings_test.cc - the doctor's judgements, each from what it would have found.
#include "cli/findings.h"

#include <sys/resource.h>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>

using namespace weir;
using namespace weir::cli;
using State = Finding::State;

TEST_CASE("a kernel is new enough from 6.1 on") {
    for (const char* release : {"6.1.0-18-amd64", "6.1", "6.12.3", "7.0.0", "10.2"})
        CHECK(judge_kernel(release).state == State::good);
    for (const char* release : {"5.15.0-91-generic", "6.0.19", "4.19", "", "x", "6", "6."}) {
        INFO(release);
        CHECK(judge_kernel(release).state == State::bad);
        CHECK(!judge_kernel(release).fix.empty());
    }
}

TEST_CASE("why io_uring is refused is said with what to do") {
    ring::Probe works{.error = 0,
                      .settings = true,
                      .buffer_ring = true,
                      .multishot_receive = true,
                      .message_ring = true,
                      .min_wait = false,
                      .zero_copy_send = true};
    CHECK(judge_ring(works, 0, false).state == State::good);
    works.multishot_receive = false;
    CHECK(judge_ring(works, 0, false).fix.find("6.1") != std::string::npos);

    ring::Probe refused{.error = EPERM};
    CHECK(judge_ring(refused, 2, false).fix.find("kernel.io_uring_disabled=0") != std::string::npos);
    CHECK(judge_ring(refused, 1, false).fix.find("io_uring_group") != std::string::npos);
    CHECK(judge_ring(refused, 0, true).fix.find("seccomp") != std::string::npos);
    CHECK(judge_ring(refused, -1, false).fix.find("security module") != std::string::npos);
    refused.error = EMFILE;
    CHECK(judge_ring(refused, 0, true).fix.find("LimitNOFILE") != std::string::npos);
    refused.error = ENOMEM;
    CHECK(judge_ring(refused, 0, true).state == State::bad);
}

TEST_CASE("open files are counted against the limits") {
    CHECK(judge_files(65'536, 65'536, 20'256).fix.empty());
    CHECK(judge_files(RLIM_INFINITY, RLIM_INFINITY, 20'256).fix.empty());
    CHECK(judge_files(1024, 524'288, 20'256).fix.find("ulimit -n 20256") != std::string::npos);
    CHECK(judge_files(1024, 4096, 20'256).fix.find("ulimit") == std::string::npos);
    CHECK(judge_files(1024, 4096, 20'256).state == State::warning);
}

TEST_CASE("this machine can be examined") {
    const std::vector<Finding> findings = examine(nullptr);
    REQUIRE(findings.size() == 6);
    CHECK(findings[0].what == "kernel");
    for (const Finding& each : findings) {
        CHECK(!each.found.empty());
        CHECK((each.state == State::good || !each.fix.empty()));
    }
}
