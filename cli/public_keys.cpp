#include "cli/public_keys.h"

#include "base/fd.h"
#include "base/text.h"

#include <fcntl.h>
#include <unistd.h>

namespace rushlight::cli {

Result<std::vector<audit::PublicKey>> public_keys(const std::optional<std::string>& asked) {
    if (!asked) return std::vector<audit::PublicKey>();
    if (const auto key = audit::PublicKey::parse(*asked)) return std::vector{*key};
    const Fd file(::open(asked->c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_errno("cannot open '" + printable(*asked) + "' to read a public key");
    std::string text(65'536, '\0');
    const ssize_t got = ::read(file.get(), text.data(), text.size());
    if (got < 0) return fail_errno("cannot read '" + printable(*asked) + "'");
    text.resize(static_cast<std::size_t>(got));
    auto keys = audit::parse_public_keys(text);
    if (!keys) return fail(keys.error().code, "'" + printable(*asked) + "': " + keys.error().message);
    return keys;
}

}  // namespace rushlight::cli
