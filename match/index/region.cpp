#include "match/index/region.h"

#include <new>

#include <sys/mman.h>

namespace rushlight::match::index {

std::shared_ptr<Region> Region::allocate(std::size_t bytes) {
    if (bytes == 0) bytes = 1;
    void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    ::madvise(data, bytes, MADV_HUGEPAGE);  // fewer TLB misses; where it is refused all works as well, slower
    return std::shared_ptr<Region>(new Region(static_cast<std::byte*>(data), bytes));
}

Result<std::shared_ptr<Region>> Region::map(const Fd& file, std::size_t bytes) {
    void* data = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (data == MAP_FAILED) return fail_errno("cannot map the index snapshot");
    ::madvise(data, bytes, MADV_WILLNEED);
    return std::shared_ptr<Region>(new Region(static_cast<std::byte*>(data), bytes));
}

Region::~Region() { ::munmap(data_, size_); }

}  // namespace rushlight::match::index
