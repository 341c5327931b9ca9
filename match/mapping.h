// Mapping: a file's bytes as memory of our own: what we change in it stays with us. Private to match.
#pragma once

#include "base/fd.h"
#include "match/tables.h"

#include <memory>
#include <span>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace rushlight::match {

class Tables::Mapping {
  public:
    static Result<std::unique_ptr<Mapping>> open(const std::string& path) {
        Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file) return fail_errno("cannot open " + path);
        struct stat status{};
        if (::fstat(file.get(), &status) != 0) return fail_errno("cannot look at " + path);
        if (status.st_size <= 0) return fail(ErrorCode::corrupt, path + " is empty");
        const auto size = static_cast<std::size_t>(status.st_size);
        void* memory =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.get(), 0);
        if (memory == MAP_FAILED) return fail_errno("cannot map " + path);
        ::madvise(memory, size, MADV_WILLNEED);
        return std::unique_ptr<Mapping>(new Mapping(static_cast<std::byte*>(memory), size));
    }
    ~Mapping() { ::munmap(memory_, size_); }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    std::span<std::byte> bytes() const { return {memory_, size_}; }

  private:
    Mapping(std::byte* memory, std::size_t size) : memory_(memory), size_(size) {}

    std::byte* memory_;
    std::size_t size_;
};

}  // namespace rushlight::match
