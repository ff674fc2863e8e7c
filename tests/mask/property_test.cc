// Random messages and masks: what was removed is nowhere in the output, the output is one strict JSON text, masking it
// again changes nothing, and the spelling of the input makes no difference.
#include "masked.h"

#include "json/canonical.h"

#include <random>

using namespace weir;
using namespace weir::mask;

namespace {

/// Makes JSON out of few names and few values, so that paths lead somewhere and values come twice.
class Maker {
  public:
    explicit Maker(uint32_t seed) : random_(seed) {}

    size_t below(size_t count) { return random_() % count; }
    std::string name() { return names[below(std::size(names))]; }
    std::string secret() { return secrets[below(std::size(secrets))]; }

    /// A value as JSON text; `spelled`: with white space and escapes where JSON allows them.
    std::string value(int depth, bool spelled) {
        switch (below(depth > 0 ? 8 : 5)) {
            case 0: return std::to_string(1000 + below(5)) + (below(2) == 0 ? ".5" : "");
            case 1: return below(2) == 0 ? "true" : "null";
            case 2: return string(secret(), spelled);
            case 3: return string("see " + secret() + " and " + secret() + ".", spelled);
            case 4: return string(name(), spelled);
            case 5: return string(object(depth - 1, spelled), spelled); // JSON in a text
            case 6: {
                std::string list = "[";
                for (size_t left = below(4); left != 0; --left)
                    list += value(depth - 1, spelled) + (left > 1 ? "," : "");
                return list + "]";
            }
            default: return object(depth - 1, spelled);
        }
    }
    std::string object(int depth, bool spelled) {
        std::string text = "{";
        const size_t first = below(std::size(names)), count = below(4);
        for (size_t i = 0; i < count; ++i) {
            if (i != 0) text += ",";
            text +=
                string(names[(first + i) % std::size(names)], spelled) + space(spelled) + ":" + value(depth, spelled);
        }
        if (below(6) == 0) text += std::string(count == 0 ? "" : ",") + string("of " + secret(), spelled) + ":1";
        return text + space(spelled) + "}";
    }
    std::string string(std::string_view text, bool spelled) {
        std::string made = "\"";
        for (const char octet : text) {
            const auto code = static_cast<unsigned char>(octet);
            if (spelled && code < 0x80 && below(4) == 0) {
                char unit[8];
                std::snprintf(unit, sizeof(unit), "\\u%04X", code);
                made += unit;
            } else if (octet == '"' || octet == '\\') {
                made += '\\';
                made += octet;
            } else if (octet == '\n') {
                made += "\\n";
            } else {
                made += octet;
            }
        }
        return made + "\"";
    }
    std::string path() {
        static const char* const shapes[] = {"**.", "", "", "**[*].", "a."};
        std::string path = shapes[below(std::size(shapes))] + name();
        if (below(4) == 0) path += "." + name();
        if (below(6) == 0) path += "[*]";
        return path;
    }
    std::string act() {
        static const char* const acts[] = {"drop", "null", "last4", "(gone)"};
        return acts[below(std::size(acts))];
    }

  private:
    std::string space(bool spelled) { return spelled && below(3) == 0 ? " \n" : ""; }

