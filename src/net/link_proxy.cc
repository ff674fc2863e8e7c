// net/link_proxy.cc - what comes before everything else on a link from a proxy: whom it speaks for.
#include "net/link.h"
#include "net/proxy_header.h"
#include "net/tls.h"

#include <cerrno>

namespace weir::net {

/// Whether there is anything to tell the host: the header is whole and the link goes on, or it has ended.
bool Link::take_proxy_header(std::string_view octets) {
    gathered_.append(octets);
    const auto header = read_proxy_header(gathered_.text());
    if (!header) {
        if (header.error() == Error::incomplete) return false;
        gathered_.release();
        end_input(-EPROTO);
        return true;
    }
    if (header->from.known()) {
        from = header->from;
        from_proxy = false;
    }
    if (!host_.presented(*this)) {
        gathered_.release();
        end_input(-ECONNREFUSED);
        return true;
    }
    awaits_proxy_header_ = false;
    gathered_at_ = header->size;
    if (tls_ == nullptr) {
        state_ = State::open;
    } else {
        tls_->feed(gathered_.text().substr(header->size));
        gathered_at_ = gathered_.size();
    }
    if (gathered_at_ == gathered_.size()) {
        gathered_.release();
        gathered_at_ = 0;
    }
    return true;
}

} // namespace weir::net
