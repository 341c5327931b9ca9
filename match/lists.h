// Hash lists: what is known, and what is known to be harmless, kept in the store.
//
// A list holds entries (value, method, state, note, who added it and when). Changes are short transactions; a
// bulk import is staged, invisible, and published by one of them. Every change also goes into a change log,
// so that matchers in this process see it before the call returns, and those of other processes that follow
// the store within a second. docs/lists.md has the formats, the states and what each decision means.
//
// Thread-safety: all members may be called from any thread, and any number of processes may use one store.
// Two imports into one list at once: the second fails with `conflict`.
// Errors: `not_found` (no such list), `conflict`, `invalid` (a name, a threshold), else the store's own.
#pragma once

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "match/formats/formats.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::store {
class Store;
class Writer;
struct Schema;
}  // namespace rushlight::store

namespace rushlight::match {

using formats::EntryState;
using formats::Method;
using formats::Value;
using formats::VideoFrame;

// This room's tables, for store::Options::schemas.
store::Schema schema();

enum class ListKind : std::uint8_t {
    known,     // a match means something
    negative,  // known to be harmless: suppresses near matches that are no closer
};
std::string_view to_string(ListKind kind);
std::optional<ListKind> parse_list_kind(std::string_view text);

inline constexpr int kMaxThreshold = 63;
inline constexpr int kDefaultThreshold = 31;
inline constexpr int kDefaultShare = 80;
inline constexpr std::string_view kDefaultCategory = "csam";
inline constexpr std::string_view kDefaultNegativeCategory = "harmless";
inline constexpr std::size_t kMaxNameBytes = 100;

// What goes along with a change, in its transaction: a line of the audit log, an event. Told what came of the
// change; called last, perhaps more than once. Where it fails, nothing has changed.
template <class T>
using Along = std::function<Status(store::Writer&, const T&)>;

// What is near enough. Exact methods have none.
struct Thresholds {
    int pdq = kDefaultThreshold;     // bits, 0–63
    int vpdq = kDefaultThreshold;    // bits between two frames, 0–63
    int vpdq_share = kDefaultShare;  // per cent of the query's frames that must match, 1–100

    bool operator==(const Thresholds&) const = default;
};
// Sets one from "pdq=20", "vpdq=25" or "vpdq_share=60"; fails with `invalid` in words.
Status set_threshold(Thresholds& thresholds, std::string_view assignment);

// A list's name: 1–100 bytes of UTF-8 without '/', '.', control characters or white space at its ends, and
// without a leading '-', so that it can never be taken for a file or an option.
Status check_list_name(std::string_view name);
// On the command line a value with '/' or '.' is a file, anything else a stored list's name.
bool names_a_file(std::string_view name_or_file);

struct ListSettings {
    std::string name;
    ListKind kind = ListKind::known;
    std::string category;  // free text; empty: kDefaultCategory, or kDefaultNegativeCategory
    std::string source;    // free text: who gave it to us
    Thresholds thresholds;
    std::optional<Time> expires;  // from then on it is not matched any more
};

struct Counts {
    std::uint64_t active = 0, quarantined = 0, disabled = 0;

