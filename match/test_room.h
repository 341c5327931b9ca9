// For this room's tests: an empty store with lists in it, made-up values, a clock that stands still.
#pragma once

#include "base/fd.h"
#include "match/matcher.h"
#include "store/testing/place.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace rushlight::match::testing {

struct StillClock final : Clock {
    Time time{1'700'000'000'000'000};
    Time now() const override { return time; }
};

class Folder {
  public:
    Folder() {
        std::string name = "/tmp/rushlight-match-XXXXXX";
        path_ = ::mkdtemp(name.data()) != nullptr ? name : "";
    }
    ~Folder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

inline std::string read_testdata(const std::string& name) {
    std::ifstream file(RUSHLIGHT_SOURCE_DIR "/match/testdata/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// Different for different numbers, and scattered.
template <class Hash>
Hash made_up(std::uint64_t number) {
    std::mt19937_64 random(number * 2 + Hash::kBytes);
    Hash hash;
    for (auto& b : hash.value) b = static_cast<std::byte>(random());
    return hash;
}
inline Value md5(int number) { return Value::of(made_up<Md5>(static_cast<std::uint64_t>(number))); }
inline Value sha1(int number) { return Value::of(made_up<Sha1>(static_cast<std::uint64_t>(number))); }
inline Value sha256(int number) { return Value::of(made_up<Sha256>(static_cast<std::uint64_t>(number))); }

struct Room {
    explicit Room(store::testing::Kind kind) : place(kind), store(store::testing::open(place, {schema()})) {
        auto opened = Lists::open(store, data, clock);
        if (!opened) throw std::runtime_error(opened.error().message);
        lists = std::move(*opened);
    }

    void make(std::string_view name, ListKind kind = ListKind::known, Thresholds thresholds = {}) const {
        ListSettings settings;
        settings.name = name;
        settings.kind = kind;
        settings.thresholds = thresholds;
        auto made = lists->create(settings, "tester");
        ASSERT_TRUE(made) << made.error().message;
    }
    Result<ImportReport> import(std::string_view name, std::string_view content,
                                const ImportOptions& options) const {
        auto file = make_memory_file("list");
        if (!file || !write_all(file->get(), bytes_of(content), "list"))
            return fail(ErrorCode::io, "no memory file");
        ::lseek(file->get(), 0, SEEK_SET);
        return lists->import(name, file->get(), options);
    }
    std::int64_t rows(const std::string& table) {
        std::int64_t count = -1;
        (void)store.read([&](store::Reader& reader) -> Status {
            auto rows = reader.integer("SELECT count(*) FROM " + table);
            if (!rows) return tl::unexpected(rows.error());
            count = rows->value_or(-1);
            return {};
        });
        return count;
    }

    store::testing::Place place;
    Folder folder;
    std::string data = folder.path();
    StillClock clock;
    store::Store store;
    std::unique_ptr<Lists> lists;
};

}  // namespace rushlight::match::testing
