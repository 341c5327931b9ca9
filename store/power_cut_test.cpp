// A disk that forgets what was not synced: what Durability::power_cut acknowledged is there after any power
// cut.
//
// A file system of SQLite's (sqlite3_vfs) in front of the real one remembers what each file held when it was
// last synced. A cut is a copy of the folder in which each file is either as synced or as written: the two
// ends of what a disk may have done, and their mixtures.
#include "base/testing/rounds.h"
#include "store/store.h"
#include "store/testing/place.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <new>
#include <random>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

namespace rushlight::store {
namespace {

namespace fs = std::filesystem;

std::string content_of(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
}

class ForgetfulDisk {
  public:
    ForgetfulDisk() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
        vfs_.zName = "forgetful";
        vfs_.pAppData = this;
        vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
        vfs_.xOpen = &open;
        vfs_.xDelete = &remove;
        sqlite3_vfs_register(&vfs_, 1);
    }
    ~ForgetfulDisk() {
        sqlite3_vfs_unregister(&vfs_);
        sqlite3_vfs_register(real_, 1);
    }
    ForgetfulDisk(const ForgetfulDisk&) = delete;
    ForgetfulDisk& operator=(const ForgetfulDisk&) = delete;

    // What a power cut now leaves of the database in `from`. Bit 0 of `kept`: the database's unsynced writes
    // had arrived; bit 1: the log's.
    void cut(const std::string& from, const std::string& to, int kept) {
        const std::lock_guard lock(mutex_);
        const char* names[] = {"rushlight.db", "rushlight.db-wal"};
        for (int i = 0; i < 2; ++i) {
            const std::string path = from + "/" + names[i];
            if ((kept >> i & 1) != 0) {
                if (fs::exists(path))
                    std::ofstream(to + "/" + names[i], std::ios::binary) << content_of(path);
            } else if (const auto found = synced_.find(path); found != synced_.end()) {
                std::ofstream(to + "/" + names[i], std::ios::binary) << found->second;
            }
        }
    }
    int syncs() {
        const std::lock_guard lock(mutex_);
        return syncs_;
    }

  private:
    // The real file lies behind it in the same memory.
    struct File {
        sqlite3_file base;
        ForgetfulDisk* disk;
        const char* path;
    };
    static sqlite3_file* real_file(sqlite3_file* file) {
        return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
    }

    static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
        auto* disk = static_cast<ForgetfulDisk*>(vfs->pAppData);
        auto* ours = new (file) File{{nullptr}, disk, path};
        const int code = disk->real_->xOpen(disk->real_, path, real_file(file), flags, out_flags);
        if (real_file(file)->pMethods != nullptr) ours->base.pMethods = &methods();
        return code;
    }
    static int remove(sqlite3_vfs* vfs, const char* path, int sync_folder) {
        auto* disk = static_cast<ForgetfulDisk*>(vfs->pAppData);
        return disk->real_->xDelete(disk->real_, path, sync_folder);  // the synced content stays on the disk
    }
    static int sync(sqlite3_file* file, int flags) {
        auto* ours = reinterpret_cast<File*>(file);
        const int code = real_file(file)->pMethods->xSync(real_file(file), flags);
        if (code == SQLITE_OK && ours->path != nullptr) {
            const std::lock_guard lock(ours->disk->mutex_);
            ours->disk->synced_[ours->path] = content_of(ours->path);
            ++ours->disk->syncs_;
        }
        return code;
    }
    static const sqlite3_io_methods& methods() {
        static const sqlite3_io_methods all = [] {
            sqlite3_io_methods m{};
            m.iVersion = 2;  // no memory mapping
            m.xClose = [](sqlite3_file* f) { return real_file(f)->pMethods->xClose(real_file(f)); };
            m.xRead = [](sqlite3_file* f, void* p, int n, sqlite3_int64 at) {
                return real_file(f)->pMethods->xRead(real_file(f), p, n, at);
            };
            m.xWrite = [](sqlite3_file* f, const void* p, int n, sqlite3_int64 at) {
                return real_file(f)->pMethods->xWrite(real_file(f), p, n, at);
            };
            m.xTruncate = [](sqlite3_file* f, sqlite3_int64 n) {
                return real_file(f)->pMethods->xTruncate(real_file(f), n);
            };
            m.xSync = &sync;
            m.xFileSize = [](sqlite3_file* f, sqlite3_int64* n) {
                return real_file(f)->pMethods->xFileSize(real_file(f), n);
            };
            m.xLock = [](sqlite3_file* f, int l) { return real_file(f)->pMethods->xLock(real_file(f), l); };
            m.xUnlock = [](sqlite3_file* f, int l) {
                return real_file(f)->pMethods->xUnlock(real_file(f), l);
            };
            m.xCheckReservedLock = [](sqlite3_file* f, int* r) {
                return real_file(f)->pMethods->xCheckReservedLock(real_file(f), r);
            };
            m.xFileControl = [](sqlite3_file* f, int op, void* p) {
                return real_file(f)->pMethods->xFileControl(real_file(f), op, p);
            };
            m.xSectorSize = [](sqlite3_file* f) { return real_file(f)->pMethods->xSectorSize(real_file(f)); };
            m.xDeviceCharacteristics = [](sqlite3_file* f) {
                return real_file(f)->pMethods->xDeviceCharacteristics(real_file(f));
            };
            m.xShmMap = [](sqlite3_file* f, int r, int n, int w, void volatile** p) {
                return real_file(f)->pMethods->xShmMap(real_file(f), r, n, w, p);
            };
            m.xShmLock = [](sqlite3_file* f, int o, int n, int flags) {
                return real_file(f)->pMethods->xShmLock(real_file(f), o, n, flags);
            };
            m.xShmBarrier = [](sqlite3_file* f) { real_file(f)->pMethods->xShmBarrier(real_file(f)); };
            m.xShmUnmap = [](sqlite3_file* f, int d) {
                return real_file(f)->pMethods->xShmUnmap(real_file(f), d);
            };
            return m;
        }();
        return all;
    }

