// net/tls.cc - mbedTLS between buffers of ours.
#include "net/tls.h"

#include "net/tls_parts.h"

#include <mbedtls/error.h>

#include <algorithm>
#include <cstring>

namespace weir::net {
namespace {

constexpr size_t record_bytes_max = 16 << 10;
constexpr size_t record_overhead_max = 64; // header, explicit nonce or content type, tag

struct Reason {
    uint32_t flag;
    const char* text;
};
constexpr Reason reasons[] = {
    {MBEDTLS_X509_BADCERT_EXPIRED, "its certificate has expired"},
    {MBEDTLS_X509_BADCERT_FUTURE, "its certificate is not valid yet"},
    {MBEDTLS_X509_BADCERT_CN_MISMATCH, "its certificate is for another name"},
    {MBEDTLS_X509_BADCERT_OTHER, "its key is none of those that are pinned"},
    {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "its certificate is of no authority that is trusted"},
    {MBEDTLS_X509_BADCERT_MISSING, "it shows no certificate"},
};

constexpr int steps_away_max = 64; // more than any handshake has; what is left then leaves again

/// Only a handshake that is no resumption comes by the server's certificate, on either side. mbedTLS has no public word for it.
bool is_full(const mbedtls_ssl_context& ssl) { return ssl.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_SERVER_CERTIFICATE; }

} // namespace

TlsAway::TlsAway(std::unique_ptr<TlsSession> session, std::shared_ptr<TlsServer> server,
                 std::shared_ptr<TlsClient> client, std::string_view heard)
    : session_(std::move(session)), server_(std::move(server)), client_(std::move(client)), heard_(heard) {
    mbedtls_ssl_set_bio(&session_->ssl, this, on_send, on_receive, nullptr);
}

TlsAway::~TlsAway() {
    session_.reset(); // before the keys
}

int TlsAway::on_send(void* self, const unsigned char* octets, size_t size) {
    static_cast<TlsAway*>(self)->wire_.append(reinterpret_cast<const char*>(octets), size);
    return static_cast<int>(size);
}

int TlsAway::on_receive(void* self, unsigned char* to, size_t room) {
    TlsAway& away = *static_cast<TlsAway*>(self);
    const size_t size = std::min(room, away.heard_.size() - away.heard_at_);
    if (size == 0) {
        away.starved_ = true;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    std::memcpy(to, away.heard_.data() + away.heard_at_, size);
    away.heard_at_ += size;
    return static_cast<int>(size);
}

void TlsAway::step() {
    mbedtls_ssl_context& ssl = session_->ssl;
    taken_ = true;
    for (int i = 0; i < (connects() ? steps_away_max : 1); ++i) {
        if (is_full(ssl)) full_ = true;
        result_ = mbedtls_ssl_handshake_step(&ssl);
        const bool goes_on = result_ == 0 || (result_ == MBEDTLS_ERR_SSL_WANT_READ && !starved_);
        if (!goes_on || mbedtls_ssl_is_handshake_over(&ssl) != 0) return;
    }
}

Tls::Tls(std::shared_ptr<TlsServer> server, std::shared_ptr<TlsClient> client, BufferPool& buffers)
    : server_(std::move(server)), client_(std::move(client)), session_(std::make_unique<TlsSession>()), kept_(buffers),
      wire_(buffers), taken_(buffers) {
    mbedtls_ssl_set_bio(&session_->ssl, this, on_send, on_receive, nullptr);
}

Tls::~Tls() = default;

std::unique_ptr<Tls> Tls::accept(std::shared_ptr<TlsServer> server, BufferPool& buffers) {
    std::unique_ptr<Tls> tls(new Tls(std::move(server), nullptr, buffers));
    if (mbedtls_ssl_setup(&tls->session_->ssl, &tls->server_->parts().config.ssl) != 0) return nullptr;
    tls->wants_octets_ = true;
    return tls;
}

std::unique_ptr<Tls> Tls::connect(std::shared_ptr<TlsClient> client, BufferPool& buffers) {
    std::unique_ptr<Tls> tls(new Tls(nullptr, std::move(client), buffers));
    auto& parts = tls->client_->parts();
    mbedtls_ssl_context& ssl = tls->session_->ssl;
    if (mbedtls_ssl_setup(&ssl, &parts.config.ssl) != 0) return nullptr;
    if (mbedtls_ssl_set_hostname(&ssl, parts.name.c_str()) != 0) return nullptr;
    // A session that does not fit is no reason not to connect: the handshake is a full one then.
    if (parts.has_session && mbedtls_ssl_set_session(&ssl, &parts.session) != 0) parts.has_session = false;
    return tls;
}

int Tls::on_send(void* self, const unsigned char* octets, size_t size) {
    static_cast<Tls*>(self)->wire_.append({reinterpret_cast<const char*>(octets), size});
    return static_cast<int>(size);
}

int Tls::on_receive(void* self, unsigned char* to, size_t room) {
    Tls& tls = *static_cast<Tls*>(self);
    const bool from_kept = tls.kept_at_ < tls.kept_.size();
    const std::string_view from = from_kept ? tls.kept_.text().substr(tls.kept_at_) : tls.fed_;
    const size_t size = std::min(room, from.size());
    if (size == 0) {
        tls.starved_ = true;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    std::memcpy(to, from.data(), size);
    if (from_kept) tls.took(size);
    else tls.fed_.remove_prefix(size);
    return static_cast<int>(size);
}

/// So many of the octets that were kept are used.
void Tls::took(size_t octets) {
    kept_at_ += octets;
    if (kept_at_ != kept_.size()) return;
    kept_.clear();
    kept_at_ = 0;
}

void Tls::feed(std::string_view octets) {
    if (state_ == State::failed) return;
    if (!handshaking()) {
        WEIR_ASSERT(fed_.empty());
        fed_ = octets;
        return;
    }
    handshake_bytes_ += octets.size();
    if (handshake_bytes_ > handshake_bytes_max) {
        if (session_ != nullptr) return fail(MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL);
        too_large_ = true; // It fails when it is back.
        return;
    }
    kept_.append(octets);
    wants_octets_ = false;
}

void Tls::step() {
    WEIR_ASSERT(can_step());
    mbedtls_ssl_context& ssl = session_->ssl;
    if (is_full(ssl)) full_ = true;
    starved_ = false;
    said_before_ = wire_.size();
    stays_ = false;
    stepped(mbedtls_ssl_handshake_step(&ssl));
}

bool Tls::should_leave() const {
    if (client_ != nullptr) return true; // Most of them compute something, and none of them waits here for the peer.
    if (stays_) return false;
    // Where the key exchange is computed, and where the private key signs. Neither waits for the peer.
    const int next = session_->ssl.MBEDTLS_PRIVATE(state);
    return version() == MBEDTLS_SSL_VERSION_TLS1_3
               ? next == MBEDTLS_SSL_SERVER_HELLO || next == MBEDTLS_SSL_CERTIFICATE_VERIFY
               : next == MBEDTLS_SSL_SERVER_KEY_EXCHANGE;
}

std::unique_ptr<TlsAway> Tls::leave() {
    WEIR_ASSERT(can_step());
    // A server's long steps take nothing that the peer said.
    const std::string_view heard = client_ != nullptr ? kept_.text().substr(kept_at_) : std::string_view();
    return std::unique_ptr<TlsAway>(new TlsAway(std::move(session_), server_, client_, heard));
}

void Tls::come_back(TlsAway& away) {
    WEIR_ASSERT(session_ == nullptr && away.session_ != nullptr);
    session_ = std::move(away.session_);
    mbedtls_ssl_set_bio(&session_->ssl, this, on_send, on_receive, nullptr);
    said_before_ = wire_.size();
    wire_.append(away.wire_);
    if (too_large_) return fail(MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL);
    if (!away.taken_) return;
    if (client_ != nullptr) {
        took(away.heard_at_);
        full_ = full_ || away.full_;
        starved_ = away.starved_ && kept_.empty(); // More may have come meanwhile.
        return stepped(away.result_);
    }
    // It has to hear the peer first: here, then.
    stays_ = away.result_ == MBEDTLS_ERR_SSL_WANT_READ;
    if (!stays_) stepped(away.result_);
}

/// What a step came to.
void Tls::stepped(int result) {
    mbedtls_ssl_context& ssl = session_->ssl;
    if (result == MBEDTLS_ERR_SSL_WANT_READ) {
        wants_octets_ = starved_; // Otherwise it only wants to be called again.
    } else if (result != 0) {
        fail(result);
    } else if (mbedtls_ssl_is_handshake_over(&ssl) != 0) {
        open();
    }
}

void Tls::open() {
    const mbedtls_ssl_context& ssl = session_->ssl;
    // A client's certificate may be left out where it is optional; one that is shown must be good.
    distrust_ = mbedtls_ssl_get_verify_result(&ssl);
    if (server_ != nullptr && server_->parts().client_authorities.chain.version != 0 &&
        mbedtls_ssl_get_peer_cert(&ssl) != nullptr && distrust_ != 0) {
        mbedtls_ssl_send_alert_message(&session_->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
        return fail(MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
    }
    state_ = State::open;
    if (client_ != nullptr && version() == MBEDTLS_SSL_VERSION_TLS1_2) client_->parts().remember(ssl);
}

void Tls::read(PaddedBytes& plain) {
    mbedtls_ssl_context& ssl = session_->ssl;
    while (state_ == State::open) {
        plain.reserve(record_bytes_max);
        starved_ = false;
        const int result =
            mbedtls_ssl_read(&ssl, reinterpret_cast<unsigned char*>(plain.data()) + plain.size(), plain.room());
        if (result > 0) {
            plain.grew(static_cast<size_t>(result));
        } else if (result == MBEDTLS_ERR_SSL_WANT_READ) {
            if (starved_) break; // Otherwise a message of its own was begun, and goes on with the next call.
        } else if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            if (client_ != nullptr) client_->parts().remember(ssl);
        } else if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
            state_ = State::ended;
        } else if (result == MBEDTLS_ERR_SSL_WANT_WRITE || result == 0) {
            continue; // An empty record, or something mbedTLS answers itself.
        } else {
            fail(result);
        }
    }
    fed_ = {};
    if (kept_at_ == kept_.size()) kept_.release(); // All of the handshake is used.
}

void Tls::write(std::string_view plain) {
    if (state_ != State::open && state_ != State::ended) return;
    wire_.reserve(plain.size() + (plain.size() / record_bytes_max + 1) * record_overhead_max);
    while (!plain.empty()) {
        const int result =
            mbedtls_ssl_write(&session_->ssl, reinterpret_cast<const unsigned char*>(plain.data()), plain.size());
        if (result <= 0) return fail(result);
        plain.remove_prefix(static_cast<size_t>(result));
    }
}

void Tls::take(PaddedBytes& plain) {
    WEIR_ASSERT(waiting() == 0);
    taken_.swap(plain);
    taken_at_ = 0;
}

void Tls::encrypt(size_t octets_max) {
    if (waiting() == 0) return;
    const auto piece = taken_.text().substr(taken_at_, octets_max);
    taken_at_ += piece.size();
    write(piece);
    if (waiting() != 0 && state_ != State::failed) return;
    taken_.release();
    taken_at_ = 0;
}

bool Tls::end() {
    if (end_said_ || (state_ != State::open && state_ != State::ended)) return false;
    end_said_ = true;
    mbedtls_ssl_close_notify(&session_->ssl);
    return !wire_.empty();
}

void Tls::fail(int error) {
    state_ = State::failed;
    error_ = error;
    fed_ = {};
    distrust_ = mbedtls_ssl_get_verify_result(&session_->ssl);
    // mbedTLS tells the peer most of what it does not like, but nothing of what is no record at all.
    if (wire_.size() == said_before_ && error != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        mbedtls_ssl_send_alert_message(&session_->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                       MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
    kept_.release();
    kept_at_ = 0;
    // A session that is no good is not tried again.
    if (client_ != nullptr) client_->parts().has_session = false;
}

std::string Tls::why() const {
    if (error_ == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || error_ == MBEDTLS_ERR_SSL_BAD_CERTIFICATE) {
        for (const Reason& reason : reasons)
            if ((distrust_ & reason.flag) != 0 && distrust_ != UINT32_MAX) return reason.text;
        return "its certificate is refused";
    }
    if (error_ == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) return "it refuses the handshake";
    if (error_ == MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL) return "its handshake is too large";
    char room[160] = "";
    mbedtls_strerror(error_, room, sizeof room);
    return room;
}

uint16_t Tls::version() const { return static_cast<uint16_t>(mbedtls_ssl_get_version_number(&session_->ssl)); }

const char* Tls::suite() const { return mbedtls_ssl_get_ciphersuite(&session_->ssl); }

} // namespace weir::net
