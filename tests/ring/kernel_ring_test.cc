// tests/ring/kernel_ring_test.cc - the kernel keeps the promises of ring/ring.h, tried on the running kernel.
//
// Over socket pairs, loopback and files in a fresh directory. Every wait is a turn() that a completion ends; a test that
// waits for what never comes fails after `turns_max` turns.
#include "ring/kernel_ring.h"
#include "ring/probe.h"

#include "base/bytes.h"

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::ring;

namespace {

constexpr int turns_max = 1000;
constexpr uint64_t second_ns = 1'000'000'000;

/// A ring and what came out of it.
struct Bench {
    explicit Bench(KernelRingOptions options = {}) {
        auto made_waker = make_waker();
        REQUIRE(made_waker);
        waker = *made_waker;
        auto made = make_kernel_ring(options, waker);
        REQUIRE(made);
        ring = std::move(*made);
    }
    template <class Condition> void turn_until(Condition condition) {
        for (int i = 0; i < turns_max && !condition(); ++i) ring->turn(ring->now_ns() + second_ns);
        REQUIRE(condition());
    }
    std::shared_ptr<Waker> waker;
    std::unique_ptr<Ring> ring;
};

/// An operation that keeps its completions.
struct Kept {
    Kept() {
        op.owner = this;
        op.done = [](Op& self, Completion done) {
            auto& kept = self.owner_as<Kept>();
            kept.all.push_back(done);
            if (kept.lender != nullptr && done.slab != 0) kept.slabs.push_back(kept.lender->adopt(done));
        };
    }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    bool over() const { return !all.empty() && !op.with_kernel; }
    int32_t result() const { return all.back().result; }
    std::string text() const {
        std::string whole;
        for (const Slab& slab : slabs) whole += slab.text();
        return whole;
    }
    Op op;
    Ring* lender = nullptr;
    std::vector<Completion> all;
    std::vector<Slab> slabs;
};

struct Pair {
    Pair() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0); }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
        for (const int fd : fds)
            if (fd >= 0) ::close(fd);
    }
    void say(std::string_view bytes) const {
        REQUIRE(::write(fds[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }
    void hang_up() {
        ::close(fds[1]);
        fds[1] = -1;
    }
    int fds[2] = {-1, -1};
};

struct Folder {
    Folder() {
        std::string path = (std::filesystem::temp_directory_path() / "weir-ring-XXXXXX").string();
        REQUIRE(mkdtemp(path.data()) != nullptr);
        place = path;
        fd = ::open(path.c_str(), O_DIRECTORY | O_CLOEXEC);
        REQUIRE(fd >= 0);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        ::close(fd);
        std::filesystem::remove_all(place);
    }
    std::string read(const char* name) const {
        std::ostringstream text;
        text << std::ifstream(place / name).rdbuf();
        return text.str();
    }
    std::filesystem::path place;
    int fd = -1;
};

int option(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    CHECK(getsockopt(fd, level, name, &value, &size) == 0);
    return value;
}

} // namespace

TEST_CASE("a receive is submitted once and brings each arrival in a slab with readable padding") {
    Bench bench;
    Pair pair;
    Kept receive;
    receive.lender = bench.ring.get();
    bench.ring->receive(receive.op, pair.fds[0]);
    for (const char* part : {"one", "two", "three"}) {
        const size_t before = receive.slabs.size();
        pair.say(part);
        bench.turn_until([&] { return receive.slabs.size() > before; });
        const auto text = receive.slabs.back().text();
        CHECK(text == part);
        CHECK(receive.op.with_kernel);
        unsigned sum = 0;
        for (size_t i = 0; i < padding_bytes; ++i) sum += static_cast<unsigned char>(text.data()[text.size() + i]);
        CHECK(sum <= 255 * padding_bytes); // reading it is what the sanitizer watches
    }
    pair.hang_up();
    bench.turn_until([&] { return receive.over(); });
    CHECK(receive.result() == 0);
    CHECK(receive.all.back().last);
}

TEST_CASE("slabs are counted while they are lent, and a receive without one ends with ENOBUFS, not with a loss") {
    Bench bench({.slabs = 2, .slab_bytes = 4096});
    Pair pair;
    Kept receive;
    receive.lender = bench.ring.get();
    const std::string sent(3 * 4096, 'x');
    pair.say(sent);
    bench.ring->receive(receive.op, pair.fds[0]);
    bench.turn_until([&] { return receive.over(); });
    CHECK(receive.result() == -ENOBUFS);
    CHECK(receive.slabs.size() == 2);
    CHECK(bench.ring->slabs_free() == 0);
    CHECK(bench.ring->slabs_total() == 2);

    std::string got = receive.text();
    receive.slabs.clear();
    CHECK(bench.ring->slabs_free() == 2);
    while (got.size() < sent.size()) { // armed again, what was left arrives
        bench.ring->receive(receive.op, pair.fds[0]);
        bench.turn_until([&] { return receive.over() || !receive.slabs.empty(); });
        got += receive.text();
        receive.slabs.clear();
        if (receive.op.with_kernel) {
            bench.ring->cancel(receive.op);
            bench.turn_until([&] { return receive.over(); });
            got += receive.text();
            receive.slabs.clear();
        }
    }
    CHECK(got == sent);
    CHECK(bench.ring->slabs_free() == 2);
}

TEST_CASE("a cancelled operation still completes, once and last") {
    Bench bench;
    Pair pair;
    Kept receive;
    bench.ring->receive(receive.op, pair.fds[0]);
    bench.ring->submit();
    bench.ring->cancel(receive.op);
    bench.turn_until([&] { return receive.over(); });
    CHECK(receive.all.size() == 1);
    CHECK(receive.result() == -ECANCELED);
    CHECK(receive.all.back().last);
}

TEST_CASE("what is there is received past the slabs at once, and nothing is no error of the peer") {
    Bench bench;
    Pair pair;
    char room[16];
    CHECK(bench.ring->receive_now(pair.fds[0], room) == -EAGAIN);
    pair.say("bulk");
    REQUIRE(bench.ring->receive_now(pair.fds[0], room) == 4);
    CHECK(std::string_view(room, 4) == "bulk");
    pair.hang_up();
    CHECK(bench.ring->receive_now(pair.fds[0], room) == 0);
}

TEST_CASE("a client connects, is accepted, and both directions carry bytes until either ends") {
    Bench bench;
    Address address;
    auto& ip4 = reinterpret_cast<sockaddr_in&>(address.storage);
    ip4.sin_family = AF_INET;
    ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof ip4;
    const int listener = listen_on(address, 8);
    REQUIRE(listener >= 0);
    REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address.storage), &address.size) == 0);

    Kept accept, connect, send, pieces, receive;
    bench.ring->accept(accept.op, listener);
    const int client = bench.ring->open_socket(AF_INET);
    REQUIRE(client >= 0);
    bench.ring->connect(connect.op, client, address);
    bench.turn_until([&] { return connect.over() && !accept.all.empty(); });
    CHECK(connect.result() == 0);
    const int server = accept.result();
    REQUIRE(server >= 0);
    CHECK(accept.op.with_kernel);           // it goes on accepting
    for (const int fd : {client, server}) { // Who is gone without a word is noticed.
        CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
        CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 60);
        CHECK(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 10);
        CHECK(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 6);
        CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
    }

    receive.lender = bench.ring.get();
    bench.ring->receive(receive.op, server);
    bench.ring->send(send.op, client, "whole ");
    bench.turn_until([&] { return send.over(); });
    CHECK(send.result() == 6);
    iovec parts[] = {{const_cast<char*>("in "), 3}, {const_cast<char*>("pieces"), 6}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    bench.ring->send_pieces(pieces.op, client, message);
    bench.turn_until([&] { return pieces.over() && receive.text().size() >= 15; });
    CHECK(pieces.result() == 9);
    CHECK(receive.text() == "whole in pieces");

    bench.ring->shutdown(client, SHUT_RDWR);
    bench.turn_until([&] { return receive.over(); });
    CHECK(receive.result() == 0);
    bench.ring->cancel(accept.op);
    bench.turn_until([&] { return accept.over(); });
    receive.slabs.clear();
    for (const int fd : {client, server, listener}) bench.ring->close(fd);
}

