// tests/record/crash_states.cc - see crash_states.h.
#include "record/crash_states.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

namespace weir::record::test {

void make_crash_state(std::span<const Event> trace, size_t count, Luck luck, Random& random,
                      const std::string& directory) {
    Disk disk;
    for (const Event& event : trace.first(count)) {
        switch (event.kind) {
            case Event::Kind::create: disk.create(event.name); break;
            case Event::Kind::allocate:
                disk.done(event.name, disk.allocate(event.name, event.offset + event.size));
                break;
            case Event::Kind::write: disk.done(event.name, disk.write(event.name, event.offset, event.bytes)); break;
            case Event::Kind::sync: disk.end_sync(event.name, disk.begin_sync(event.name), true); break;
            case Event::Kind::sync_failed: disk.end_sync(event.name, disk.begin_sync(event.name), false); break;
            case Event::Kind::sync_directory: disk.sync_directory({}); break;
            case Event::Kind::unlink: disk.unlink(event.name); break;
        }
    }
    for (const auto& [name, content] : disk.left(luck, random)) {
        const std::string path = directory + "/" + name;
        std::ofstream file(path, std::ios::binary);
        REQUIRE(file.write(content.bytes.data(), static_cast<std::streamsize>(content.bytes.size())));
        file.close();
        std::filesystem::resize_file(path, content.size);
        std::filesystem::permissions(path, std::filesystem::perms(0640));
    }
}

} // namespace weir::record::test
