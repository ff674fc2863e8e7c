// tests/fuzz/fuzz_sse.cc - event streams from arbitrary octets.
//
// Holds for every input: no octet outside of it is read; the events do not depend on how the octets are cut; they are
// those that a plain reading of the specification gives; what is written from them reads the same.
#include "http/sse.h"

#include "property.h"

#include <optional>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;

namespace {

struct Seen {
    std::string id, type, data;
    bool has_id = false, has_data = false;
    std::optional<uint32_t> retry_ms;
    bool operator==(const Seen&) const = default;
};

// Gathers the octets in runs whose sizes `cuts` gives in turn; all at once if there are none.
std::vector<Seen> read(std::string_view octets, std::string_view cuts) {
    BufferPool pool;
    PaddedBytes joined(pool);
    EventReader reader;
    std::string kept;
    std::vector<Seen> events;
    for (size_t turn = 0, size = 0; !octets.empty(); ++turn, octets.remove_prefix(size)) {
        size = octets.size();
        if (!cuts.empty()) size = std::min<size_t>(size, 1 + static_cast<unsigned char>(cuts[turn % cuts.size()]) % 32);
        kept += octets.substr(0, size);
        for (;;) {
            const Exact exact(kept);
            const auto event = reader.next(exact, joined);
            if (!event) {
                PROPERTY(event.error() == Error::incomplete);
                break;
            }
            PROPERTY(event->consumed > 0 && event->consumed <= kept.size());
            PROPERTY(event->has_data || event->data.empty());
            PROPERTY(event->has_id || event->id.empty());
            if (!event->empty())
                events.push_back({std::string(event->id), std::string(event->type), std::string(event->data),
                                  event->has_id, event->has_data, event->retry_ms});
            kept.erase(0, event->consumed);
        }
    }
    return events;
}

// The specification (WHATWG HTML, section 9.2.6), read line by line and as slowly as it is written.
std::vector<Seen> read_plainly(std::string_view octets) {
    if (octets.starts_with("\xef\xbb\xbf")) octets.remove_prefix(3);
    std::vector<Seen> events;
    Seen event;
    std::string line;
    const auto end_line = [&] {
        if (line.empty()) {
            if (event.has_data) event.data.pop_back();
            if (event.has_data || event.has_id || event.retry_ms) events.push_back(event);
            event = {};
            return;
        }
        const size_t colon = line.find(':');
        std::string name = line.substr(0, colon), value;
        if (colon != std::string::npos) value = line.substr(colon + 1);
        if (value.starts_with(' ')) value.erase(0, 1);
        if (name == "event") event.type = value;
        if (name == "data") {
            event.has_data = true;
            event.data += value + "\n";
        }
        if (name == "id" && value.find('\0') == std::string::npos) {
            event.has_id = true;
            event.id = value;
        }
        if (name == "retry" && !value.empty() && value.find_first_not_of("0123456789") == std::string::npos) {
            value.erase(0, value.find_first_not_of('0'));
            const unsigned long ms = value.size() > 9 ? retry_ms_max + 1ul : std::strtoul(value.c_str(), nullptr, 10);
            if (ms <= retry_ms_max) event.retry_ms = static_cast<uint32_t>(ms);
        }
        line.clear();
    };
    for (size_t at = 0; at < octets.size(); ++at) {
        if (octets[at] == '\r' || octets[at] == '\n') {
            if (octets[at] == '\r' && at + 1 < octets.size() && octets[at + 1] == '\n') ++at;
            end_line();
        } else {
            line += octets[at];
        }
    }
    return events;
}

} // namespace

// The first octet is the number of those that say how to cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string_view cuts = all.substr(0, data[0] % 8);
    const std::string_view octets = all.substr(cuts.size());
    const auto whole = read(octets, {});
    PROPERTY(whole == read_plainly(octets));
    PROPERTY(whole == read(octets, cuts));
    PROPERTY(whole == read(octets, std::string_view("\0", 1)));
    BufferPool pool;
    PaddedBytes out(pool);
    for (const Seen& event : whole) {
        EventParts parts{.type = event.type};
        if (event.has_id) parts.id = event.id;
        if (event.has_data) parts.data = event.data;
        parts.retry_ms = event.retry_ms;
        const bool written = write_event(out, parts).has_value();
        PROPERTY(written == (event.type.find('\0') == std::string::npos));
        if (!written) return 0;
    }
    PROPERTY(read(out.text(), cuts) == whole);
    return 0;
}
