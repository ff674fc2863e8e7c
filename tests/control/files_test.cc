// tests/control/files_test.cc - who watches files is told what they hold, again when that changes, and only then.
#include "control/files.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <vector>

using namespace weir;
using namespace weir::control;

namespace {

/// A directory of the test's own, and what was told of the files in it.
class Desk {
  public:
    Desk() {
        char name[] = "/tmp/weir-files-XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        place_ = name;
    }
    ~Desk() { std::filesystem::remove_all(place_); }

    std::string path(const std::string& name) const { return place_ / name; }
    /// As whoever replaces a secret does it: a new file takes the name.
    void put(const std::string& name, const std::string& content) const {
        std::ofstream(path(name) + ".new") << content;
        std::filesystem::rename(path(name) + ".new", path(name));
    }
    void tell(uint32_t index, std::string content) {
        const std::lock_guard lock(mutex_);
        told_[index].push_back(std::move(content));
        changed_.notify_all();
    }
    /// Waits until file `index` is said to hold `content`, behind what was heard of it before.
    bool hears(uint32_t index, const std::string& content) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(120), [&] {
            const auto& told = told_[index];
            const auto found = std::find(told.begin() + heard_[index], told.end(), content);
            if (found == told.end()) return false;
            heard_[index] = found - told.begin() + 1;
            return true;
        });
    }
    size_t times(uint32_t index) {
        const std::lock_guard lock(mutex_);
        return told_[index].size();
    }

  private:
    std::filesystem::path place_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<uint32_t, std::vector<std::string>> told_;
    std::map<uint32_t, ptrdiff_t> heard_; // how many of these
};

} // namespace

TEST_CASE("a file is told when it is there, when it is replaced, and when a link leads elsewhere") {
    Desk desk;
    desk.put("a", "one");
    desk.put("first", "1");
    desk.put("second", "2");
    std::filesystem::create_symlink(desk.path("first"), desk.path("link"));
    Files files(
        {desk.path("a"), desk.path("late"), desk.path("link")},
        [&](uint32_t index, std::string content, bool) {
            desk.tell(index, std::move(content));
            return true;
        },
        ms_ns);
    CHECK(desk.hears(0, "one"));
    CHECK(desk.hears(2, "1"));
    desk.put("a", "two");
    CHECK(desk.hears(0, "two"));
    CHECK(desk.times(1) == 0);
    desk.put("late", "here");
    CHECK(desk.hears(1, "here"));
    std::filesystem::create_symlink(desk.path("second"), desk.path("new"));
    std::filesystem::rename(desk.path("new"), desk.path("link"));
    CHECK(desk.hears(2, "2"));
    CHECK(desk.times(0) == 2); // Nothing was told that had not changed.
}

TEST_CASE("a file that goes, is too large or is no file is not told, and told again when it is back") {
    Desk desk;
    desk.put("a", "one");
    desk.put("b", std::string(small_file_bytes_max + 1, 'x'));
    std::filesystem::create_directory(desk.path("c"));
    Files files(
        {desk.path("a"), desk.path("b"), desk.path("c"), desk.path("last")},
        [&](uint32_t index, std::string content, bool) {
            desk.tell(index, std::move(content));
            return true;
        },
        ms_ns);
    CHECK(desk.hears(0, "one"));
    std::filesystem::remove(desk.path("a"));
    desk.put("last", "1"); // Told in a round that found the others as they are.
    CHECK(desk.hears(3, "1"));
    desk.put("a", "two");
    desk.put("b", "small");
    CHECK(desk.hears(0, "two"));
    CHECK(desk.hears(1, "small"));
    CHECK(desk.times(1) == 1);
    CHECK(desk.times(2) == 0);
}

TEST_CASE("what is refused is told again though it does not change, and is counted until it is taken") {
    Desk desk;
    desk.put("a", "one");
    desk.put("b", "good");
    desk.put("goes", "x");
    std::atomic<uint32_t> unused{0};
    std::atomic<bool> fits{false};
    int anew = 0; // written on the thread of Files, read when that has told what came after
    Files files(
        {desk.path("a"), desk.path("b"), desk.path("goes")},
        [&](uint32_t index, std::string content, bool again) {
            if (index == 0 && !again) ++anew;
            const bool taken = index != 0 || fits;
            desk.tell(index, content + (again ? " again" : "") + (taken ? "" : ", refused"));
            return taken;
        },
        ms_ns, &unused);
    CHECK(desk.hears(0, "one, refused"));
    CHECK(desk.hears(0, "one again, refused"));
    CHECK(desk.hears(1, "good"));
    CHECK(desk.hears(2, "x"));
    std::filesystem::remove(desk.path("goes"));
    desk.put("a", "two");
    CHECK(desk.hears(0, "two, refused")); // Another content is told at once.
    CHECK(desk.hears(0, "two again, refused"));
    CHECK(anew == 2);
    fits = true;
    CHECK(desk.hears(0, "two again"));
    const size_t times = desk.times(0);
    desk.put("b", "better");
    CHECK(desk.hears(1, "better"));
    desk.put("b", "best");
    CHECK(desk.hears(1, "best")); // Rounds later.
    CHECK(desk.times(0) == times);
    CHECK(unused == 1); // the one that has gone
}
