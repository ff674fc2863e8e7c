// tests/reject/types.cc - what must not compile: each case below is compiled by itself, and the compiler must refuse it with
// the words behind its number. Without any, the rest must compile, so that no case is refused for another reason. That
// folders include only what they may is for tools/tidy.py, whose rules tests/tidy tries.
#include "base/bytes.h"
#include "base/pool.h"
#include "base/result.h"
#include "base/workspace.h"
#include "cli/commands.h"
#include "crypto/signature.h"
#include "json/document.h"
#include "json/scan.h"
#include "mcp/method.h"
#include "ring/ring.h"

using namespace weir;

void accepted(BufferPool& pool, json::Scanner& scanner, const crypto::PublicKey& key, ring::Slab slab) {
    PaddedBytes text(pool);
    const auto scanned = scanner.scan(text.padded());
    const bool good = scanned && key.verify({}, "text", "signature");
    const ring::Slab mine = std::move(slab);
    const Result<int> number = good ? Result<int>(1) : fail(Error::invalid);
    static_cast<void>(number);
}

void rejected(BufferPool& pool, json::Scanner& scanner, const crypto::PublicKey& key, const ring::Slab& slab, Ref ref) {
    PaddedBytes text(pool);
    Workspace space(pool);
    static_cast<void>(scanner), static_cast<void>(key), static_cast<void>(slab), static_cast<void>(ref);
#if CASE == 1 // cannot convert
    // What has no padding behind it is not scanned.
    scanner.scan(std::string_view("{}"));
#elif CASE == 2  // use of deleted function
    PaddedBytes twice = text;
#elif CASE == 3  // use of deleted function
    // A buffer of the kernel's is given back once.
    ring::Slab twice = slab;
#elif CASE == 4  // use of deleted function
    Workspace twice = space;
#elif CASE == 5  // ignoring return value
    // A signature that nobody looks at has not been checked.
    key.verify({}, "text", "signature");
#elif CASE == 6  // conversion from
    // An error is no value: fail() says that it is one.
    Result<int> number = Error::invalid;
#elif CASE == 7  // cannot convert
    const int index = ref;
#elif CASE == 8  // cannot convert
    const mcp::Method method = mcp::Sent::request;
#elif CASE == 9  // cannot convert
    const int code = cli::Exit::denied;
#elif CASE == 10 // cannot convert|conversion from
    // Whether a value is there is asked, not counted.
    const int count = json::Value();
#elif CASE == 11 // conversion from|no matching|could not convert
    const Pool<int> slots = 5;
#elif CASE == 12 // narrowing|may change value
    const uint32_t size = text.size();
#endif
}