    sqlite3_vfs* real_;
    sqlite3_vfs vfs_;
    std::mutex mutex_;
    std::map<std::string, std::string, std::less<>> synced_;
    int syncs_ = 0;
};

Schema lines() {
    return {"lines",
            {{1, "lines", "CREATE TABLE line (id INTEGER PRIMARY KEY, filling TEXT NOT NULL) STRICT;"}}};
}

// Two rows a transaction; now and then large ones, so that the log is checkpointed and begins anew; now and
// then the power goes.
void write_and_cut(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    ForgetfulDisk disk;
    const testing::Place place(testing::Kind::sqlite);
    Store store = testing::open(place, {lines()});
    std::int64_t acknowledged = 0;
    std::int64_t written = 0;
    for (int round = 0; round < 50; ++round) {
        const auto durability = random() % 3 == 0 ? Durability::power_cut : Durability::process;
        const std::string filling(random() % 20 == 0 ? 1'000'000 : 300, 'x');
        ASSERT_TRUE(store.write(
            [&](Writer& w) -> Status {
                for (int i = 0; i < 2; ++i)
                    if (auto done = w.run("INSERT INTO line (filling) VALUES ($1)", {filling}); !done)
                        return pass(done.error());
                return {};
            },
            durability));
        written += 2;
        if (durability == Durability::power_cut) acknowledged = written;
        if (random() % 3 != 0) continue;
        for (int kept = 0; kept < 4; ++kept) {
            const testing::Place after(testing::Kind::sqlite);
            disk.cut(place.where(), after.where(), kept);
            auto opened = Store::open({.where = after.where(), .schemas = {lines()}});
            ASSERT_TRUE(opened) << opened.error().message;
            ASSERT_TRUE(opened->read([&](Reader& r) -> Status {
                const auto count = r.integer("SELECT count(*) FROM line");
                if (!count) return pass(count.error());
                EXPECT_GE(**count, acknowledged) << "round " << round << ", kept " << kept;
                EXPECT_LE(**count, written);
                EXPECT_EQ(**count % 2, 0);
                return {};
            }));
        }
    }
}

TEST(PowerCut, KeepsWhatWasAcknowledgedAndNeverHalfOfATransaction) {
    for (Rounds rounds; rounds.next();) write_and_cut(rounds.seed());
}

TEST(PowerCut, SharesOneSyncAmongThoseWhoWait) {
    ForgetfulDisk disk;
    const testing::Place place(testing::Kind::sqlite);
    Store store = testing::open(place, {lines()});
    const auto insert = [](Writer& w) {
        return w.run("INSERT INTO line (filling) VALUES ('x')").map([](auto) {});
    };
    ASSERT_TRUE(store.write(insert));  // the log is begun
    const int before = disk.syncs();
    std::thread leader;
    std::vector<std::thread> others;
    constexpr int kOthers = 6;
    std::atomic<int> started = 0;
    leader = std::thread([&] {
        EXPECT_TRUE(store.write([&](Writer& w) {
            for (int i = 0; i < kOthers; ++i)
                others.emplace_back([&] {
                    ++started;
                    EXPECT_TRUE(store.write(insert));
                });
            while (started < kOthers) std::this_thread::yield();
            return insert(w);
        }));
    });
    leader.join();
    for (auto& other : others) other.join();
    // One for the leader; the others, who came while it was busy, share the next (one may have come too
    // late).
    EXPECT_GE(disk.syncs() - before, 1);
    EXPECT_LE(disk.syncs() - before, 4);
}

}  // namespace
}  // namespace rushlight::store
