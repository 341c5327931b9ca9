// Lists::import: read and sort, stage what is new, publish it in one short transaction.
#include "base/text.h"
#include "match/import_read.h"
#include "match/lists_state.h"
#include "match/sorter.h"

#include <algorithm>

namespace rushlight::match {
namespace {

using list_store::NewEntry;
using store::Reader;
using store::Writer;

constexpr auto kHeartbeat = std::chrono::seconds(5);
constexpr std::size_t kLoggedChanges = 50'000;  // more are logged as "that import", and read from the entries
constexpr int kAttempts = 3;

// The keys that a list has already, asked for in rising order. Reads in pages that grow while the answers lie
// close together and shrink where they do not: a small import into a long list asks for little, a long one in
// strides.
class ExistingKeys {
  public:
    ExistingKeys(store::Store& store, std::int64_t list, Published published)
        : store_(store), list_(list), published_(std::move(published)) {}

    enum class Answer { absent, visible, leftover };
    Result<Answer> find(const Key& key) {
        while (at_ < keys_.size() && keys_[at_].first < key) ++at_;
        if (at_ == keys_.size() && more_) {
            const bool dense = !keys_.empty() && at_ > keys_.size() / 4 && used_;
            page_ = dense || keys_.empty() ? std::min<std::int64_t>(page_ * 4, kMostKeys)
                                           : std::max<std::int64_t>(page_ / 4, 1);
            if (auto status = read(key); !status) return pass(status.error());
        }
        if (at_ == keys_.size() || keys_[at_].first != key) return Answer::absent;
        return published_.contains(keys_[at_].second) ? Answer::visible : Answer::leftover;
    }

  private:
    Status read(const Key& first) {
        auto status = store_.read([&](Reader& reader) -> Status {
            keys_.clear();
            auto more = list_store::each_key(
                reader, list_, first, page_,
                [&](const Key& key, ImportId import) { keys_.emplace_back(key, import); });
            if (!more) return pass(more.error());
            more_ = *more;
            return {};
        });
        at_ = 0;
        used_ = true;
        return status;
    }

    static constexpr std::int64_t kMostKeys = 16'384;
    store::Store& store_;
    std::int64_t list_;
    Published published_;
    std::vector<std::pair<Key, ImportId>> keys_;
    std::size_t at_ = 0;
    bool more_ = true;
    bool used_ = false;
    std::int64_t page_ = 4;
};

class Importer {
  public:
    Importer(Lists::State& lists, std::string_view name, const ImportOptions& options)
        : lists_(lists), name_(name), options_(options), sorter_(lists.index_folder()) {
        report_.list = name_;
    }

    Result<ImportReport> run(int fd) {
        if (auto status = read_into(fd, options_, sorter_, report_); !status) return pass(status.error());
        auto decided = decide_undecided(sorter_, options_.undecided);
        if (!decided) return pass(decided.error());
        undecided_ = *decided;
        if (auto status = begin(); !status) return pass(status.error());
        auto status = stage_and_publish();
        if (!status) {
            undo();
            return pass(status.error());
        }
        lists_.notify();
        return std::move(report_);
    }

  private:
    // The list (made where there is none), no other import into it, and our own import's number.
    Status begin() {
        if (auto status = check_list_name(name_); !status) return status;
        ListSettings settings;
        settings.name = name_;
        settings.category = kDefaultCategory;
        const auto find_or_make = [&](Writer& writer) -> Status {
            auto list = list_store::find(writer, name_);
            if (!list) return pass(list.error());
            created_ = !*list;
            if (*list) {
                list_ = (*list)->id;
                return {};
            }
            auto id = list_store::insert_hidden(writer, settings, options_.who, lists_.clock.now());
            if (!id) return pass(id.error());
            list_ = *id;
            return {};
        };
        if (auto status = lists_.store.write(find_or_make); !status) return status;
        // What a killed import left would be in the way.
        auto cleaned = purge_leftovers(lists_.store, list_, lists_.clock.now(), Steady::time_point::max());
        if (!cleaned) return cleaned;
        return lists_.store.write([&](Writer& writer) -> Status {
            auto imports = list_store::imports(writer, list_);
            if (!imports) return pass(imports.error());
            for (const auto& import : *imports) {
                if (!import.published) {
                    return fail(ErrorCode::conflict,
                                "the list '" + name_ +
                                    "' is being imported into by another process: wait until "
                                    "it is done");
                }
            }
            auto id = list_store::begin_import(writer, list_, this_process(), to_utf8(options_.who),
                                               report_.format, lists_.clock.now());
            if (!id) return pass(id.error());
            import_ = *id;
            return {};
        });
    }

    Status stage_and_publish() {
        for (int attempt = 1;; ++attempt) {
            auto status = stage();
            if (status) return publish();
            // Somebody added one of our values between our look and our insert: look again.
            if (status.error().code != ErrorCode::conflict || attempt == kAttempts) return status;
            bool finished = false;
            if (auto again = clear_staged(finished); !again) return again;
        }
    }

