// A second process for the store's tests: does one thing to a store until it is told, or made, to stop.
#include "store/store.h"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/resource.h>

namespace rushlight::store {
namespace {

Schema schema() {
    return {"helper",
            {{1, "tables",
              "CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;"
              "INSERT INTO counter (id, value) VALUES (1, 0);"
              "CREATE TABLE line (id INTEGER PRIMARY KEY, number INTEGER NOT NULL, filling BLOB) STRICT;"}}};
}

// As long as it runs it has not happened.
Schema endless() {
    auto longer = schema();
    longer.migrations.push_back(
        {2, "endless",
         "CREATE TABLE more (x INTEGER) STRICT;"
         "INSERT INTO more WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
         "SELECT x FROM c;"});
    return longer;
}

void say(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

int stop(const Error& error) {
    say("error " + std::to_string(static_cast<int>(error.code)) + " " + error.message);
    return 1;
}

int increment(Store& store, int times) {
    for (int i = 0; i < times; ++i) {
        auto status = store.write(
            [&](Writer& w) -> Status {
                const auto value = w.integer("SELECT value FROM counter WHERE id = 1");
                if (!value) return pass(value.error());
                return w.run("UPDATE counter SET value = $1 WHERE id = 1", {value->value() + 1})
                    .map([](std::int64_t) {});
            },
            Durability::process);
        if (!status) return stop(status.error());
    }
    return 0;
}

int insert(Store& store, Durability durability, std::size_t filling) {
    const ByteVector bytes(filling, std::byte{0x5a});
    for (std::int64_t i = 1;; ++i) {
        auto status = store.write(
            [&](Writer& w) {
                return w.run("INSERT INTO line (number, filling) VALUES ($1, $2)", {i, bytes})
                    .map([](std::int64_t) {});
            },
            durability);
        if (!status) return stop(status.error());
        say(std::to_string(i));
    }
}

int hold(Store& store) {
    auto status = store.write([&](Writer& w) -> Status {
        auto done = w.run("UPDATE counter SET value = 100 WHERE id = 1");
        if (!done) return pass(done.error());
        say("holding");
        std::getchar();
        return {};
    });
    return status ? 0 : stop(status.error());
}

int run(int count, char** words) {
    if (count < 3) return 2;
    const std::string_view what = words[1];
    int number = 0;
    if (count > 3) {
        const std::string_view text = words[3];
        std::from_chars(text.data(), text.data() + text.size(), number);
    }
    if (what == "fill") {  // a disk with room for so many bytes a file
        const rlimit limit{static_cast<rlim_t>(number), static_cast<rlim_t>(number)};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        std::signal(SIGXFSZ, SIG_IGN);
    }
    auto store = Store::open({.where = words[2], .schemas = {what == "endless" ? endless() : schema()}});
    if (!store) return stop(store.error());
    if (what == "open") return say("version " + std::to_string(store->schema_version())), 0;
    if (what == "increment") return increment(*store, number);
    if (what == "insert") return insert(*store, Durability::power_cut, 100);
    if (what == "insert-process") return insert(*store, Durability::process, 100);
    if (what == "fill") return insert(*store, Durability::power_cut, 10'000);
    if (what == "hold") return hold(*store);
    return 2;
}

}  // namespace
}  // namespace rushlight::store

int main(int count, char** words) { return rushlight::store::run(count, words); }
