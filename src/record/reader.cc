// record/reader.cc - from segment to segment, and from stream to stream.
#include "record/reader.h"

#include "record/fields.h"

#include <dirent.h>
#include <fmt/core.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::record {
namespace {

// A segment's first entries may be older than its file: they waited for it.
constexpr uint64_t waiting_ns_max = 300'000'000'000;

} // namespace

Result<StreamReader> StreamReader::open(const std::string& directory, const ReaderOptions& options) {
    StreamReader reader;
    reader.directory_ = directory;
    reader.options_ = options;
    if (const auto listed = list_segments(directory); !listed) return fail(listed.error());
    return reader;
}

Error StreamReader::damaged(std::string text) {
    damage_ = fmt::format("{}: {}", directory_, text);
    return Error::corrupt;
}

Error StreamReader::unreadable(std::string text) {
    damage_ = fmt::format("{}: {}: {}", directory_, text, std::strerror(errno));
    return Error::io_failed;
}

// Takes up segments that were not there before. corrupt: the head of one is damaged; it is told once and stepped over.
Result<void> StreamReader::refresh() {
    const auto numbers = list_segments(directory_);
    if (!numbers) return fail(unreadable("cannot list it"));
    for (const uint64_t number : *numbers) {
        if (!heads_.empty() && number <= heads_.back().number) continue;
        if (std::find(lost_.begin(), lost_.end(), number) != lost_.end()) continue;
        const std::string path = directory_ + "/" + segment_name(number);
        auto file = SegmentFile::open(path);
        if (!file && file.error() != Error::io_failed) {
            const auto holds = SegmentFile::holds_entries(path);
            if (!holds || !*holds) continue; // Reserved, or pruned between the two looks.
            file = SegmentFile::open(path);  // Its head may have been written between them, too.
        }
        if (!file && file.error() == Error::io_failed) return fail(unreadable("cannot read " + segment_name(number)));
        if (!file || file->head().number != number) {
            lost_.push_back(number);
            return fail(damaged(segment_name(number) + " has a damaged head"));
        }
        heads_.push_back(file->head());
    }
    return {};
}

Result<void> StreamReader::go_on_with(size_t index) {
    const SegmentHead& head = heads_[index];
    auto file = SegmentFile::open(directory_ + "/" + segment_name(head.number));
    if (!file && file.error() == Error::not_found) return fail(Error::not_found); // Pruned.
    if (!file) return fail(unreadable("cannot read " + segment_name(head.number)));
    const bool follows = file_.has_value() && head.first_seq == seq_ && head.log == heads_[current_].log;
    const bool border_good = !follows || !chain_known_ || head.chain == chain_;
    file_ = std::move(*file);
    current_ = index;
    seal_seen_ = sealed_ = end_told_ = false;
    // What a live reader took from a segment that died since comes again here, under the same seqs.
    const bool again = head.first_seq < seq_;
    if (!again) seq_ = head.first_seq;
    chain_ = head.chain;
    chain_known_ = true;
    batch_ = BatchHash();
    if (options_.verify && !border_good) {
        return fail(
            damaged(fmt::format("{} does not continue the chain of the segment before", segment_name(head.number))));
    }
    return {};
}

// Computes the chain along; false when a mark does not say what was computed.
bool StreamReader::follow_chain(const Frame& frame) {
    if (frame.kind != Kind::mark) {
        seal_seen_ = frame.kind == Kind::seal;
        batch_.update(file_->raw());
        return true;
    }
    sealed_ = seal_seen_;
    const Digest computed = batch_.chain(chain_);
    const auto stated = read_mark(frame.payload);
    const bool good = !chain_known_ || (stated && *stated == computed);
    chain_ = stated ? *stated : computed;
    chain_known_ = true;
    return good;
}

Result<Entry> StreamReader::next() {
    if (!file_) {
        if (const auto begun = begin(); !begun) return fail(begun.error());
    }
    for (;;) {
        if (!is_last() && seq_ >= heads_[current_ + 1].first_seq) {
            const bool more = options_.verify && sealed_ && file_->written_behind(file_->offset()).value_or(0) != 0;
            const std::string name = segment_name(heads_[current_].number);
            if (const auto opened = go_on_with(current_ + 1); !opened) return fail(opened.error());
            if (more) return fail(damaged(name + " has something behind its seal"));
            continue;
        }
        const uint64_t offset = file_->offset();
        const auto frame = file_->next();
        if (!frame) {
            if (const auto ended = at_end(frame.error()); !ended) return fail(ended.error());
            continue;
        }
        if (frame->seq > seq_) {
            const uint64_t expected = std::exchange(seq_, frame->seq);
            file_->go_to(offset);
            lose_chain();
            return fail(damaged(fmt::format("{} (byte {}): seq {} is missing", segment_name(heads_[current_].number),
                                            offset, expected)));
        }
        const bool good = !options_.verify || follow_chain(*frame);
        if (frame->seq < seq_) continue; // Delivered before, out of a segment that died since.
        ++seq_;
        if (!good) {
            return fail(damaged(fmt::format("{}: the chain is broken in the batch that ends with seq {}",
                                            segment_name(heads_[current_].number), frame->seq)));
        }
        return Entry{heads_[current_].worker, heads_[current_].number, offset, *frame};
    }
}

Result<void> StreamReader::begin() {
    if (const auto listed = refresh(); !listed) return fail(listed.error());
    while (!heads_.empty()) {
        size_t first = 0;
        while (options_.since_ns != 0 && first + 1 < heads_.size() &&
               heads_[first + 1].created_ns + waiting_ns_max < options_.since_ns) {
            ++first;
        }
        const auto opened = go_on_with(first);
        if (opened) return {};
        heads_.erase(heads_.begin(), heads_.begin() + static_cast<ptrdiff_t>(first) + 1);
        if (opened.error() != Error::not_found) return fail(opened.error());
    }
    return fail(Error::not_found);
}

