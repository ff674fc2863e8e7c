// json/number.cc - the grammar of numbers, by hand, since it runs for every number of every message.
#include "json/number.h"

#include <charconv>

namespace weir::json {

namespace {

bool is_digit(char octet) { return octet >= '0' && octet <= '9'; }

/// Whether the valid number `token`, whose fraction or exponent begins at `whole_end`, is beyond the largest double,
/// 1.797...e308. Only numbers with the decimal exponent 308 need to be converted to tell.
bool overflows(std::string_view token, size_t whole_begin, size_t whole_end, size_t exponent_at) {
    constexpr int64_t exponent_cap = 1'000'000; // far beyond what number_bytes_max digits can make up for
    int64_t exponent = 0;
    if (exponent_at != token.size()) {
        size_t at = exponent_at + 1;
        const bool negative = token[at] == '-';
        if (!is_digit(token[at])) ++at;
        for (; at != token.size(); ++at)
            if (exponent < exponent_cap) exponent = exponent * 10 + (token[at] - '0');
        if (negative) exponent = -exponent;
    }
    // The first digit that is not zero has the weight 10^(exponent + its distance from the units).
    const size_t leading = token.find_first_of("123456789", whole_begin);
    if (leading == std::string_view::npos || leading >= exponent_at) return false; // zero
    exponent += leading < whole_end ? static_cast<int64_t>(whole_end - leading) - 1
                                    : -static_cast<int64_t>(leading - whole_end);
    if (exponent != 308) return exponent > 308;
    double value = 0;
    return std::from_chars(token.data(), token.data() + token.size(), value).ec == std::errc::result_out_of_range;
}

} // namespace

NumberForm form_of_number(std::string_view token) {
    const char* at = token.data();
    const char* const end = at + token.size();
    const auto digits = [&] { // at least one
        if (at == end || !is_digit(*at)) return false;
        do ++at;
        while (at != end && is_digit(*at));
        return true;
    };
    if (at != end && *at == '-') ++at;
    const char* const whole = at;
    if (!digits()) return NumberForm::none;
    const char* const whole_end = at;
    if (*whole == '0' && whole_end - whole > 1) return NumberForm::none;
    if (at == end) [[likely]] {
        if (token.size() <= 308) return NumberForm::fits; // below 10^308
    } else if (*at == '.') {
        ++at;
        if (!digits()) return NumberForm::none;
    }
    const char* const exponent = at;
    if (at != end) {
        if (*at != 'e' && *at != 'E') return NumberForm::none;
        ++at;
        if (at != end && (*at == '+' || *at == '-')) ++at;
        if (!digits() || at != end) return NumberForm::none;
    }
    const auto offset = [&](const char* place) { return static_cast<size_t>(place - token.data()); };
    const bool beyond = overflows(token, offset(whole), offset(whole_end), offset(exponent));
    return beyond ? NumberForm::too_large : NumberForm::fits;
}

} // namespace weir::json
