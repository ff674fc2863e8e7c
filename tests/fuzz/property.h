// tests/fuzz/property.h - what the fuzz targets of octets share: a property that must hold, and memory of an exact size.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

/// Ends the process if `condition` is false, so that the fuzzer keeps the input.
#define PROPERTY(condition) \
    do { \
        if (!(condition)) { \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            std::abort(); \
        } \
    } while (false)

/// Octets in memory of exactly their size, so that ASan sees every read past their end.
struct Exact {
    explicit Exact(std::string_view text) : size(text.size()), data(new char[text.size()]) {
        if (size != 0) std::memcpy(data.get(), text.data(), size);
    }
    operator std::string_view() const { return {data.get(), size}; }
    size_t size;
    std::unique_ptr<char[]> data;
};
