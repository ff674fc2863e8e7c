// net/tls.h - TLS of one connection: octets of the wire in, plain text out, and the other way round.
//
// Pure but for what mbedTLS asks of the system (random octets, the time of day): no socket, no waiting. Nothing is
// allocated for a record once the handshake is over but what the given buffers grow by. mbedTLS keeps one record for each
// direction (33 KiB for a connection); a record is decrypted there, and copied once to where it is asked for.
//
// The handshake goes on in steps: feed() only keeps what came, and step() does what it makes possible. Some take long: of the
// side that accepts the key exchange and a signature (a millisecond, one with RSA 2 ms, or 13 of 4096 bits), of the side that
// connects the key exchange and each signature in the peer's chain (ECDSA 1 to 2 ms). leave() gives the handshake away, for
// another thread to take them (tls_hands.h). After that read() and write() do all there is to do. One thread but for that.
#pragma once

#include "base/bytes.h"
#include "net/tls_setup.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::net {

/// A certificate that was found good.
struct PeerCertificate {
    crypto::Digest digest{};                      // SHA-256 of its DER
    std::string subject, issuer;                  // distinguished names as text, as mbedTLS writes them
    std::vector<std::string> uris, emails, names; // of its subjectAltName, in its order
    uint64_t ends_unix_s = 0;
};

struct TlsSession; // mbedTLS's own state of a connection

/// A handshake that has left its connection: of the side that accepts for one long step, of the side that connects for as many
/// as the octets that came make possible. Whoever has it may take them, on any thread; it holds on to the keys and the octets
/// that it needs.
class TlsAway {
  public:
    ~TlsAway();
    TlsAway(const TlsAway&) = delete;
    TlsAway& operator=(const TlsAway&) = delete;
    /// Whether it is of the side that connects.
    bool connects() const { return client_ != nullptr; }
    void step();

    uint64_t until_ns = UINT64_MAX; // monotonic; nobody waits for it after that, and it need not be taken

  private:
    friend class Tls;
    TlsAway(std::unique_ptr<TlsSession> session, std::shared_ptr<TlsServer> server, std::shared_ptr<TlsClient> client,
            std::string_view heard);
    static int on_send(void* self, const unsigned char* octets, size_t size);
    static int on_receive(void* self, unsigned char* to, size_t room);

    std::unique_ptr<TlsSession> session_;
    std::shared_ptr<TlsServer> server_; // one of them
    std::shared_ptr<TlsClient> client_;
    std::string heard_; // what the peer said and no step has taken
    size_t heard_at_ = 0;
    std::string wire_;
    int result_ = 0;
    bool taken_ = false;
    bool starved_ = false;
    bool full_ = false;
};

class Tls {
  public:
    enum class State : uint8_t {
        handshaking,
        open,
        ended, // the peer said so (close_notify): what was read is whole. Writing goes on.
        failed // no octet is read or written any more; why() says why. The alert for the peer is in wire().
    };

    /// The side that accepts; nullptr: no memory.
    static std::unique_ptr<Tls> accept(std::shared_ptr<TlsServer> server, BufferPool& buffers);
    /// The side that connects; nullptr: no memory.
    static std::unique_ptr<Tls> connect(std::shared_ptr<TlsClient> client, BufferPool& buffers);
    ~Tls();
    Tls(const Tls&) = delete;
    Tls& operator=(const Tls&) = delete;

    State state() const { return state_; }
    bool handshaking() const { return state_ == State::handshaking; }

    /// Octets of the wire came. After the handshake they are looked at by the next read(), which must be called before
    /// they go; during it they are kept. Fails when a handshake is larger than handshake_bytes_max.
    void feed(std::string_view octets);
    /// Whether step() can do something with what was fed.
    bool can_step() const { return handshaking() && !wants_octets_ && session_ != nullptr; }
    /// The next step of the handshake.
    void step();
    /// Whether the next step is one that is better taken elsewhere. When can_step().
    bool should_leave() const;
    /// Gives the handshake away for its next step. Until it comes back no other is taken; octets are kept.
    std::unique_ptr<TlsAway> leave();
    /// The step was taken, or it was too late for it.
    void come_back(TlsAway& away);
    /// Decrypts all that was fed and appends it to `plain`, at most as many octets as were fed and one record more.
    void read(PaddedBytes& plain);
    /// Encrypts `plain` to wire(). Only while open or ended.
    void write(std::string_view plain);
    /// Takes `plain`, which is empty afterwards, to be encrypted by and by. Only when waiting() is 0.
    void take(PaddedBytes& plain);
    size_t waiting() const { return taken_.size() - taken_at_; }
    /// Encrypts the next `octets_max` of what was taken.
    void encrypt(size_t octets_max);
    /// Tells the peer that nothing more comes (close_notify). True: wire() has it; false: it was said, or cannot be.
    bool end();

    /// What is to be sent.
    PaddedBytes& wire() { return wire_; }
    const PaddedBytes& wire() const { return wire_; }

    /// Why it failed, for people.
    std::string why() const;
    /// Whether an earlier session was taken up, once open.
    bool resumed() const { return !full_; }
    /// 0x0303 is 1.2, 0x0304 is 1.3; 0 before it is known.
    uint16_t version() const;
    const char* suite() const;
    /// Who the peer's certificate is for; nothing when it showed none, or one whose names are not plain texts (tls_peer.cc).
    std::optional<PeerCertificate> peer() const;

    static constexpr size_t handshake_bytes_max = 128 << 10;
    static constexpr size_t memory_bytes = 40 << 10; // of a connection, mbedTLS's own included

  private:
    Tls(std::shared_ptr<TlsServer> server, std::shared_ptr<TlsClient> client, BufferPool& buffers);
    static int on_send(void* self, const unsigned char* octets, size_t size);
    static int on_receive(void* self, unsigned char* to, size_t room);
    void took(size_t octets);
    void stepped(int result);
    void open();
    void fail(int error);

    std::shared_ptr<TlsServer> server_; // one of them
    std::shared_ptr<TlsClient> client_;
    std::unique_ptr<TlsSession> session_; // none while the handshake is away
    PaddedBytes kept_;                    // octets of a handshake that no step has taken
    size_t kept_at_ = 0;
    size_t handshake_bytes_ = 0;
    std::string_view fed_;
    PaddedBytes wire_;
    PaddedBytes taken_;
    size_t taken_at_ = 0;
    State state_ = State::handshaking;
    bool wants_octets_ = false;
    bool starved_ = false; // mbedTLS asked for octets, and none were there
    bool end_said_ = false;
    bool stays_ = false;     // it came back without having taken its step
    bool too_large_ = false; // more octets came than any handshake has
    bool full_ = false;      // the server proved itself in this handshake
    size_t said_before_ = 0; // what wire() held before the last step or read
    int error_ = 0;
    uint32_t distrust_ = 0; // what is wrong with the peer's certificate, in mbedTLS's flags
};

} // namespace weir::net
