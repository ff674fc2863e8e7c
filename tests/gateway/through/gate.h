// tests/gateway/through/gate.h - the Gate of tests/identity/gate.h with a whole worker before it: what is asked comes as an
// HTTP request, and is admitted if the server behind weir gets it.
//
// It has the same face, so that the same attempts go through it. What the answer of HTTP cannot tell (who it was, until
// when) is asked of the worker's Authenticator afterwards, and must agree.
#pragma once

#include "gateway/place.h"
#include "identity/presets.h"

#include "mint.h"

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <string>
#include <vector>

namespace weir::identity {

struct Gate {
    static constexpr const char* url = "https://idp.test";
    static constexpr const char* audience = "https://gw.test/mcp";

    /// What stands where an Authenticator does.
    struct Front {
        Gate& gate;
        void set_keys(uint32_t issuer, std::shared_ptr<const KeySet> keys) {
            gate.place.tell({.kind = gateway::WorkerMessage::Kind::keys,
                             .issuer = issuer,
                             .issuer_news = {.keys = std::move(keys), .metadata = {}, .changed = true}});
        }
        std::expected<Accepted, Refusal> authenticate(const std::string& field, const Resource&, const Moment&,
                                                      uint64_t) {
            return gate.send(field);
        }
    };

    explicit Gate(const std::string& policies = {})
        : place(
              {},
              [](gateway::Config& config) {
                  gateway::IssuerConfig issuer{.name = "idp", .issuer = *oidc(url), .audiences = {}};
                  issuer.issuer.algorithms = {crypto::SignatureAlgorithm::es256, crypto::SignatureAlgorithm::rs256};
                  config.issuers.push_back(std::move(issuer));
                  auto& server = config.servers[0];
                  server.anonymous = false;
                  server.issuers = {0};
                  server.audiences = {audience};
                  server.scopes = {"mcp:tools"};
                  config.limits.hold_ns_max = 600 * s_ns; // longer than tokens of these tests live
              },
              policies),
          authenticator{*this}, issuers(place.generation.issuers) {
        set_keys({point().jwk("e").text(), rsa().jwk("r").text()});
    }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    static const Mint& point() {
        static const Mint mint = Mint::ec(crypto::Curve::p256);
        return mint;
    }
    static const Mint& rsa() {
        static const Mint mint = Mint::rsa();
        return mint;
    }
    void set_keys(const std::vector<std::string>& jwks) {
        authenticator.set_keys(0, std::make_shared<const KeySet>(key_set(jwks)));
    }

    static Object header() { return {{"alg", "\"ES256\""}, {"typ", "\"at+jwt\""}, {"kid", "\"e\""}}; }
    static Object claims() {
        return {{"iss", "\"" + std::string(url) + "\""},
                {"sub", "\"ann\""},
                {"aud", "\"" + std::string(audience) + "\""},
                {"exp", std::to_string(test_now_unix_s + 300)},
                {"iat", std::to_string(test_now_unix_s - 10)},
                {"client_id", "\"ide\""},
                {"scope", "\"openid mcp:tools\""}};
    }
    static std::string token(const Object& head, const Object& body) {
        return point().token(crypto::SignatureAlgorithm::es256, head.text(), body.text());
    }
    static std::string token(const Object& body) { return token(header(), body); }
    static std::string good() { return token(claims()); }

    std::expected<Accepted, Refusal> ask(std::string_view bearer) { return send("Bearer " + std::string(bearer)); }
    bool admits(std::string_view bearer) { return ask(bearer).has_value(); }

    /// One call with this Authorization field (empty: without), until its answer.
    std::expected<Accepted, Refusal> send(const std::string& field) {
        place.net.now_ns = std::max(place.net.now_ns, moment.now_ns);
        place.net.wall_ns = moment.unix_s * s_ns;
        const auto client = place.client();
        const std::string call = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}})";
        client.say(gateway::test::post(call, SIZE_MAX, field.empty() ? field : "Authorization: " + field + "\r\n"));
        place.pass();
        if (!place.keys_wanted.empty()) { // The issuer has no other keys: nobody waits for long.
            place.keys_wanted.clear();
            place.tell({.kind = gateway::WorkerMessage::Kind::keys, .issuer = 0});
            place.pass();
        }
        const bool admitted = place.called();
        if (admitted) {
            const auto server = place.server();
            const std::string request = server.hear();
            CHECK(request.find("uthorization") == std::string::npos);
            server.say(gateway::test::json_answer(R"({"jsonrpc":"2.0","id":1,"result":{"content":[]}})"));
            place.pass();
            server.leave();
        }
        const int status = gateway::test::status_of(client.hear());
        if (admitted) CHECK(status == 200);
        else CHECK((status == 400 || status == 401 || status == 403 || status == 503 || status == 431));
        client.leave();
        place.pass();
        const auto judged =
            place.worker->authenticator.authenticate(field, place.generation.servers[0].resource, moment, 1);
        CHECK(judged.has_value() == admitted);
        if (!judged) {
            const auto row = row_of(judged.error().error).challenge;
            CHECK((row == Challenge::none || row == Challenge::invalid_token ? status == 401 : status != 401));
        }
        return judged;
    }

    gateway::test::Place place;
    Front authenticator;
    Resource resource;
    std::vector<Issuer>& issuers;
    Moment moment{test_now_unix_s, 1'000'000'000'000};
};

} // namespace weir::identity
