// What the door costs: named workloads on SQLite and PostgreSQL, SQLite's own C API beside them in the same
// run.
//
//   store_bench [--json] [--rows N] [--where FOLDER]
//
// Rows are those of a hash list: an id, 32 bytes, a list's number. `ratio` is to the yardstick named beside
// it.
#include "store/store.h"
#include "store/testing/postgres.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <stdexcept>
#include <thread>

#include <sqlite3.h>

namespace rushlight::store {
namespace {

constexpr std::string_view kTable =
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, hash BLOB NOT NULL, list INTEGER NOT NULL) STRICT;";

void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

double seconds(const std::function<void()>& work) {
    const auto began = Steady::now();
    work();
    return std::chrono::duration<double>(Steady::now() - began).count();
}

class Report {
  public:
    explicit Report(bool json) : json_(json) {
        if (!json_) std::printf("%-44s %14s %8s  %s\n", "workload", "rate/s", "ratio", "to");
    }
    void say(const std::string& name, double rate, const std::string& yardstick = {}) {
        rates_[name] = rate;
        const double ratio = yardstick.empty() ? 0 : rate / rates_.at(yardstick);
        if (json_) {
            std::printf(R"({"bench":"store","workload":"%s","rate":%.0f)", name.c_str(), rate);
            if (ratio > 0) std::printf(R"(,"yardstick":"%s","ratio":%.3f)", yardstick.c_str(), ratio);
            std::printf("}\n");
        } else if (ratio > 0) {
            std::printf("%-44s %14.0f %8.2f  %s\n", name.c_str(), rate, ratio, yardstick.c_str());
        } else {
            std::printf("%-44s %14.0f\n", name.c_str(), rate);
        }
        std::fflush(stdout);
    }

  private:
    bool json_;
    std::map<std::string, double> rates_;
};

Sha256 hash_of(std::int64_t i) {
    std::mt19937_64 random(static_cast<std::uint64_t>(i));
    Sha256 hash;
    for (std::size_t at = 0; at < 32; at += 8) {
        const std::uint64_t bits = random();
        std::memcpy(hash.value.data() + at, &bits, 8);
    }
    return hash;
}

// The bare loops that SQLite's documentation would have one write.
void raw_sqlite(Report& report, const std::string& folder, const std::vector<Sha256>& hashes) {
    sqlite3* db = nullptr;
    sqlite3_open((folder + "/raw.db").c_str(), &db);
    sqlite3_exec(db,
                 ("PRAGMA journal_mode = WAL; PRAGMA cache_size = -16000; " + std::string(kTable)).c_str(),
                 nullptr, nullptr, nullptr);
    sqlite3_stmt* insert = nullptr;
    sqlite3_prepare_v2(db, "INSERT INTO entry (id, hash, list) VALUES (?1, ?2, ?3)", -1, &insert, nullptr);
    const double writing = seconds([&] {
        sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr);
        std::int64_t id = 0;
        for (const Sha256& hash : hashes) {
            sqlite3_bind_int64(insert, 1, ++id);
            sqlite3_bind_blob(insert, 2, hash.value.data(), 32, SQLITE_STATIC);
            sqlite3_bind_int64(insert, 3, 7);
            sqlite3_step(insert);
            sqlite3_reset(insert);
        }
        sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
    });
    sqlite3_finalize(insert);
    report.say("sqlite C API, insert, one transaction", static_cast<double>(hashes.size()) / writing);

    sqlite3_stmt* select = nullptr;
    sqlite3_prepare_v2(db, "SELECT id, hash, list FROM entry", -1, &select, nullptr);
    std::int64_t sum = 0;
    double reading = 1e9;
    for (int round = 0; round < 3; ++round) {
        reading = std::min(reading, seconds([&] {
                               while (sqlite3_step(select) == SQLITE_ROW)
                                   sum +=
                                       sqlite3_column_int64(select, 0) +
                                       static_cast<const unsigned char*>(sqlite3_column_blob(select, 1))[0] +
                                       sqlite3_column_bytes(select, 1) + sqlite3_column_int64(select, 2);
                               sqlite3_reset(select);
                           }));
    }
    sqlite3_finalize(select);
    sqlite3_close(db);
    if (sum == 0) throw std::runtime_error("nothing was read");
    report.say("sqlite C API, read", static_cast<double>(hashes.size()) / reading);
}

double commits(Store& store, int threads, int each, Durability durability) {
    const double time = seconds([&] {
        std::vector<std::thread> all;
        for (int t = 0; t < threads; ++t) {
            all.emplace_back([&, t] {
                const Sha256 hash = hash_of(t);
                for (int i = 0; i < each; ++i)
                    must(store.write(
                        [&](Writer& w) {
                            return w.run("INSERT INTO entry (hash, list) VALUES ($1, $2)", {hash, 7})
                                .map([](auto) {});
                        },
                        durability));
            });
        }
        for (auto& thread : all) thread.join();
    });
    return threads * each / time;
}

