// What the audit log costs: appending, verifying the store, exporting, verifying the export. The yardsticks
// in the same run are one SHA-256 over the same bytes, and the same commits without an entry.
//
//   audit_bench [--entries N] [--json]        N: 1,000,000 unless said
#include "audit/verify.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/text.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace rushlight;

bool json = false;

[[noreturn]] void stop(const std::string& why) {
    std::fprintf(stderr, "audit_bench: %s\n", why.c_str());
    std::exit(1);
}

void measure(const char* workload, double count, const char* unit, const std::function<void()>& work) {
    const auto begin = Steady::now();
    work();
    const double seconds = std::chrono::duration<double>(Steady::now() - begin).count();
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    if (json) {
        std::printf(
            "{\"bench\":\"audit\",\"workload\":\"%s\",\"seconds\":%.3f,\"per_second\":%.0f,\"peak_mb\":%ld}"
            "\n",
            workload, seconds, count / seconds, used.ru_maxrss / 1024);
    } else {
        std::printf("%-44s %8.2f s %12.0f %s/s %6ld MB peak\n", workload, seconds, count / seconds, unit,
                    used.ru_maxrss / 1024);
    }
}

audit::Event event_of(std::int64_t i) {
    return {.who = "account:a" + std::to_string(i % 50),
            .what = "held_file.opened",
            .on = {"held_file", "f" + std::to_string(i)},
            .detail = audit::detail({{"reason", "review of a report by the duty officer"}, {"bytes", i}})};
}

}  // namespace

int main(int argc, char** argv) {
    std::int64_t entries = 1'000'000;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--json") json = true;
        if (argument == "--entries" && i + 1 < argc) entries = parse_integer(argv[i + 1]).value_or(entries);
    }
    std::string folder = "/tmp/rushlight-audit-bench-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) stop("no folder");
    {
        auto store = store::Store::open({.where = folder, .schemas = {audit::schema()}});
        if (!store) stop(store.error().message);
        const Time now = system_clock().now();
        constexpr std::int64_t kTogether = 1000;
        measure("append, 1,000 in a transaction", static_cast<double>(entries), "entries", [&] {
            for (std::int64_t done = 0; done < entries; done += kTogether) {
                const Status status = store->write(
                    [&](store::Writer& writer) -> Status {
                        for (std::int64_t i = done; i < std::min(entries, done + kTogether); ++i)
                            if (auto added = audit::append(writer, event_of(i), now); !added)
                                return pass(added.error());
                        return {};
                    },
                    store::Durability::process);
                if (!status) stop(status.error().message);
            }
        });
        constexpr int kSingle = 2000;
        measure("append, one in a transaction, no fsync", kSingle, "entries", [&] {
            for (int i = 0; i < kSingle; ++i) {
                const Status status = store->write(
                    [&](store::Writer& writer) -> Status {
                        return audit::append(writer, event_of(i), now).map([](std::int64_t) {});
                    },
                    store::Durability::process);
                if (!status) stop(status.error().message);
            }
        });
        measure("yardstick: empty transactions", kSingle, "commits", [&] {
            for (int i = 0; i < kSingle; ++i) {
                const Status status = store->write(
                    [&](store::Writer& writer) -> Status {
                        return writer.run("UPDATE audit_end SET number = number WHERE only_row = 1")
                            .map([](std::int64_t) {});
                    },
                    store::Durability::process);
                if (!status) stop(status.error().message);
            }
        });
        const auto count = static_cast<double>(entries + kSingle);
        measure("verify the store", count, "entries", [&] {
            const auto verdict = audit::verify(*store, {});
            if (!verdict || !verdict->ok) stop("the store does not verify");
        });
        const std::string path = folder + "/export.jsonl";
        const Fd out(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        std::int64_t bytes = 0;
        measure("export to a file", count, "entries", [&] {
            const auto done = audit::export_to(
                *store,
                [&](std::string_view piece) {
                    bytes += static_cast<std::int64_t>(piece.size());
                    return write_all(out.get(), bytes_of(piece), "export");
                },
                now);
            if (!done) stop(done.error().message);
        });
        ::lseek(out.get(), 0, SEEK_SET);
        measure("verify the file", count, "entries", [&] {
            const auto verdict = audit::verify_export(out.get(), {});
            if (!verdict || !verdict->ok) stop("the file does not verify");
        });
        ::lseek(out.get(), 0, SEEK_SET);
        measure("yardstick: SHA-256 of the file's lines", count, "entries", [&] {
            std::string piece(static_cast<std::size_t>(bytes) / static_cast<std::size_t>(count), '\0');
            while (::read(out.get(), piece.data(), piece.size()) > 0) (void)sha256_of(bytes_of(piece));
        });
    }
    const std::string remove = "rm -rf " + folder;
    return std::system(remove.c_str()) == 0 ? 0 : 1;
}
