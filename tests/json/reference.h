// tests/json/reference.h - what a JSON text must be, written a second time, slowly and plainly, to compare with.
//
// Shares nothing with src/json: recursive descent over code points, names in a std::set, numbers through strtod.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

namespace weir::json::reference {

struct Limits {
    size_t depth = 64, members = 4096, number_bytes = 1024;
};

/// Whether `text` is UTF-8, by the table of RFC 3629, section 4.
inline bool is_utf8(std::string_view text) {
    const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto tail = [&](size_t i) { return at(i) >= 0x80 && at(i) <= 0xbf; };
    for (size_t i = 0; i < text.size();) {
        const unsigned first = at(i), second = at(i + 1);
        if (first <= 0x7f) i += 1;
        else if (first >= 0xc2 && first <= 0xdf && tail(i + 1)) i += 2;
        else if (first == 0xe0 && second >= 0xa0 && second <= 0xbf && tail(i + 2)) i += 3;
        else if (first == 0xed && second >= 0x80 && second <= 0x9f && tail(i + 2)) i += 3;
        else if (first >= 0xe1 && first <= 0xef && first != 0xed && tail(i + 1) && tail(i + 2)) i += 3;
        else if (first == 0xf0 && second >= 0x90 && second <= 0xbf && tail(i + 2) && tail(i + 3)) i += 4;
        else if (first >= 0xf1 && first <= 0xf3 && tail(i + 1) && tail(i + 2) && tail(i + 3)) i += 4;
        else if (first == 0xf4 && second >= 0x80 && second <= 0x8f && tail(i + 2) && tail(i + 3)) i += 4;
        else return false;
    }
    return true;
}

/// Reads one text; `ok` stays true only if all of it is as it should be.
class Reader {
  public:
    Reader(std::string_view text, Limits limits) : text_(text), limits_(limits) {
        if (!is_utf8(text)) return;
        spaces();
        ok = value(0);
        spaces();
        ok = ok && at_ == text_.size();
    }
    bool ok = false;

  private:
    bool more() const { return at_ < text_.size(); }
    char peek() const { return more() ? text_[at_] : '\0'; }
    bool take(char octet) {
        if (!more() || text_[at_] != octet) return false;
        ++at_;
        return true;
    }
    bool take(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }
    void spaces() {
        while (more() && std::string_view(" \t\r\n").find(peek()) != std::string_view::npos) ++at_;
    }
    bool value(size_t depth) {
        if (peek() == '{') return depth < limits_.depth && object(depth + 1);
        if (peek() == '[') return depth < limits_.depth && array(depth + 1);
        std::string ignored;
        if (peek() == '"') return string(ignored);
        return take("true") || take("false") || take("null") || number();
    }
    bool object(size_t depth) {
        std::set<std::string> names;
        ++at_;
        spaces();
        if (take('}')) return true;
        do {
            std::string name;
            spaces();
            if (!string(name) || !names.insert(name).second || names.size() > limits_.members) return false;
            spaces();
            if (!take(':')) return false;
            spaces();
            if (!value(depth)) return false;
            spaces();
        } while (take(','));
        return take('}');
    }
    bool array(size_t depth) {
        ++at_;
        spaces();
        if (take(']')) return true;
        do {
            spaces();
            if (!value(depth)) return false;
            spaces();
        } while (take(','));
        return take(']');
    }
    bool digits() {
        const size_t first = at_;
        while (peek() >= '0' && peek() <= '9') ++at_;
        return at_ != first;
    }
    bool number() {
        const size_t first = at_;
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return false;
        }
        const std::string token(text_.substr(first, at_ - first));
        return token.size() <= limits_.number_bytes && std::isfinite(std::strtod(token.c_str(), nullptr));
    }
    bool unit(uint32_t& value) {
        value = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            if (!more() || std::isxdigit(static_cast<unsigned char>(peek())) == 0) return false;
            value = value * 16 + static_cast<uint32_t>(std::stoul(std::string(1, peek()), nullptr, 16));
        }
        return true;
    }
    static void put(std::string& out, uint32_t scalar) {
        const auto octet = [&](uint32_t bits) { out += static_cast<char>(bits); };
        if (scalar < 0x80) return octet(scalar);
        if (scalar >= 0x10000) octet(0xf0 | scalar >> 18), octet(0x80 | (scalar >> 12 & 63));
        else if (scalar >= 0x800) octet(0xe0 | scalar >> 12);
        else return octet(0xc0 | scalar >> 6), octet(0x80 | (scalar & 63));
        octet(0x80 | (scalar >> 6 & 63)), octet(0x80 | (scalar & 63));
    }
    bool string(std::string& decoded) {
        if (!take('"')) return false;
        while (more() && peek() != '"') {
            if (static_cast<unsigned char>(peek()) < 0x20) return false;
            if (!take('\\')) {
                decoded += text_[at_++];
                continue;
            }
            const size_t plain = std::string_view("\"\\/bfnrt").find(peek());
            if (!more()) return false;
            if (plain != std::string_view::npos) {
                decoded += "\"\\/\b\f\n\r\t"[plain];
                ++at_;
                continue;
            }
            uint32_t high, low;
            if (!take('u') || !unit(high) || (high >= 0xdc00 && high <= 0xdfff)) return false;
            if (high >= 0xd800 && high <= 0xdbff) {
                if (!take('\\') || !take('u') || !unit(low) || low < 0xdc00 || low > 0xdfff) return false;
                high = 0x10000 + (high - 0xd800) * 1024 + (low - 0xdc00);
            }
            put(decoded, high);
        }
        return take('"');
    }

    std::string_view text_;
    Limits limits_;
    size_t at_ = 0;
};

/// Whether `text` is to be accepted.
inline bool accepts(std::string_view text, Limits limits = {}) { return Reader(text, limits).ok; }

} // namespace weir::json::reference
