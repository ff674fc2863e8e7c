// tests/sim/kept.h - what stands in a worker's tail at this moment, read by the format alone: whether an entry would be there
// if the process were killed now is not for the writer to say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::sim {

class Kept {
  public:
    /// Of the stream in `directory`, which has one tail or none.
    explicit Kept(const std::string& directory);
    ~Kept();
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

    /// The last of the entries that follow `seq` one by one; `seq` when the next is not there.
    uint64_t last_behind(uint64_t seq);
    /// What a file system would leave that keeps no mapped memory: nothing.
    void forget();

  private:
    struct Run { // of a chunk's frames, as far as they were looked at
        uint64_t first = 0, last = 0;
        size_t end = 0;
    };
    char* memory_ = nullptr;
    size_t size_ = 0;
    std::vector<Run> runs_; // by chunk
};

} // namespace weir::sim
