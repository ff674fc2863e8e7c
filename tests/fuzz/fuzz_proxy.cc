// tests/fuzz/fuzz_proxy.cc - PROXY headers from arbitrary octets.
//
// Holds for every input: no octet outside of it is read; the verdict on a part is `incomplete` or the verdict on the
// whole; a header lies inside, is no longer than the limit, and its last octet was needed.
#include "net/proxy_header.h"

#include "property.h"

using namespace weir;
using namespace weir::net;

// The first octet says where the part ends.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const Exact octets({reinterpret_cast<const char*>(data) + 1, size - 1});
    const Exact part(std::string_view(octets).substr(0, octets.size * data[0] / 256));
    const auto whole = read_proxy_header(octets);
    const auto early = read_proxy_header(part);
    if (early) PROPERTY(whole && whole->size == early->size && whole->from == early->from);
    else PROPERTY(early.error() == Error::incomplete || (!whole && whole.error() == early.error()));
    if (!whole) return 0;
    PROPERTY(whole->size >= 16 && whole->size <= octets.size && whole->size <= proxy_header_bytes_max);
    const Exact but_one(std::string_view(octets).substr(0, whole->size - 1));
    PROPERTY(read_proxy_header(but_one).error() == Error::incomplete);
    return 0;
}
