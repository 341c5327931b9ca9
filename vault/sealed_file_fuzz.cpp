// Any bytes as a sealed file: nothing that was not sealed with the key comes out.
#include "vault/sealed_file.h"

#include <cstdint>
#include <cstdlib>

#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight;
    const auto file = make_memory_file("fuzz");
    const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
    if (!file || !write_all(file->get(), bytes, "memory")) return 0;
    ::lseek(file->get(), 0, SEEK_SET);
    const std::array<std::byte, vault::Key::kBytes> key{};
    auto reader = vault::SealedReader::begin(file->get(), vault::Key::from(key), "fuzz");
    if (!reader) return 0;
    for (auto piece = reader->next(); piece && !piece->empty(); piece = reader->next()) {
        // The seed is the only file that this key sealed.
        if (text_of(*piece) != "benign bytes") std::abort();
    }
    return 0;
}
