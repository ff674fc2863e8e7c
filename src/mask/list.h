// mask/list.h - a growing list in a Workspace: what it outgrows is given back with the Workspace.
#pragma once

#include "base/workspace.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

namespace weir::mask {

template <class T> class List {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    void add(const T& value, Workspace& space) {
        if (size_ == room_.size()) {
            const auto wider = space.array<T>(std::max<size_t>(8, 2 * room_.size()));
            std::copy_n(room_.begin(), size_, wider.begin());
            room_ = wider;
        }
        room_[size_++] = value;
    }
    std::span<T> all() const { return room_.first(size_); }
    bool empty() const { return size_ == 0; }
    size_t size() const { return size_; }
    void resize_down(size_t size) { size_ = std::min(size, size_); }
    T& operator[](size_t index) const { return room_[index]; }

  private:
    std::span<T> room_;
    size_t size_ = 0;
};

} // namespace weir::mask
