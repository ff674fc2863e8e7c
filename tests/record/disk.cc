// tests/record/disk.cc - see disk.h.
#include "record/disk.h"

#include <algorithm>

namespace weir::record::test {
namespace {

constexpr uint64_t sector = 512;

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

std::string_view directory_of(std::string_view name) {
    const size_t slash = name.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

} // namespace

void Disk::put(Content& content, uint64_t offset, std::string_view bytes) {
    if (bytes.empty()) return;
    const uint64_t end = offset + bytes.size();
    if (content.bytes.size() < end) content.bytes.resize(end);
    content.bytes.replace(offset, bytes.size(), bytes);
    content.size = std::max(content.size, end);
}

void Disk::apply(Content& content, const Pending& pending) {
    if (pending.kind == Pending::Kind::write) return put(content, pending.offset, pending.bytes);
    if (pending.kind == Pending::Kind::allocate) content.size = std::max(content.size, pending.offset);
    else content.size = pending.offset;
    if (content.bytes.size() > content.size) content.bytes.resize(content.size);
}

// Those sectors of a write that made it.
void Disk::apply_in_part(Content& content, const Pending& pending, Luck luck, Random& random, size_t index,
                         size_t count) {
    const std::string_view bytes = pending.bytes;
    const uint64_t end = pending.offset + bytes.size();
    for (uint64_t at = pending.offset; at < end;) {
        const uint64_t next = std::min(end, (at / sector + 1) * sector);
        if (lucky(luck, random, index, count)) put(content, at, bytes.substr(at - pending.offset, next - at));
        at = next;
    }
}

void Disk::create(const std::string& name) {
    File& file = files_[name];
    if (file.unlinked) file = {};
}

Disk::Number Disk::add(const std::string& name, Pending pending) {
    pending.number = ++last_;
    files_[name].pending.push_back(std::move(pending));
    return last_;
}

Disk::Number Disk::write(const std::string& name, uint64_t offset, std::string_view bytes) {
    return add(name, {.kind = Pending::Kind::write, .offset = offset, .bytes = std::string(bytes)});
}

Disk::Number Disk::allocate(const std::string& name, uint64_t size) {
    return add(name, {.kind = Pending::Kind::allocate, .offset = size});
}

Disk::Number Disk::truncate(const std::string& name, uint64_t size) {
    return add(name, {.kind = Pending::Kind::truncate, .offset = size});
}

void Disk::done(const std::string& name, Number number) {
    auto& pending = files_[name].pending;
    const auto found = std::ranges::lower_bound(pending, number, {}, &Pending::number);
    if (found != pending.end() && found->number == number) found->done = true;
}

void Disk::all_done() {
    for (auto& [name, file] : files_)
        for (Pending& pending : file.pending) pending.done = true;
}

Disk::Number Disk::begin_sync(const std::string& name) {
    ++last_;
    for (Pending& pending : files_[name].pending)
        if (pending.done && !pending.dropped && pending.sync == 0) pending.sync = last_;
    return last_;
}

/// What stands in front of it and is not certain holds, where the two overlap, what is certain now.
void Disk::make_certain(File& file, size_t index) {
    const Pending& certain = file.pending[index];
    apply(file.synced, certain);
    for (size_t i = 0; i < index; ++i) {
        Pending& older = file.pending[i];
        if (older.kind != Pending::Kind::write) continue;
        const uint64_t end = older.offset + older.bytes.size();
        if (certain.kind == Pending::Kind::truncate && end > certain.offset)
            older.bytes.resize(certain.offset > older.offset ? certain.offset - older.offset : 0);
        if (certain.kind != Pending::Kind::write) continue;
        const uint64_t from = std::max(older.offset, certain.offset);
        const uint64_t to = std::min(end, certain.offset + certain.bytes.size());
        if (from < to)
            older.bytes.replace(from - older.offset, to - from, certain.bytes, from - certain.offset, to - from);
    }
}

void Disk::end_sync(const std::string& name, Number sync, bool good) {
    File& file = files_[name];
    // Sizes are the file system's own: they are never dropped.
    const auto about = [&](const Pending& pending) {
        return pending.sync != 0 && pending.sync <= sync && !pending.dropped;
    };
    for (size_t i = 0; i < file.pending.size(); ++i) {
        Pending& pending = file.pending[i];
        if (!about(pending)) continue;
        if (good) make_certain(file, i);
        else pending.dropped = pending.kind == Pending::Kind::write;
    }
    if (good) std::erase_if(file.pending, about);
}

void Disk::sync_directory(std::string_view directory) {
    for (auto& [name, file] : files_)
        if (directory_of(name) == directory) file.listed = true;
    std::erase_if(files_,
                  [&](const auto& each) { return each.second.unlinked && directory_of(each.first) == directory; });
}

void Disk::unlink(const std::string& name) {
    if (const auto found = files_.find(name); found != files_.end()) found->second.unlinked = true;
}

std::map<std::string, Content> Disk::left(Luck luck, Random& random) const {
    std::map<std::string, Content> left;
    for (const auto& [name, file] : files_) {
        if (!file.listed && !lucky(luck, random, 1, 1)) continue;
        if (file.unlinked && lucky(luck, random, 1, 1)) continue;
        Content content = file.synced;
        const size_t count = file.pending.size();
        for (size_t i = 0; i < count; ++i) {
            const Pending& pending = file.pending[i];
            if (pending.kind == Pending::Kind::write) apply_in_part(content, pending, luck, random, i, count);
            else if (lucky(luck, random, i, count)) apply(content, pending);
        }
        left.emplace(name, std::move(content));
    }
    return left;
}

void Disk::begin_anew(const std::map<std::string, Content>& left) {
    files_.clear();
    for (const auto& [name, content] : left) files_[name] = {.synced = content, .listed = true};
}

} // namespace weir::record::test