    Status clear_staged(bool& finished) {
        std::optional<Key> after;
        while (!finished) {
            auto status = lists_.store.write(
                [&](Writer& writer) -> Status {
                    auto last = list_store::purge_some(writer, list_, import_, after, 10'000);
                    if (!last) return pass(last.error());
                    finished = !*last;
                    next_ = *last;
                    return {};
                },
                store::Durability::process);
            if (!status) return status;
            after = next_;
        }
        return {};
    }

    Status stage() {
        staged_ = {};
        changes_.clear();
        report_.added = 0;
        auto existing = published();
        if (!existing) return pass(existing.error());
        ExistingKeys keys(lists_.store, list_, std::move(*existing));
        auto bulk = lists_.store.bulk_load("hash_entry", list_store::entry_columns());
        if (!bulk) return pass(bulk.error());
        auto beat = Steady::now();
        std::uint64_t seen = 0;
        auto status = sorter_.each(undecided_, [&](const Sorter::Sorted& sorted) -> Status {
            if (++seen % kProgressEvery == 0 && options_.progress &&
                !options_.progress({ImportProgress::Step::storing, seen, report_.read})) {
                return stopped();
            }
            auto answer = keys.find(sorted.key);
            if (!answer) return pass(answer.error());
            if (*answer == ExistingKeys::Answer::visible) return {};
            if (*answer == ExistingKeys::Answer::leftover) {
                auto gone = lists_.store.write(
                    [&](Writer& writer) { return list_store::delete_entry(writer, list_, sorted.key); },
                    store::Durability::process);
                if (!gone) return gone;
            }
            const NewEntry entry{sorted.key, sorted.detail, sorted.state, sorted.note, {}};
            const auto row = list_store::staged_row(list_, import_, entry);
            if (auto added = bulk->add(store::Params(std::span<const store::Value>(row))); !added)
                return added;
            ++staged_.at(static_cast<std::size_t>(sorted.state));
            ++report_.added;
            if (changes_.size() <= kLoggedChanges)
                changes_.push_back({sorted.key, std::nullopt, sorted.state});
            return Steady::now() < beat ? Status{} : heartbeat(beat);
        });
        if (!status) return status;
        return bulk->finish();
    }

    Result<Published> published() {
        Result<Published> existing = Published{};
        auto status = lists_.store.read([&](Reader& reader) -> Status {
            existing = Published::load(reader, list_);
            return existing ? Status{} : Status(pass(existing.error()));
        });
        if (!status) return pass(status.error());
        return existing;
    }

    Status heartbeat(Steady::time_point& next) {
        next = Steady::now() + kHeartbeat;
        return lists_.store.write(
            [&](Writer& writer) { return list_store::keep_alive(writer, import_, lists_.clock.now()); },
            store::Durability::process);
    }

    Status publish() {
        report_.duplicate = report_.read - report_.added;
        return lists_.store.write([&](Writer& writer) -> Status {
            const Status published = publish_in(writer);
            return published && options_.along ? options_.along(writer, report_) : published;
        });
    }

    Status publish_in(Writer& writer) {
        auto taken = list_store::publish(writer, import_, lists_.clock.now());
        if (!taken) return pass(taken.error());
        if (created_) {
            if (auto seen = reveal(writer); !seen) return seen;
        }
        std::array<std::int64_t, 3> counts = staged_;
        bool none_taken = true;
        for (std::size_t i = 0; i < counts.size(); ++i) {
            counts.at(i) -= taken->at(i);
            none_taken = none_taken && taken->at(i) == 0;
        }
        if (report_.added == 0) return {};
        auto counted = list_store::add_counts(writer, list_, counts, lists_.clock.now());
        if (!counted) return counted;
        // Entries that were taken over have been logged by whoever did it.
        if (!none_taken || changes_.size() > kLoggedChanges) {
            return list_store::append(writer, LogItem::Kind::import, list_, import_, {});
        }
        return list_store::append(writer, LogItem::Kind::entries, list_, 0, pack_changes(changes_));
    }

    Status reveal(Writer& writer) {
        auto status = list_store::reveal(writer, list_, name_, lists_.clock.now());
        if (!status && status.error().code == ErrorCode::conflict) {
            return fail(ErrorCode::conflict, "somebody made the list '" + name_ +
                                                 "' while this import was being read: nothing was imported; "
                                                 "start again to add to that list");
        }
        if (!status) return status;
        return list_store::append(writer, LogItem::Kind::lists, list_, 0, {});
    }

    // After a failure: what was staged goes now, or, where even that fails, when the list is next imported
    // into or the lists are next opened. A list that was made for it was never seen.
    void undo() { (void)purge_import(lists_.store, list_, import_, Steady::time_point::max()); }

    Lists::State& lists_;
    std::string name_;
    const ImportOptions& options_;
    Sorter sorter_;
    ImportReport report_;
    Method undecided_ = Method::sha256;
    std::int64_t list_ = 0;
    bool created_ = false;
    ImportId import_ = 0;
    std::array<std::int64_t, 3> staged_{};
    std::vector<Change> changes_;
    std::optional<Key> next_;
};

}  // namespace

Result<ImportReport> Lists::import(std::string_view name, int fd, const ImportOptions& options) {
    if (auto status = check_list_name(name); !status) return pass(status.error());
    return Importer(*state_, name, options).run(fd);
}

}  // namespace rushlight::match