    std::uint64_t total() const { return active + quarantined + disabled; }
    bool operator==(const Counts&) const = default;
};

struct List : ListSettings {
    std::int64_t id = 0;
    Time created;
    std::string created_by;
    Time changed;  // the last change of the list or an entry of it
    Counts entries;
    std::optional<Sha256> content;  // of a list that is a file: of what it holds, in whatever order
};

struct Entry {
    Value value;
    EntryState state = EntryState::active;
    std::string note;
    std::string who;
    Time when;  // of the last change to it
};

// Which entries are wanted; empty: all.
struct EntryFilter {
    std::optional<EntryState> state{};
    std::string prefix{};  // hexadecimal digits that the hash begins with: of MD5, SHA-1, SHA-256 and PDQ
};
struct EntryPage {
    std::vector<Entry> entries;
    std::optional<std::string> next;  // the cursor of the page after this one; none: that was the last
};

struct Added {
    std::uint64_t added = 0, duplicate = 0;
};
struct Dropped {
    std::uint64_t dropped = 0, missing = 0;
};

struct BadLine {
    std::uint64_t line = 0;  // from 1
    std::string reason;
};
struct ImportReport {
    std::string list;
    std::string format;           // as formats::to_string says it
    std::uint64_t read = 0;       // values read, bad lines not among them
    std::uint64_t added = 0;      // new in the list
    std::uint64_t duplicate = 0;  // twice in the file, or in the list already
    std::uint64_t photodna = 0;   // of those read: kept and handed on, never matched; to be said to people
    std::uint64_t bad_lines = 0;  // exact, also where `bad` holds only the first ones
    std::vector<BadLine> bad;     // the first kMaxBadLines
};
inline constexpr std::size_t kMaxBadLines = 1000;

// How far an import is: it reads everything, then stores what is new.
struct ImportProgress {
    enum class Step : std::uint8_t { reading, storing } step = Step::reading;
    std::uint64_t done = 0;              // values, in this step
    std::optional<std::uint64_t> total;  // while reading, what the file's size lets expect; none of a pipe
};

struct ImportOptions {
    std::optional<formats::Format> format;  // none: told from the content
    std::optional<Method> method;           // of values whose method the file does not say
    std::optional<Method> undecided;        // what bare values of 64 digits are taken for where the file does
                                            // not tell by itself; none: then the import is refused
    EntryState state = EntryState::active;  // of entries whose state the file does not say
    std::string who;
    // Called now and then; returning false cancels, and nothing has changed.
    std::function<bool(const ImportProgress&)> progress;
    Along<ImportReport> along{};
};

// Told of every change that this object made, after it was committed and before the call returns.
class ListObserver {
  public:
    virtual ~ListObserver() = default;
    virtual void lists_changed() = 0;
};

class Lists {
  public:
    // Cleans up what a killed import left. `data` is the folder to keep snapshots (data/index) and spool
    // files in; it must exist. Store and clock must outlive this.
    static Result<std::unique_ptr<Lists>> open(store::Store& store, std::string data,
                                               const Clock& clock = system_clock());
    ~Lists();
    Lists(const Lists&) = delete;
    Lists& operator=(const Lists&) = delete;

    Result<List> create(const ListSettings& settings, std::string_view who, const Along<List>& along = {});
    // The list disappears at once; its entries are deleted in the background of this call, in small
    // transactions. A killed removal is finished by the next open(). `along` is told of the list as it was.
    Status remove(std::string_view name, const Along<List>& along = {});
    Result<List> find(std::string_view name) const;
    Result<std::vector<List>> all() const;  // by name
    // Changes category, source, thresholds and expiry; name and kind stay. Matchers go by it at once. `edit`
    // may be called more than once.
    Result<List> change(std::string_view name, const std::function<Status(ListSettings&)>& edit,
                        const Along<List>& along = {});

    // Adding what is there already changes nothing but is counted.
    Result<Added> add(std::string_view name, std::span<const Value> values, std::string_view who,
                      std::string_view note = {}, EntryState state = EntryState::active,
                      const Along<Added>& along = {});
    Result<Dropped> drop(std::string_view name, std::span<const Value> values,
                         const Along<Dropped>& along = {});
    // Fails with `not_found` where the list has no such entry. No note: it stays as it is.
    Status set(std::string_view name, const Value& value, EntryState state, std::optional<std::string> note,
               std::string_view who, const Along<List>& along = {});
    Result<std::optional<Entry>> entry(std::string_view name, const Value& value) const;

    // In a stable order; an empty cursor begins. Memory: `limit` entries (1–10,000).
    // Reads the whole list: `corrupt`, in words, where entries that it says it has can't be read.
    Status verify(std::string_view name) const;
    // With a filter a page may hold fewer entries than there are, even none, as long as it has a `next`:
    // each call looks at a bounded number of entries.
    Result<EntryPage> entries(std::string_view name, std::string_view cursor, std::size_t limit,
                              const EntryFilter& filter = {}) const;
    // Streams the whole list: CSV with a header (method, value, state, note, added_by, added_at), or JSON
    // lines with the same keys. import() reads either back with the same values, states and notes.
    Status export_to(std::string_view name, formats::Format format,
                     const std::function<Status(std::string_view)>& write) const;

    // Creates the list with default settings where there is none; it is seen together with its entries, not
    // before. Reads from the descriptor's position to its end, once (a pipe will do). Bounded memory. Fails,
    // with nothing changed, where no line can be read, where the format or the method cannot be told
    // (`invalid`, saying what to do), or where somebody else imports into the list or made it meanwhile
    // (`conflict`).
    Result<ImportReport> import(std::string_view name, int fd, const ImportOptions& options);

    void observe(ListObserver& observer);
    void forget(ListObserver& observer);

    struct State;
    State& state() const { return *state_; }  // for the matcher

  private:
    explicit Lists(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace rushlight::match
