// catalog/catalog.h - the definitions of tools as servers gave them, of which weir must know something at the time of a
// call: what they hash to, and which arguments are mirrored in HTTP fields.
//
// Learned from the answers to tools/list that go by, before anything is taken out of them, and from other workers, which
// tell what was news to them. Bounded: the oldest definition makes room for a new one. One worker's own, so that another's
// may be newer for a moment: whoever finds a call at odds with a definition forgets it, and the upstream has the last word
// the next time. Allocates for definitions that are new or
// changed, and for no others.
#pragma once

#include "base/result.h"
#include "base/workspace.h"
#include "catalog/mirrored.h"
#include "crypto/sha256.h"
#include "json/document.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::catalog {

struct Tool {
    uint32_t server = 0;
    std::string name;
    crypto::Digest hash{};          // of the canonical form (json/canonical.h) of all that the server said of it
    std::vector<Mirrored> mirrored; // empty as well when `ill_annotated`
    bool ill_annotated = false;     // its x-mcp-header annotations are not as MCP allows them
};

class Catalog {
  public:
    enum class News : uint8_t { same, fresh, changed };
    static constexpr size_t definition_bytes_max = size_t{1} << 20;

    explicit Catalog(BufferPool& pool, size_t tools_max = 4096);

    /// Takes one entry of a tools/list result of `server`.
    ///
    /// Errors: upstream_malformed when it has no name; limit_reached when it is larger than definition_bytes_max (what was
    /// known of that name is forgotten).
    Result<News> learn(uint32_t server, json::Value tool, Workspace& space);

    /// Takes what another worker has learned.
    void adopt(const Tool& tool);

    /// What is known of a tool, or nullptr. Valid until the next learn() or forget().
    const Tool* find(uint32_t server, std::string_view name) const;
    void forget(uint32_t server, std::string_view name);
    size_t count() const { return by_name_.size(); }

  private:
    struct Place {
        Tool tool;
        crypto::Digest received{}; // of the text as it came: the same text needs no second look
        bool taken = false;
    };
    static uint64_t key_of(uint32_t server, std::string_view name);
    Place* place_of(uint32_t server, std::string_view name);
    Place& new_place(uint32_t server, std::string_view name);
    void leave(Place& place);

    BufferPool& pool_;
    std::vector<Place> places_; // reused in turn
    size_t next_ = 0;
    std::unordered_map<uint64_t, uint32_t> by_name_;
};

} // namespace weir::catalog
