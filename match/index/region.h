// Region: one block of memory that owns a segment's arrays; our own (on huge pages where the system gives
// them) or a file's mapping, shared by the segments in it.
#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstddef>
#include <memory>

namespace rushlight::match::index {

class Region {
  public:
    // Zeroed. Throws std::bad_alloc.
    static std::shared_ptr<Region> allocate(std::size_t bytes);
    // Read-only; `bytes` > 0.
    static Result<std::shared_ptr<Region>> map(const Fd& file, std::size_t bytes);

    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;
    ~Region();

    std::byte* data() const { return data_; }
    std::size_t size() const { return size_; }

  private:
    Region(std::byte* data, std::size_t size) : data_(data), size_(size) {}

    std::byte* data_;
    std::size_t size_;
};

}  // namespace rushlight::match::index
