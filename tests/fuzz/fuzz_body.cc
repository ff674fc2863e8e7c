// tests/fuzz/fuzz_body.cc - chunked bodies from arbitrary octets.
//
// Holds for every input: no octet outside of it is read; payload, end and verdict do not depend on how the octets are
// cut; what is consumed is at least what is given as payload; the payload written again as one chunk reads the same.
#include "http/body.h"
#include "http/write.h"

#include "property.h"

#include <string>

using namespace weir;
using namespace weir::http;

namespace {

struct Outcome {
    std::string payload;
    size_t consumed = 0;
    bool done = false;
    bool refused = false;
};

// Reads `octets` in runs whose sizes `cuts` gives in turn; all at once if there are none.
Outcome read(std::string_view octets, std::string_view cuts) {
    ChunkedReader reader;
    Outcome outcome;
    for (size_t turn = 0; !octets.empty() && !outcome.done; ++turn) {
        size_t size = octets.size();
        if (!cuts.empty()) size = std::min<size_t>(size, 1 + static_cast<unsigned char>(cuts[turn % cuts.size()]) % 32);
        const Exact part(octets.substr(0, size));
        std::string_view rest = part;
        while (!rest.empty() && !outcome.done) {
            const auto piece = reader.next(rest);
            if (!piece) {
                PROPERTY(piece.error() == Error::chunk_malformed && !reader.next(rest));
                outcome.refused = true;
                return outcome;
            }
            PROPERTY(piece->consumed > 0 && piece->consumed <= rest.size() && piece->payload.size() <= piece->consumed);
            outcome.payload += piece->payload;
            outcome.consumed += piece->consumed;
            outcome.done = piece->done;
            PROPERTY(reader.done() == piece->done);
            rest.remove_prefix(piece->consumed);
        }
        octets.remove_prefix(size);
    }
    return outcome;
}

} // namespace

// The first octet is the number of those that say how to cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string_view cuts = all.substr(0, data[0] % 8);
    const std::string_view octets = all.substr(cuts.size());
    const Outcome whole = read(octets, {}), pieces = read(octets, cuts),
                  single = read(octets, std::string_view("\0", 1));
    for (const Outcome* other : {&pieces, &single}) {
        PROPERTY(other->refused == whole.refused && other->done == whole.done);
        if (!whole.refused) PROPERTY(other->payload == whole.payload && other->consumed == whole.consumed);
    }
    if (!whole.done) return 0;
    BufferPool pool;
    PaddedBytes out(pool);
    write_chunk(out, whole.payload);
    write_last_chunk(out);
    const Outcome again = read(out.text(), cuts);
    PROPERTY(again.done && again.payload == whole.payload && again.consumed == out.size());
    return 0;
}