TEST_CASE("a quiet send ends no turn, and is told of with what does") {
    Bench bench;
    Pair pair;
    Kept send, receive;
    receive.lender = bench.ring.get();
    bench.ring->receive(receive.op, pair.fds[0]);
    bench.ring->send_quietly(send.op, pair.fds[1], "hello");
    CHECK(send.op.with_kernel);
    bench.turn_until([&] { return !receive.slabs.empty(); });
    CHECK(receive.text() == "hello");
    CHECK(send.over());
    REQUIRE(send.all.size() == 1);
    CHECK(send.result() == 5);

    // Alone it ends nothing but at the deadline.
    Pair other;
    Kept alone;
    bench.ring->send_quietly(alone.op, other.fds[1], "unread");
    const uint64_t began = bench.ring->now_ns();
    bench.ring->turn(began + 20'000'000);
    CHECK(bench.ring->now_ns() >= began + 20'000'000);
    CHECK(alone.over());
    CHECK(alone.result() == 6);
    bench.ring->cancel(receive.op);
    bench.turn_until([&] { return receive.over(); });
    receive.slabs.clear();
}

TEST_CASE("a quiet send that finds no room goes on as any other, and one that fails says so at once") {
    Bench bench;
    Pair pair;
    const int few = 4096;
    REQUIRE(setsockopt(pair.fds[1], SOL_SOCKET, SO_SNDBUF, &few, sizeof few) == 0);
    std::string taken; // fill the socket
    const std::string filler(64 << 10, 'f');
    ssize_t filled = 0, more = 0;
    while ((more = ::send(pair.fds[1], filler.data(), filler.size(), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) filled += more;
    REQUIRE(filled > 0);

    Kept full, receive;
    receive.lender = bench.ring.get();
    bench.ring->send_quietly(full.op, pair.fds[1], "behind");
    bench.ring->turn(0);
    bench.ring->turn(0);
    CHECK_FALSE(full.over()); // It waits for room.
    bench.ring->receive(receive.op, pair.fds[0]);
    size_t read = 0;
    bench.turn_until([&] {
        for (const Slab& slab : receive.slabs) read += slab.text().size(), taken = slab.text();
        receive.slabs.clear();
        if (!receive.op.with_kernel) bench.ring->receive(receive.op, pair.fds[0]); // All slabs were lent.
        return full.over() && read == static_cast<size_t>(filled) + 6;
    });
    CHECK(full.result() == 6);
    CHECK(taken.ends_with("behind"));

    // Whatever a part comes to, the count says how much of it went.
    Kept part;
    const std::string large(256 << 10, 'x');
    bench.ring->send_quietly(part.op, pair.fds[1], large);
    bench.turn_until([&] {
        for (const Slab& slab : receive.slabs) read += slab.text().size();
        receive.slabs.clear();
        if (!receive.op.with_kernel) bench.ring->receive(receive.op, pair.fds[0]);
        return part.over();
    });
    CHECK(part.result() > 0);
    bench.turn_until([&] {
        for (const Slab& slab : receive.slabs) read += slab.text().size();
        receive.slabs.clear();
        if (!receive.op.with_kernel) bench.ring->receive(receive.op, pair.fds[0]);
        return read == static_cast<size_t>(filled) + 6 + static_cast<size_t>(part.result());
    });

    ::shutdown(pair.fds[0], SHUT_RDWR);
    Kept broken;
    bench.ring->send_quietly(broken.op, pair.fds[1], "into the void");
    bench.turn_until([&] { return broken.over(); });
    CHECK(broken.result() == -EPIPE);
    bench.turn_until([&] { return receive.over(); });
    receive.slabs.clear();
}

TEST_CASE("nobody listens: connecting fails with the reason") {
    Bench bench;
    Address address;
    auto& ip4 = reinterpret_cast<sockaddr_in&>(address.storage);
    ip4.sin_family = AF_INET;
    ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof ip4;
    const int bound = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); // holds a port on which nobody listens
    REQUIRE(::bind(bound, address.get(), address.size) == 0);
    REQUIRE(getsockname(bound, reinterpret_cast<sockaddr*>(&address.storage), &address.size) == 0);
    Kept connect;
    const int client = bench.ring->open_socket(AF_INET);
    bench.ring->connect(connect.op, client, address);
    bench.turn_until([&] { return connect.over(); });
    CHECK(connect.result() == -ECONNREFUSED);
    bench.ring->close(client);
    ::close(bound);
}

TEST_CASE("a file is opened, given room, written and synced in order, and removed") {
    Bench bench;
    const Folder folder;
    Kept open, allocate, write, synced, sync, unlink;
    bench.ring->open_file(open.op, folder.fd, "segment", O_CREAT | O_EXCL | O_RDWR, 0600);
    bench.turn_until([&] { return open.over(); });
    const int fd = open.result();
    REQUIRE(fd >= 0);
    bench.ring->allocate(allocate.op, fd, 0, 8192);
    bench.turn_until([&] { return allocate.over(); });
    CHECK(allocate.result() == 0);
    struct stat status{};
    REQUIRE(::fstat(fd, &status) == 0);
    CHECK(status.st_size == 8192);

    bench.ring->write(write.op, fd, "entries", 100, &synced.op);
    bench.turn_until([&] { return write.over() && synced.over(); });
    CHECK(write.result() == 7);
    CHECK(synced.result() == 0);
    CHECK(folder.read("segment").substr(100, 7) == "entries");
    bench.ring->sync(sync.op, fd, false);
    bench.turn_until([&] { return sync.over(); });
    CHECK(sync.result() == 0);

    bench.ring->unlink(unlink.op, folder.fd, "segment");
    bench.turn_until([&] { return unlink.over(); });
    CHECK(unlink.result() == 0);
    CHECK_FALSE(std::filesystem::exists(folder.place / "segment"));
    bench.ring->close(fd);
}

TEST_CASE("a file that takes blocks is written to past the page cache, and through it again") {
    Bench bench;
    const Folder folder;
    Kept open, first, second, third;
    bench.ring->open_file(open.op, folder.fd, "segment", O_CREAT | O_EXCL | O_RDWR, 0440);
    bench.turn_until([&] { return open.over(); });
    const int fd = open.result();
    REQUIRE(fd >= 0);
    if (bench.ring->takes_blocks(fd)) { // what a tmpfs does not
        const std::string text =
            std::string(ring::direct_block_bytes, 'a') + std::string(ring::direct_block_bytes, 'b');
        alignas(ring::direct_block_bytes) static char blocks[2 * ring::direct_block_bytes];
        text.copy(blocks, text.size());
        REQUIRE(bench.ring->turn_direct(fd, true));
        bench.ring->write_directly(first.op, fd, {blocks, text.size()}, 0);
        bench.turn_until([&] { return first.over(); });
        CHECK(first.result() == static_cast<int32_t>(text.size()));
        CHECK(folder.read("segment") == text);
        bench.ring->write_directly(second.op, fd, {blocks, 100}, text.size()); // no whole block
        bench.turn_until([&] { return second.over(); });
        CHECK(second.result() == -EINVAL);
        REQUIRE(bench.ring->turn_direct(fd, false));
        bench.ring->write(third.op, fd, "entries", text.size(), nullptr);
        bench.turn_until([&] { return third.over(); });
        CHECK(third.result() == 7);
        CHECK(folder.read("segment") == text + "entries");
    }
    bench.ring->close(fd);
}

TEST_CASE("a write that fails takes its sync with it") {
    Bench bench;
    const Folder folder;
    std::ofstream(folder.place / "read-only") << "x";
    const int fd = ::openat(folder.fd, "read-only", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    Kept write, synced;
    bench.ring->write(write.op, fd, "entries", 0, &synced.op);
    bench.turn_until([&] { return write.over() && synced.over(); });
    CHECK(write.result() == -EBADF);
    CHECK(synced.result() == -ECANCELED);
    bench.ring->close(fd);
}

TEST_CASE("a ring that polls busily does not sleep while something may come, and sleeps after that") {
    Bench bench({.busy_poll_ns = 20 * second_ns});
    const auto sleeps = [] {
        rusage usage{};
        REQUIRE(::getrusage(RUSAGE_THREAD, &usage) == 0);
        return usage.ru_nvcsw;
    };
    Kept woken;
    bench.ring->on_wake(&woken.op);
    bench.waker->wake();
    bench.turn_until([&] { return woken.all.size() == 1; });
    bench.ring->on_wake(nullptr);
    const auto before = sleeps();
    const uint64_t deadline_ns = bench.ring->now_ns() + 20'000'000;
    bench.ring->turn(deadline_ns);
    CHECK(sleeps() == before);
    CHECK(bench.ring->now_ns() >= deadline_ns);

    Bench brief({.busy_poll_ns = 1000});
    const auto asleep = sleeps();
    brief.ring->turn(brief.ring->now_ns() + 20'000'000);
    CHECK(sleeps() > asleep);
}

TEST_CASE("another thread wakes a ring that waits, again and again") {
    Bench bench;
    Kept woken;
    bench.ring->on_wake(&woken.op);
    for (size_t times = 1; times <= 3; ++times) {
        std::thread other([waker = bench.waker] { waker->wake(); });
        bench.turn_until([&] { return woken.all.size() >= times; });
        other.join();
    }
    CHECK(woken.all.size() == 3);
}

TEST_CASE("who listened for wakes may go before those who wake, and another may listen then") {
    Bench bench;
    {
        Kept gone;
        bench.ring->on_wake(&gone.op);
        bench.ring->on_wake(nullptr);
        bench.waker->wake();
        bench.ring->turn(bench.ring->now_ns() + 2'000'000);
        CHECK(gone.all.empty());
    }
    Kept woken;
    bench.ring->on_wake(&woken.op);
    bench.waker->wake();
    bench.turn_until([&] { return !woken.all.empty(); });
    CHECK(woken.all.size() == 1);
}

TEST_CASE("a turn without completions ends at its deadline, and time does not go back") {
    Bench bench;
    const uint64_t before = bench.ring->now_ns();
    bench.ring->turn(before + 2'000'000);
    CHECK(bench.ring->now_ns() >= before + 2'000'000);
    const uint64_t later = bench.ring->now_ns();
    bench.ring->turn(0); // a deadline that has passed: looks, and does not wait
    CHECK(bench.ring->now_ns() >= later);
    CHECK(bench.ring->wall_ns() > 1'500'000'000 * second_ns);
}

TEST_CASE("more operations than the submission queue holds are all done") {
    Bench bench({.submissions = 8, .completions = 64});
    std::vector<Pair> pairs(20);
    std::vector<Kept> sends(pairs.size());
    for (size_t i = 0; i < pairs.size(); ++i) bench.ring->send(sends[i].op, pairs[i].fds[0], "x");
    bench.turn_until([&] {
        for (const Kept& send : sends)
            if (!send.over()) return false;
        return true;
    });
    for (const Kept& send : sends) CHECK(send.result() == 1);
}

TEST_CASE("a socket file is for its owner alone, and takes the place of a stale one") {
    const Folder folder;
    Address address;
    auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
    local.sun_family = AF_UNIX;
    const std::string path = (folder.place / "control.sock").string();
    REQUIRE(path.copy(local.sun_path, sizeof local.sun_path - 1) == path.size());
    address.size = sizeof local;
    for (int times = 0; times < 2; ++times) {
        const int listener = listen_on(address, 1);
        REQUIRE(listener >= 0);
        struct stat status{};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
        ::close(listener);
    }
}

TEST_CASE("the probe finds what the ring of these tests was made with") {
    const Probe found = probe();
    CHECK(found.error == 0);
    CHECK(found.settings);
    CHECK(found.buffer_ring);
    CHECK(found.multishot_receive);
}
