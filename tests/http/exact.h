// tests/http/exact.h - octets in memory of exactly their size, so that ASan sees every read past their end.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>

struct Exact {
    explicit Exact(std::string_view text) : size(text.size()), data(new char[text.size()]) {
        if (size != 0) std::memcpy(data.get(), text.data(), size);
    }
    operator std::string_view() const { return {data.get(), size}; }
    size_t size;
    std::unique_ptr<char[]> data;
};
