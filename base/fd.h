// Fd: owns one file descriptor and closes it.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

#include <string>
#include <utility>

namespace rushlight {

class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1);

  private:
    int fd_ = -1;
};

// Writes all of it, going on after short writes and EINTR.
Status write_all(int fd, Bytes bytes, const std::string& what);
// A file that was made, renamed or removed is so for good only once its folder was flushed, too.
Status sync_folder(const std::string& folder);
Status sync_folder_of(const std::string& file);
// Anonymous memory that can be handed to another process; close-on-exec, sealable.
Result<Fd> make_memory_file(const char* name);
// After this nobody can change the memory file's bytes or its length, we included.
// Fails with `denied` where somebody still holds a writable mapping of it.
Status seal_memory_file(int fd);

}  // namespace rushlight
