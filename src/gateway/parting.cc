// gateway/parting.cc - building the exchange that says it.
#include "gateway/parting.h"

#include "gateway/record_entries.h"
#include "gateway/worker.h"

#include <algorithm>

namespace weir::gateway {
namespace {

constexpr size_t revision_bytes_max = 32;

/// Whether the server may be told the revision that it agreed on: it is what a server asks for in this field, and a field
/// holds no more than this.
bool is_plain(std::string_view revision) {
    return !revision.empty() && revision.size() <= revision_bytes_max &&
           std::ranges::all_of(revision, [](char octet) { return octet > ' ' && octet <= '~'; });
}

void build_request(Exchange& own, const Exchange& from) {
    PaddedBytes& out = own.outgoing;
    out.append(own.server->delete_head);
    out.append("Mcp-Session-Id: ");
    out.append(from.answer_session);
    out.append("\r\n");
    if (is_plain(from.strange_revision)) {
        out.append("Mcp-Protocol-Version: ");
        out.append(from.strange_revision);
        out.append("\r\n");
    }
    out.append("\r\n");
}

} // namespace

void part(Exchange& from) {
    Worker& worker = from.worker;
    if (from.answer_session.empty()) return;
    Exchange* const own = worker.begin_parting();
    if (own == nullptr) return worker.counters.upstream_sessions_left.add();
    own->server = from.server;
    own->asked = Asked::end_session;
    own->kind = mcp::Kind::notification;
    own->method_text = "DELETE";
    own->client_text = "weir";
    own->revision = own->space.copy(from.revision);
    own->from = from.from;
    own->who = from.who;
    own->certified = from.certified;
    own->principal = from.principal;
    own->session = from.session;
    build_request(*own, from);
    // What cannot be recorded does not happen.
    own->step = record_parting(*own) ? Step::credential : Step::settle;
}

} // namespace weir::gateway
