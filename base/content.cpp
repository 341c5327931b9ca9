#include "base/content.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight {
namespace {

Result<struct stat> status_of(int fd) {
    struct stat st{};
    if (::fstat(fd, &st) != 0) return fail_errno("cannot look at an open file");
    return st;
}

}  // namespace

Result<Content> Content::open(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return fail_errno("cannot open");
    const auto st = status_of(fd.get());
    if (!st) return pass(st.error());
    if (!S_ISREG(st->st_mode)) return fail(ErrorCode::invalid, "not a regular file");
    return Content(std::move(fd), static_cast<std::uint64_t>(st->st_size), false);
}

Result<Content> Content::from_bytes(Bytes bytes) {
    auto fd = make_memory_file("rushlight-item");
    if (!fd) return pass(fd.error());
    if (auto written = write_all(fd->get(), bytes, "a memory file"); !written) return pass(written.error());
    return from_memory_file(std::move(*fd));
}

Result<Content> Content::from_memory_file(Fd fd) {
    if (auto sealed = seal_memory_file(fd.get()); !sealed) return pass(sealed.error());
    const auto st = status_of(fd.get());
    if (!st) return pass(st.error());
    return Content(std::move(fd), static_cast<std::uint64_t>(st->st_size), true);
}

Result<std::size_t> Content::read_at(std::uint64_t offset, std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t n =
            ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("cannot read");
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

Result<std::uint64_t> Content::stamp() const {
    const auto st = status_of(fd_.get());
    if (!st) return pass(st.error());
    std::uint64_t mixed = 0xcbf29ce484222325u;  // FNV-1a over the fields
    for (const auto field :
         {static_cast<std::uint64_t>(st->st_size), static_cast<std::uint64_t>(st->st_mtim.tv_sec),
          static_cast<std::uint64_t>(st->st_mtim.tv_nsec), static_cast<std::uint64_t>(st->st_ctim.tv_sec),
          static_cast<std::uint64_t>(st->st_ctim.tv_nsec)}) {
        mixed = (mixed ^ field) * 0x100000001b3u;
    }
    return mixed;
}

}  // namespace rushlight
