// tests/json/corpus_test.cc - the corpora: JSONTestSuite (MIT, tests/data/licenses), the 42 texts of json_vectors.json,
// every prefix of every good text, and thousands of mutated ones, against the reference and against themselves.
#include "base/random.h"
#include "json/names.h"
#include "reference.h"
#include "scanned.h"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::json;

namespace {

using Texts = std::map<std::string, std::string>; // by name

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Texts read_folder(const std::string& folder) {
    Texts texts;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(WEIR_TEST_DATA) + "/JSONTestSuite/" + folder))
        texts[entry.path().filename().string()] = read_file(entry.path());
    return texts;
}

/// json_vectors.json keeps octets as the code points U+0000 to U+00FF.
std::string octets_of(std::string_view latin) {
    std::string octets;
    for (size_t i = 0; i < latin.size(); ++i) {
        const auto lead = static_cast<unsigned char>(latin[i]);
        if (lead < 0x80) octets += latin[i];
        else octets += static_cast<char>((lead & 3) << 6 | (latin[++i] & 63));
    }
    return octets;
}

struct Vector {
    std::string raw, expected;
};

std::map<std::string, Vector> read_vectors() {
    Scanned file(read_file(std::string(WEIR_TEST_DATA) + "/json_vectors.json"));
    Workspace space(file.pool);
    std::map<std::string, Vector> vectors;
    for (const Value vector : file.root().elements())
        vectors[std::string(vector.find("name").string(space))] = {octets_of(vector.find("raw").string(space)),
                                                                   std::string(vector.find("expected").string(space))};
    return vectors;
}

/// What holds of every accepted text: written again it means the same and is as short as it gets.
void check_writing(std::string_view text) {
    Scanned first(text);
    const std::string again = first.with({});
    Scanned second(again);
    if (again.size() > text.size() || second.with({}) != again) FAIL("written again: " << again);
    const std::string form = first.canonical_form();
    if (second.canonical_form() != form) FAIL("other canonical form: " << form);
    Scanned third(form);
    if (third.canonical_form() != form || third.with({}) != form) FAIL("canonical form of itself: " << form);
}

std::vector<std::string> good_texts() {
    std::vector<std::string> texts;
    for (const auto& [name, text] : read_folder("test_parsing"))
        if (!error_of(text)) texts.push_back(text);
    for (const auto& [name, vector] : read_vectors())
        if (!error_of(vector.raw) && vector.raw.size() < 1000) texts.push_back(vector.raw);
    texts.emplace_back(
        R"({"a":{"\u0061b":[1,-2.5e3,true,null,"\"\\\n\ud83d\ude00 é"],"":{}},"b":[[],{"c":"0123456789abcdef0"}]})");
    return texts;
}

} // namespace

TEST_CASE("JSONTestSuite: what must be taken is taken, what must be refused is refused") {
    const std::set<std::string> twice = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"};
    size_t taken = 0, refused = 0;
    for (const auto& [name, text] : read_folder("test_parsing")) {
        CAPTURE(name);
        if (twice.contains(name)) {
            CHECK(error_of(text) == Error::json_duplicate); // RFC 8259 lets it be; RFC 7493, section 2.3 does not
        } else if (name.starts_with("y_")) {
            CHECK_FALSE(error_of(text));
            check_writing(text);
            ++taken;
        } else if (name.starts_with("n_")) {
            CHECK(error_of(text));
            ++refused;
        }
        CHECK(reference::accepts(text) == !error_of(text));
    }
    CHECK(taken == 93);
    CHECK(refused == 188);
}