    static constexpr const char* names[] = {"a", "b", "ssn", "pay", "l"};
    static constexpr const char* secrets[] = {"078-05-1120", "k3y \"x\" 99", "zoë-4711", "4f9-secret-07", "ab\\cd/12"};
    std::mt19937 random_;
};

std::string message_of(Maker& maker, bool spelled) {
    return answer(R"({"content":[{"type":"text","text":)" + maker.string(maker.object(3, spelled), spelled) +
                  R"(},{"type":"text","text":)" + maker.string("free " + maker.secret() + " 1002", spelled) +
                  R"(}],"structuredContent":)" + maker.object(4, spelled) + R"(,"_meta":)" + maker.object(2, spelled) +
                  "}");
}

/// All strings and numbers of a text, those in JSON texts included.
void scalars(json::Value value, Workspace& space, int depth, std::vector<std::string>& into) {
    if (value.is(json::Kind::number)) into.emplace_back(value.raw());
    for (const auto element : value.elements()) scalars(element, space, depth, into);
    for (const auto member : value.members()) {
        into.emplace_back(member.name.string(space));
        scalars(member.value, space, depth, into);
    }
    if (!value.is(json::Kind::string)) return;
    into.emplace_back(value.string(space));
    BufferPool pool;
    PaddedBytes bytes(pool);
    bytes.append(into.back());
    json::Scanner scanner{json::ScanLimits{}};
    if (depth == 0 || (!bytes.text().starts_with("{") && !bytes.text().starts_with("["))) return;
    if (const auto document = scanner.scan(bytes.padded()))
        scalars(json::Value::root(*document), space, depth - 1, into);
}

std::vector<std::string> scalars_of(const std::string& text) {
    BufferPool pool;
    PaddedBytes bytes(pool);
    Workspace space(pool);
    bytes.append(text);
    json::Scanner scanner{json::ScanLimits{}};
    const auto document = scanner.scan(bytes.padded());
    REQUIRE(document);
    std::vector<std::string> all;
    scalars(json::Value::root(*document), space, 4, all);
    return all;
}

} // namespace

TEST_CASE("what a path leads to is nowhere in what is sent") {
    size_t changed = 0;
    for (uint32_t seed = 0; seed < 3000; ++seed) {
        Maker maker(seed);
        const std::string message = message_of(maker, seed % 2 == 1);
        Fields fields{};
        for (size_t count = 1 + maker.below(3); count != 0; --count) fields.add(maker.path(), maker.act());
        const Masked masked = mask_text(message, fields);
        INFO(message);
        REQUIRE(masked.problem.empty());
        changed += masked.changed;
        const auto sent = scalars_of(masked.text);
        // Which values went is told by the paths alone, walked over structuredContent.
        BufferPool pool;
        PaddedBytes bytes(pool);
        Workspace space(pool);
        bytes.append(message);
        json::Scanner scanner{json::ScanLimits{}};
        const auto document = scanner.scan(bytes.padded());
        REQUIRE(document);
        const auto content = json::Value::root(*document).find("result").find("structuredContent");
        for (const Field& field : fields.all())
            field.path.each(content, [&](json::Value value) {
                std::vector<std::string> gone;
                if (value.is(json::Kind::string) && value.string(space).size() < 40)
                    gone.emplace_back(value.string(space));
                if (value.is(json::Kind::number)) gone.emplace_back(value.raw());
                for (const auto& text : gone)
                    for (const auto& other : sent) {
                        const bool number = value.is(json::Kind::number);
                        if (text.size() < 4 || (number && other != text)) continue;
                        INFO(text << " in " << masked.text);
                        CHECK(other.find(text) == std::string::npos);
                    }
                return true;
            });
    }
    CHECK(changed > 1000);
}

TEST_CASE("masking what is masked changes nothing more") {
    for (uint32_t seed = 0; seed < 1500; ++seed) {
        Maker maker(seed + 100'000);
        const std::string message = message_of(maker, false);
        Fields fields{};
        fields.add(maker.path(), maker.below(2) == 0 ? "drop" : "null");
        const Masked once = mask_text(message, fields);
        INFO(message);
        REQUIRE(once.problem.empty());
        CHECK(mask_text(once.text, fields).text == once.text);
    }
}

TEST_CASE("how a message is spelled makes no difference to what is sent") {
    for (uint32_t seed = 0; seed < 1500; ++seed) {
        Maker maker(seed + 200'000);
        const std::string message = message_of(maker, true);
        Fields fields{};
        for (int count = 0; count < 2; ++count) fields.add(maker.path(), maker.act());
        BufferPool pool;
        PaddedBytes bytes(pool), plain(pool);
        bytes.append(message);
        json::Scanner scanner{json::ScanLimits{}};
        const auto document = scanner.scan(bytes.padded());
        REQUIRE(document);
        json::serialise(*document, {}, plain);
        const Masked of_plain = mask_text(plain.text(), fields), of_spelled = mask_text(message, fields);
        INFO(message);
        CHECK(of_plain.changed == of_spelled.changed);
        if (of_plain.changed) CHECK(of_plain.text == of_spelled.text);
    }
}