void through_the_door(Report& report, const std::string& name, const std::string& where,
                      const std::vector<Sha256>& hashes, bool server) {
    auto opened =
        Store::open({.where = where, .schemas = {{"bench", {{1, "entry", kTable}}}}, .readers = 16});
    if (!opened) throw std::runtime_error(opened.error().message);
    Store& store = *opened;
    const auto rows = static_cast<double>(hashes.size());
    const std::string insert_yardstick = "sqlite C API, insert, one transaction";
    const std::string read_yardstick = "sqlite C API, read";

    const std::size_t one_by_one = server ? std::min<std::size_t>(hashes.size(), 100'000) : hashes.size();
    report.say(
        name + ", insert, one transaction",
        static_cast<double>(one_by_one) / seconds([&] {
            must(store.write([&](Writer& w) -> Status {
                for (std::size_t i = 0; i < one_by_one; ++i)
                    if (auto done = w.run("INSERT INTO entry (hash, list) VALUES ($1, $2)", {hashes[i], 7});
                        !done)
                        return pass(done.error());
                return {};
            }));
        }),
        insert_yardstick);
    must(store.write([](Writer& w) { return w.run("DELETE FROM entry").map([](auto) {}); }));
    report.say(name + ", bulk load", rows / seconds([&] {
                                         auto load = store.bulk_load("entry", {"hash", "list"});
                                         for (const Sha256& hash : hashes) must(load->add({hash, 7}));
                                         must(load->finish());
                                     }),
               insert_yardstick);
    double reading = 1e9;
    std::int64_t sum = 0;
    for (int round = 0; round < 3; ++round) {
        reading = std::min(reading, seconds([&] {
                               must(store.read([&](Reader& r) {
                                   return r.each("SELECT id, hash, list FROM entry", {}, [&](const Row& row) {
                                       const Bytes hash = row.bytes(1);
                                       sum += row.integer(0) + std::to_integer<int>(hash[0]) +
                                              static_cast<std::int64_t>(hash.size()) + row.integer(2);
                                   });
                               }));
                           }));
    }
    if (sum == 0) throw std::runtime_error("nothing was read");
    report.say(name + ", read", rows / reading, read_yardstick);

    const std::string alone = name + ", commits, 1 thread, power_cut";
    report.say(name + ", commits, 1 thread, process",
               commits(store, 1, server ? 2000 : 10'000, Durability::process));
    report.say(alone, commits(store, 1, 400, Durability::power_cut));
    report.say(name + ", commits, 8 threads, power_cut", commits(store, 8, 400, Durability::power_cut),
               alone);
    report.say(name + ", small reads, 1 thread",
               20'000 / seconds([&] {
                   for (int i = 0; i < 20'000; ++i)
                       must(store.read([](Reader& r) {
                           return r.integer("SELECT list FROM entry WHERE id = $1", {1}).map([](auto) {});
                       }));
               }));
    report.say(name + ", changes()", 20'000 / seconds([&] {
                                         for (int i = 0; i < 20'000; ++i)
                                             if (!store.changes()) throw std::runtime_error("changes()");
                                     }));
    // How long another writer waits while a bulk load runs beside it.
    std::vector<double> waits;
    std::atomic<bool> loading = true;
    std::thread loader([&] {
        auto load = store.bulk_load("entry", {"hash", "list"});
        for (const Sha256& hash : hashes) must(load->add({hash, 7}));
        must(load->finish());
        loading = false;
    });
    auto other = Store::open({.where = where, .schemas = {{"bench", {{1, "entry", kTable}}}}});
    while (loading) waits.push_back(1 / commits(*other, 1, 1, Durability::process));
    loader.join();
    std::sort(waits.begin(), waits.end());
    report.say(name + ", other's 1/p99 wait in a bulk load", 1 / waits[waits.size() * 99 / 100]);
    report.say(name + ", other's 1/longest wait", 1 / waits.back());
}

int run(int count, char** words) {
    bool json = false;
    std::size_t rows = 1'000'000;
    std::string where = std::filesystem::temp_directory_path().string();
    for (int i = 1; i < count; ++i) {
        const std::string_view word = words[i];
        if (word == "--json") json = true;
        if (word == "--rows" && i + 1 < count) rows = std::strtoull(words[++i], nullptr, 10);
        if (word == "--where" && i + 1 < count) where = words[++i];
    }
    std::vector<Sha256> hashes(rows);
    for (std::size_t i = 0; i < rows; ++i) hashes[i] = hash_of(static_cast<std::int64_t>(i));

    std::string folder = where + "/rushlight-bench-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make " + folder);
    Report report(json);
    raw_sqlite(report, folder, hashes);
    through_the_door(report, "sqlite", folder, hashes, false);
    std::filesystem::remove_all(folder);
    auto& server =
        testing::PostgresServer::shared();  // with fsync off: commits there are no measure of the disk
    through_the_door(report, "postgresql", server.address(server.create_database()), hashes, true);
    return 0;
}

}  // namespace
}  // namespace rushlight::store

int main(int count, char** words) {
    try {
        return rushlight::store::run(count, words);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "store_bench: %s\n", error.what());
        return 1;
    }
}
