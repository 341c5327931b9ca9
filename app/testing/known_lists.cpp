#include "app/testing/known_lists.h"

#include "app/testing/program.h"
#include "base/time.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <sys/stat.h>

namespace rushlight::app::testing {
namespace {

namespace fs = std::filesystem;

// What the folder holds, written when it is whole.
std::string label_of(const KnownLists& lists) {
    return std::to_string(lists.pdq) + " random PDQ, " + std::to_string(lists.sha256) + " random SHA-256\n";
}

template <class Hash>
void import(const std::string& data, const std::string& method, std::uint64_t first, std::uint64_t count) {
    const Folder folder;
    const std::string pipe = folder.path("pipe");
    if (::mkfifo(pipe.c_str(), 0600) != 0) throw std::runtime_error("cannot make a pipe in " + folder.path());
    Running importing(
        {.arguments = {"list", "import", "known-" + method, "-", "--method", method, "--data", data},
         .input_from = pipe});
    {
        std::ofstream out(pipe);
        for (std::uint64_t i = 0; i < count; ++i) out << hash_number<Hash>(first + i).hex() << '\n';
    }
    if (const Ran ran = importing.wait(); ran.status != 0)
        throw std::runtime_error("the import failed: " + ran.err);
}

}  // namespace

KnownLists make_lists(const std::string& data, std::uint64_t pdq, std::uint64_t sha256) {
    KnownLists lists{.pdq = pdq, .sha256 = sha256};
    const std::string label = data + "/made-by-serve-bench";
    if (fs::exists(label)) {
        if (read_file(label) == label_of(lists)) return lists;
        throw std::runtime_error(data + " holds other lists: " + read_file(label));
    }
    if (fs::exists(data)) throw std::runtime_error(data + " is there, and no benchmark made it");
    fs::create_directories(data);
    const auto began = Steady::now();
    import <Pdq>(data, "pdq", 0, pdq);
    import <Sha256>(data, "sha256", kSha256, sha256);
    lists.import_seconds = std::chrono::duration<double>(Steady::now() - began).count();
    std::ofstream(label) << label_of(lists);
    return lists;
}

}  // namespace rushlight::app::testing
