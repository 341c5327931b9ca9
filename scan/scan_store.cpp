#include "scan/scan_store.h"

#include "base/digest.h"
#include "scan/history.h"
#include "scan/scan.h"

#include <utility>

namespace rushlight::scan {
namespace {

// Raised when a change of ours gives other fingerprints for the same bytes: older ones are then made anew.
constexpr std::int64_t kFingerprintVersion = 1;

// These bytes under this name: what an item is found by.
Sha256 item_key(const Sha256& content, std::string_view name) {
    return sha256_of(bytes_of(content.hex() + std::string(name)));
}

}  // namespace

store::Schema schema() {
    return {.room = "scan",
            .migrations = {{.number = 1, .name = "scans, their items, and fingerprints by content", .sql = R"(
                CREATE TABLE scan_run (
                    id INTEGER PRIMARY KEY,
                    targets TEXT NOT NULL,
                    asked BLOB NOT NULL,
                    state TEXT NOT NULL,
                    started_at INTEGER NOT NULL,
                    ended_at INTEGER
                ) STRICT;
                CREATE TABLE scan_item (
                    id INTEGER PRIMARY KEY,
                    run INTEGER NOT NULL REFERENCES scan_run (id),
                    name BLOB NOT NULL,
                    content BLOB,
                    decision TEXT NOT NULL,
                    line TEXT NOT NULL,
                    at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX scan_item_run ON scan_item (run);
                CREATE INDEX scan_item_content ON scan_item (content);
                CREATE TABLE scan_fingerprint (
                    content BLOB PRIMARY KEY,
                    version INTEGER NOT NULL,
                    packed BLOB NOT NULL
                ) STRICT;
            )"},
                           // Many copies share their content, and names are too long for an index of theirs.
                           {.number = 2, .name = "items found by one key", .sql = R"(
                ALTER TABLE scan_item ADD COLUMN item BLOB;
                DROP INDEX scan_item_content;
                CREATE INDEX scan_item_item ON scan_item (item);
            )"},
                           {.number = 3, .name = "what a scan came to", .sql = R"(
                ALTER TABLE scan_run ADD COLUMN summary TEXT;
            )"}}};
}

Result<RunId> ScanStore::begin(std::string_view targets, const Sha256& asked, Time now) {
    RunId run = 0;
    const Status written = store_->write([&](store::Writer& writer) -> Status {
        auto id = writer.integer(
            "INSERT INTO scan_run (targets, asked, state, started_at) VALUES ($1, $2, 'running', $3) "
            "RETURNING id",
            {targets, asked, now});
        if (!id) return pass(id.error());
        run = id->value_or(0);
        return {};
    });
    if (!written) return pass(written.error());
    return run;
}

Status ScanStore::end(RunId run, std::string_view state, std::string_view summary, Time now) {
    return store_->write([&](store::Writer& writer) -> Status {
        return writer
            .run("UPDATE scan_run SET state = $1, ended_at = $2, summary = $3 WHERE id = $4",
                 {state, now, summary, run})
            .map([](std::int64_t) {});
    });
}

Result<ScanStore::Known> ScanStore::find(const Sha256& content, std::string_view name, const Sha256& asked) {
    Known known;
    const Status read = store_->read([&](store::Reader& reader) -> Status {
        known = {};
        auto packed = reader.one("SELECT packed FROM scan_fingerprint WHERE content = $1 AND version = $2",
                                 {content, kFingerprintVersion}, [&](const store::Row& row) {
                                     known.fingerprint = media::unpack(row.bytes(0));
                                 });
        if (!packed) return pass(packed.error());
        auto answered = reader.one(
            "SELECT scan_item.id FROM scan_item JOIN scan_run ON scan_run.id = scan_item.run "
            "WHERE scan_item.item = $1 AND scan_run.asked = $2 LIMIT 1",
            {item_key(content, name), asked}, [](const store::Row&) {});
        if (!answered) return pass(answered.error());
        known.answered = *answered;
        return {};
    });
    if (!read) return pass(read.error());
    return known;
}

namespace {

constexpr std::string_view kRunColumns =
    "SELECT id, targets, state, started_at, ended_at, summary FROM scan_run ";

Run run_of(const store::Row& row) {
    Run run{.id = row.integer(0),
            .targets = std::string(row.text(1)),
            .state = std::string(row.text(2)),
            .started = row.time(3),
            .ended = {},
            .summary = std::string(row.text_or_empty(5))};
    if (const auto ended = row.integer_or_null(4)) run.ended = Time{*ended};
    return run;
}

}  // namespace

Result<std::vector<Run>> runs(store::Store& store, std::optional<RunId> before, int limit) {
    std::vector<Run> all;
    const Status read = store.read([&](store::Reader& reader) -> Status {
        all.clear();
        return reader.each(std::string(kRunColumns) + "WHERE id < $1 ORDER BY id DESC LIMIT $2",
                           {before.value_or(INT64_MAX), limit},
                           [&](const store::Row& row) { all.push_back(run_of(row)); });
    });
    if (!read) return pass(read.error());
    return all;
}

Result<std::optional<Run>> run_by_id(store::Store& store, RunId id) {
    std::optional<Run> found;
    const Status read = store.read([&](store::Reader& reader) -> Status {
        found.reset();
        return reader
            .one(std::string(kRunColumns) + "WHERE id = $1", {id},
                 [&](const store::Row& row) { found = run_of(row); })
            .map([](bool) {});
    });
    if (!read) return pass(read.error());
    return found;
}

Result<ItemPage> items_of(store::Store& store, RunId run, std::string_view decision, std::int64_t after,
                          int limit) {
    ItemPage page;
    const Status read = store.read([&](store::Reader& reader) -> Status {
        page = {};
        const auto take = [&](const store::Row& row) {
            if (std::cmp_equal(page.lines.size(), limit)) {
                page.more = true;
                return false;
            }
            page.last = row.integer(0);
            page.lines.emplace_back(row.text(1));
            return true;
        };
        if (decision.empty()) {
            return reader.each(
                "SELECT id, line FROM scan_item WHERE run = $1 AND id > $2 ORDER BY id LIMIT $3",
                {run, after, limit + 1}, take);
        }
        return reader.each(
            "SELECT id, line FROM scan_item WHERE run = $1 AND id > $2 AND decision = $3 ORDER BY id LIMIT "
            "$4",
            {run, after, decision, limit + 1}, take);
    });
    if (!read) return pass(read.error());
    return page;
}

Status ScanStore::save(RunId run, std::span<const Record> records, Time now) {
    return store_->write([&](store::Writer& writer) -> Status {
        for (const Record& record : records) {
            if (record.content && record.fingerprint != nullptr) {
                auto kept = writer.run(
                    "INSERT INTO scan_fingerprint (content, version, packed) VALUES ($1, $2, $3) "
                    "ON CONFLICT (content) DO UPDATE SET version = excluded.version, packed = "
                    "excluded.packed",
                    {*record.content, kFingerprintVersion, media::pack(*record.fingerprint)});
                if (!kept) return pass(kept.error());
            }
            std::optional<Sha256> item;
            if (record.content) item = item_key(*record.content, record.name);
            auto saved = writer.run(
                "INSERT INTO scan_item (run, name, content, item, decision, line, at) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7)",
                {run, bytes_of(record.name), record.content, item, record.decision, record.line, now});
            if (!saved) return pass(saved.error());
        }
        return {};
    });
}

}  // namespace rushlight::scan