TEST_CASE("JSONTestSuite: what is left to implementations is pinned") {
    const auto good = std::optional<Error>();
    const std::map<std::string, std::optional<Error>> pinned = {
        {"i_number_double_huge_neg_exp.json", good},
        {"i_number_huge_exp.json", Error::json_number},
        {"i_number_neg_int_huge_exp.json", Error::json_number},
        {"i_number_pos_double_huge_exp.json", Error::json_number},
        {"i_number_real_neg_overflow.json", Error::json_number},
        {"i_number_real_pos_overflow.json", Error::json_number},
        {"i_number_real_underflow.json", good},
        {"i_number_too_big_neg_int.json", good},
        {"i_number_too_big_pos_int.json", good},
        {"i_number_very_big_negative_int.json", good},
        {"i_object_key_lone_2nd_surrogate.json", Error::json_surrogate},
        {"i_string_1st_surrogate_but_2nd_missing.json", Error::json_surrogate},
        {"i_string_1st_valid_surrogate_2nd_invalid.json", Error::json_surrogate},
        {"i_string_UTF-16LE_with_BOM.json", Error::json_utf8},
        {"i_string_UTF-8_invalid_sequence.json", Error::json_utf8},
        {"i_string_UTF8_surrogate_U+D800.json", Error::json_utf8},
        {"i_string_incomplete_surrogate_and_escape_valid.json", Error::json_surrogate},
        {"i_string_incomplete_surrogate_pair.json", Error::json_surrogate},
        {"i_string_incomplete_surrogates_escape_valid.json", Error::json_surrogate},
        {"i_string_invalid_lonely_surrogate.json", Error::json_surrogate},
        {"i_string_invalid_surrogate.json", Error::json_surrogate},
        {"i_string_invalid_utf-8.json", Error::json_utf8},
        {"i_string_inverted_surrogates_U+1D11E.json", Error::json_surrogate},
        {"i_string_iso_latin_1.json", Error::json_utf8},
        {"i_string_lone_second_surrogate.json", Error::json_surrogate},
        {"i_string_lone_utf8_continuation_byte.json", Error::json_utf8},
        {"i_string_not_in_unicode_range.json", Error::json_utf8},
        {"i_string_overlong_sequence_2_bytes.json", Error::json_utf8},
        {"i_string_overlong_sequence_6_bytes.json", Error::json_utf8},
        {"i_string_overlong_sequence_6_bytes_null.json", Error::json_utf8},
        {"i_string_truncated-utf-8.json", Error::json_utf8},
        {"i_string_utf16BE_no_BOM.json", Error::json_utf8},
        {"i_string_utf16LE_no_BOM.json", Error::json_utf8},
        {"i_structure_500_nested_arrays.json", Error::json_depth},
        {"i_structure_UTF-8_BOM_empty_object.json", Error::json_syntax},
        {"number_-9223372036854775808.json", good},
        {"number_-9223372036854775809.json", good},
        {"number_1.0.json", good},
        {"number_1.000000000000000005.json", good},
        {"number_1000000000000000.json", good},
        {"number_10000000000000000999.json", good},
        {"number_1e-999.json", good},
        {"number_1e6.json", good},
        {"number_9223372036854775807.json", good},
        {"number_9223372036854775808.json", good},
        {"object_key_nfc_nfd.json", good},
        {"object_key_nfd_nfc.json", good},
        {"object_same_key_different_values.json", Error::json_duplicate},
        {"object_same_key_same_value.json", Error::json_duplicate},
        {"object_same_key_unclear_values.json", Error::json_duplicate},
        {"string_1_escaped_invalid_codepoint.json", Error::json_surrogate},
        {"string_1_invalid_codepoint.json", Error::json_utf8},
        {"string_2_escaped_invalid_codepoints.json", Error::json_surrogate},
        {"string_2_invalid_codepoints.json", Error::json_utf8},
        {"string_3_escaped_invalid_codepoints.json", Error::json_surrogate},
        {"string_3_invalid_codepoints.json", Error::json_utf8},
        {"string_with_escaped_NULL.json", good},
    };
    size_t met = 0;
    for (const char* folder : {"test_parsing", "test_transform"}) {
        for (const auto& [name, text] : read_folder(folder)) {
            if (name.starts_with("y_") || name.starts_with("n_")) continue;
            CAPTURE(name);
            REQUIRE(pinned.contains(name));
            CHECK(error_of(text) == pinned.at(name));
            CHECK(reference::accepts(text) == !error_of(text));
            if (!error_of(text)) check_writing(text);
            ++met;
        }
    }
    CHECK(met == pinned.size());
}

TEST_CASE("the vectors are refused by the scan, by the names, or left to those who know JSON-RPC") {
    const std::set<std::string> names = {"dup_case_only", "key_nul"};
    const std::set<std::string> meaning = {"id_null",           "id_2_63",       "scalar",       "batch_empty",
                                           "method_and_result", "method_number", "name_missing", "name_homoglyph"};
    size_t by_scan = 0, by_names = 0;
    for (const auto& [name, vector] : read_vectors()) {
        CAPTURE(name);
        CHECK(reference::accepts(vector.raw) == !error_of(vector.raw));
        if (error_of(vector.raw)) {
            CHECK(vector.expected == "reject");
            ++by_scan;
            continue;
        }
        Scanned scanned(vector.raw);
        Workspace space(scanned.pool);
        const Value root = scanned.root();
        const bool honest = check_reserved_names(root, space) && check_reserved_names(root.find("params"), space);
        CHECK(honest != names.contains(name));
        by_names += honest ? 0 : 1;
        if (honest) CHECK((vector.expected == "accept") != meaning.contains(name));
        check_writing(vector.raw);
    }
    CHECK(by_names == 2);
    CHECK(by_scan == 26);
}

TEST_CASE("every prefix of every good text is judged as the reference judges it") {
    for (const auto& text : good_texts()) {
        for (size_t size = 0; size < text.size(); ++size) {
            const std::string_view prefix = std::string_view(text).substr(0, size);
            for (const char behind : {'\0', ' ', '}', ']', '"', ',', '0'}) {
                if (error_of(prefix, behind).has_value() == reference::accepts(prefix)) {
                    CAPTURE(prefix, behind);
                    FAIL("the reference sees it otherwise");
                }
            }
        }
    }
}

TEST_CASE("mutated texts are judged as the reference judges them, and what is accepted can be written again") {
    const std::vector<std::string> seeds = good_texts();
    constexpr std::string_view alphabet =
        "{}[]:,\"\\u0d8c1e-+. \n\ttrfalsn\x01\x1f\x7f\x80\xc3\xa9\xed\xa0\xf0\x9f\x98";
    Random random(20'260'728);
    size_t accepted = 0;
    for (int round = 0; round < 30'000; ++round) {
        std::string text = seeds[random.below(seeds.size())];
        for (uint64_t changes = random.below(3) + 1; changes != 0; --changes) {
            const size_t at = random.below(text.size() + 1);
            const char octet = alphabet[random.below(alphabet.size())];
            switch (random.below(4)) {
                case 0: text.insert(at, 1, octet); break;
                case 1: text.erase(at, random.below(4)); break;
                case 2: text.insert(at, text.substr(at, random.below(20))); break; // names come twice
                default:
                    if (at < text.size()) text[at] = octet;
            }
        }
        const auto error = error_of(text, alphabet[random.below(alphabet.size())]);
        CAPTURE(text);
        if (error.has_value() == reference::accepts(text)) FAIL("the reference sees it otherwise");
        if ((error == Error::json_utf8) == reference::is_utf8(text)) FAIL("UTF-8 is not named where it is wrong");
        if (!error) check_writing(text), ++accepted;
    }
    CHECK(accepted > 4'000);
}
