#include "cli/secret_file.h"

#include "base/fd.h"
#include "base/text.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace rushlight::cli {

Result<std::string> read_secret_file(const std::string& path, const std::string& what) {
    const Fd file(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_errno("cannot open '" + printable(path) + "' to read " + what);
    std::array<char, 4097> buffer{};
    std::size_t size = 0;
    while (size < buffer.size()) {
        const ssize_t got = ::read(file.get(), buffer.data() + size, buffer.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("cannot read " + what + " from '" + printable(path) + "'");
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    std::string_view line = std::string_view(buffer.data(), size);
    line = line.substr(0, line.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > 4096)
        return fail(ErrorCode::limit, what + " in '" + printable(path) + "' is longer than 4 KiB");
    if (line.empty())
        return fail(ErrorCode::invalid,
                    "the first line of '" + printable(path) + "' is empty: it should hold " + what);
    std::string secret(line);
    buffer.fill('\0');
    return secret;
}

}  // namespace rushlight::cli
