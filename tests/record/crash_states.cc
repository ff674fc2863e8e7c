// tests/record/crash_states.cc - see crash_states.h.
#include "record/crash_states.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

namespace weir::record::test {
namespace {

constexpr uint64_t sector = 512;

struct Disk {
    std::string synced;                // the content that is certain
    std::vector<const Event*> pending; // allocate and write, since the last sync
    std::vector<const Event*> dropped; // by a sync that failed: no later one makes them certain
    bool listed = false;               // the name is certain
};

void put(std::string& content, uint64_t offset, std::string_view bytes) {
    if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
    content.replace(offset, bytes.size(), bytes);
}

void apply_whole(std::string& content, const Event& event) {
    if (event.kind == Event::Kind::allocate)
        content.resize(std::max<size_t>(content.size(), event.offset + event.size));
    else put(content, event.offset, event.bytes);
}

bool lucky(Luck luck, Random& random, size_t index, size_t count) {
    switch (luck) {
        case Luck::none: return false;
        case Luck::all: return true;
        case Luck::random: return random.chance(1, 2);
        case Luck::mostly: return random.chance(19, 20);
        case Luck::rarely: return random.chance(1, 20);
        case Luck::late_only: return index * 2 >= count;
    }
    return false;
}

// Those sectors of a write that made it.
void apply_in_part(std::string& content, const Event& event, Luck luck, Random& random, size_t index, size_t count) {
    const uint64_t end = event.offset + event.bytes.size();
    for (uint64_t at = event.offset; at < end;) {
        const uint64_t next = std::min(end, (at / sector + 1) * sector);
        if (lucky(luck, random, index, count)) {
            put(content, at, std::string_view(event.bytes).substr(at - event.offset, next - at));
        }
        at = next;
    }
}

} // namespace

void make_crash_state(std::span<const Event> trace, size_t count, Luck luck, Random& random,
                      const std::string& directory) {
    std::map<std::string, Disk> disks;
    for (const Event& event : trace.first(count)) {
        Disk& disk = disks[event.name];
        switch (event.kind) {
            case Event::Kind::create: break;
            case Event::Kind::allocate:
            case Event::Kind::write: disk.pending.push_back(&event); break;
            case Event::Kind::sync:
                for (const Event* pending : disk.pending) apply_whole(disk.synced, *pending);
                disk.pending.clear();
                break;
            case Event::Kind::sync_failed:
                disk.dropped.insert(disk.dropped.end(), disk.pending.begin(), disk.pending.end());
                disk.pending.clear();
                break;
            case Event::Kind::sync_directory:
                disks.erase(event.name);
                for (auto& [name, listed] : disks) listed.listed = true;
                break;
            case Event::Kind::unlink: disks.erase(event.name); break;
        }
    }
    for (const auto& [name, disk] : disks) {
        if (!disk.listed && !lucky(luck, random, 1, 1)) continue;
        std::string content = disk.synced;
        std::vector<const Event*> perhaps = disk.dropped;
        perhaps.insert(perhaps.end(), disk.pending.begin(), disk.pending.end());
        for (size_t i = 0; i < perhaps.size(); ++i) {
            const Event& event = *perhaps[i];
            if (event.kind == Event::Kind::write) apply_in_part(content, event, luck, random, i, perhaps.size());
            else if (lucky(luck, random, i, perhaps.size())) apply_whole(content, event);
        }
        const std::string path = directory + "/" + name;
        std::ofstream file(path, std::ios::binary);
        REQUIRE(file.write(content.data(), static_cast<std::streamsize>(content.size())));
        file.close();
        std::filesystem::permissions(path, std::filesystem::perms(0640));
    }
}

} // namespace weir::record::test
