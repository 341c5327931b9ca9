// Any bytes as a key file: whatever is read has keys that are what their ids say.
#include "base/fd.h"
#include "vault/key_file.h"

#include <cstdint>
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight;
    static const std::string folder = [] {
        std::string made = "/tmp/rushlight-key-fuzz-XXXXXX";
        if (::mkdtemp(made.data()) == nullptr) std::abort();
        ::mkdir((made + "/keys").c_str(), 0700);
        return made;
    }();
    const vault::KeyFile file(folder, std::nullopt, {.passes = 1, .memory_kib = 8});
    const Fd out(::open(file.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
    if (!out || !write_all(out.get(), bytes, "key file")) return 0;
    const auto ring = file.read();
    if (ring && *ring && (*ring)->keys.empty()) std::abort();
    return 0;
}