// Where the frames of a segment end: nothing may have been written yet, another segment may go on, the end may be torn,
// or something is damaged. Returns when there is more to read.
Result<void> StreamReader::at_end(Error error) {
    if (error == Error::io_failed) return fail(unreadable("cannot read " + segment_name(heads_[current_].number)));
    if (const auto listed = refresh(); !listed) return fail(listed.error());
    const uint64_t offset = file_->offset();
    const bool last = is_last();
    if (!last && seq_ >= heads_[current_ + 1].first_seq) return {};
    if (last && error == Error::not_found && !options_.verify) return fail(error);
    const auto written = file_->written_behind(offset);
    const auto acknowledged = last ? file_->acknowledged_behind(offset, seq_) : Result<bool>(true);
    if (!written || !acknowledged) return fail(unreadable("cannot read " + segment_name(heads_[current_].number)));
    // Whatever was seen behind it, this frame was whole by then if it ever is: look once more.
    if (const auto again = file_->next()) {
        file_->go_to(offset);
        return {};
    }
    const std::string name = segment_name(heads_[current_].number);
    if (*acknowledged) {
        const uint64_t lost = seq_;
        lose_chain();
        const auto found = file_->find_frame(offset + 8, lost + 1);
        if (found && (last || found->first < heads_[current_ + 1].first_seq)) {
            seq_ = found->first;
            file_->go_to(found->second);
        } else if (!last) {
            seq_ = heads_[current_ + 1].first_seq;
        }
        return fail(damaged(fmt::format("{} (byte {}): seq {} is damaged or missing", name, offset, lost)));
    }
    if (!options_.verify || *written == 0 || std::exchange(end_told_, true)) return fail(Error::not_found);
    if (sealed_) return fail(damaged(name + " has something behind its seal"));
    damaged(fmt::format("{} (byte {}): the end is torn at seq {}", name, offset, seq_));
    return fail(Error::incomplete);
}

void StreamReader::lose_chain() {
    chain_known_ = false;
    batch_ = BatchHash();
    seal_seen_ = sealed_ = false;
}

Result<Reader> Reader::open(const std::string& directory, const ReaderOptions& options) {
    Reader reader;
    reader.directory_ = directory;
    reader.options_ = options;
    if (const auto found = reader.find_streams(); !found) return fail(found.error());
    return reader;
}

// Takes up streams that were not there before.
Result<void> Reader::find_streams() {
    DIR* listing = ::opendir(directory_.c_str());
    if (listing == nullptr) return fail(errno == ENOENT ? Error::not_found : Error::io_failed);
    std::vector<uint32_t> workers;
    while (const dirent* found = ::readdir(listing)) {
        if (const auto worker = stream_number(found->d_name)) workers.push_back(*worker);
    }
    ::closedir(listing);
    std::sort(workers.begin(), workers.end());
    for (const uint32_t worker : workers) {
        const auto known = [&](const Stream& stream) { return stream.worker == worker; };
        if (std::any_of(streams_.begin(), streams_.end(), known)) continue;
        auto stream = StreamReader::open(directory_ + "/" + stream_name(worker), options_);
        if (stream) streams_.push_back({worker, std::move(*stream), std::nullopt});
    }
    return {};
}

Result<Entry> Reader::next() {
    if (const auto found = find_streams_now_and_then(); !found) return fail(found.error());
    Stream* oldest = nullptr;
    for (Stream& stream : streams_) {
        if (!stream.waiting && stream.rests != 0) {
            --stream.rests;
            continue;
        }
        if (!stream.waiting) {
            const auto entry = stream.reader.next();
            if (!entry && entry.error() != Error::not_found) {
                damage_ = stream.reader.damage();
                return fail(entry.error());
            }
            if (entry) stream.waiting = *entry;
            else stream.rests = rest_entries;
        }
        if (!stream.waiting) continue;
        if (oldest == nullptr || stream.waiting->frame.time_ns < oldest->waiting->frame.time_ns) oldest = &stream;
    }
    if (oldest == nullptr) {
        exhausted_ = true;
        return fail(Error::not_found);
    }
    const Entry entry = *oldest->waiting;
    oldest->waiting.reset();
    return entry;
}

// A stream can appear while a reader follows; looked for only after everything known was read.
Result<void> Reader::find_streams_now_and_then() {
    if (!std::exchange(exhausted_, false)) return {};
    for (Stream& stream : streams_) stream.rests = 0;
    return find_streams();
}

Result<Verified> verify_log(const std::string& directory) {
    Verified verified;
    auto reader = Reader::open(directory, {.verify = true});
    if (!reader) return fail(reader.error());
    for (;;) {
        const auto entry = reader->next();
        if (entry) {
            ++verified.entries;
            if (entry->frame.kind == Kind::mark) ++verified.batches;
            if (!read_fields(entry->frame.payload)) {
                verified.damages.push_back(fmt::format("{}/{} (byte {}): seq {} has a payload that is none",
                                                       stream_name(entry->worker), segment_name(entry->segment),
                                                       entry->offset, entry->frame.seq));
            }
            continue;
        }
        if (entry.error() == Error::not_found) return verified;
        auto& list = entry.error() == Error::incomplete ? verified.torn : verified.damages;
        list.push_back(reader->damage());
        if (entry.error() == Error::io_failed) return verified;
    }
}

} // namespace weir::record
