// audit: who did what to which thing, and when, as one append-only chain of entries in the store. Each entry
// holds the SHA-256 of the one before it (docs/formats/audit.md), so that nobody can change, remove or
// reorder one without changing all that follow; signed checkpoints (audit/verify.h) nail the chain's end.
//
//   store.write([&](store::Writer& writer) -> Status {
//       …                                                        // the change itself
//       return audit::append(writer, {.who = "account:" + me, .what = "account.created",
//                                     .on = {"account", id}, .detail = audit::detail({{"roles", "viewer"}})},
//                            clock.now()).map([](auto) {});
//   });
//
// Personal data is never in it in the clear: `who` and `on` are opaque ids of ours, and what belongs in an
// entry all the same (an e-mail address, an IP) goes in as a pseudonym. Whoever knows the value can check it
// against the entry for as long as the subject's salt is there; forget() deletes the salt, and with it the
// last way from the entry to the person, while the chain stays whole.
//
// Threads: all functions may be called from any thread. Entries of one store are numbered 1, 2, 3 … in the
// order in which they are committed; on PostgreSQL writers that meet wait for each other and run again.
// Errors: `invalid` where an event breaks the bounds below; the store's own else.
#pragma once

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rushlight::audit {

store::Schema schema();

inline constexpr std::size_t kMostName = 200;          // bytes of who, what, a kind
inline constexpr std::size_t kMostId = 512;            // … of an id
inline constexpr std::size_t kMostDetail = 16 * 1024;  // … of a detail

// A thing that something was done to.
struct Subject {
    std::string kind;  // "account", "key", "held_file"; lower case letters, digits, . and _
    std::string id;    // opaque; UTF-8 without NUL

    bool operator==(const Subject&) const = default;
};

struct Event {
    std::string who;            // "account:a1", "key:k7", "local:1000" (who sits at the machine), "system"
    std::string what;           // a stable verb: "account.created"; lower case letters, digits, . and _
    Subject on{};               // may be left out
    std::string detail = "{}";  // a JSON object in its canonical form, as detail() makes it
};

struct Entry {
    std::int64_t number = 0;  // from 1
    Time at;
    Event event;
    Sha256 previous;  // zeros in the first
    Sha256 digest;
};

// Adds an entry in the caller's transaction; returns its number (which a transaction that is undone, or runs
// again, gives back). Call it last: others that write an entry wait from here to the end of the transaction.
Result<std::int64_t> append(store::Writer& writer, const Event& event, Time at);

// One part of a detail: text, a whole number, yes or no, or several texts.
struct Field {
    std::string_view key;
    std::variant<std::string, std::int64_t, bool, std::vector<std::string>> value;
    // NOLINTBEGIN(google-explicit-constructor): so that a call can say {{"key", value}, …}
    Field(std::string_view k, std::string_view text) : key(k), value(std::string(text)) {}
    Field(std::string_view k, const std::string& text) : key(k), value(text) {}
    Field(std::string_view k, const char* text) : key(k), value(std::string(text)) {}
    Field(std::string_view k, bool yes) : key(k), value(yes) {}
    Field(std::string_view k, int number) : key(k), value(std::int64_t{number}) {}
    Field(std::string_view k, std::int64_t number) : key(k), value(number) {}
    Field(std::string_view k, std::vector<std::string> texts) : key(k), value(std::move(texts)) {}
    // NOLINTEND(google-explicit-constructor)
};
// The canonical JSON of these fields: keys in order of their bytes, no white space, whole numbers only. What
// is no UTF-8 is replaced by U+FFFD.
std::string detail(std::initializer_list<Field> fields);

// "h:" and 64 hexadecimal digits that stand for a value of this subject's: salted with the subject's own
// random salt, which is made where there is none yet. Equal values of one field of one subject give equal
// pseudonyms; between subjects nothing can be compared.
Result<std::string> pseudonym(store::Writer& writer, const Subject& subject, std::string_view field,
                              std::string_view value);
// What pseudonym() gave or would give; nullopt where the subject has no salt (any more).
Result<std::optional<std::string>> known_pseudonym(store::Store& store, const Subject& subject,
                                                   std::string_view field, std::string_view value);
// Throws the subject's salt away. Returns whether there was one. Append an entry that says so.
Result<bool> forget(store::Writer& writer, const Subject& subject);

// Which entries to show; what is not set does not matter.
struct Filter {
    std::optional<std::string> who{};
    std::optional<std::string> what{};     // "account.created", or all below: "account."
    std::optional<std::string> on_kind{};  // with or without the id
    std::optional<std::string> on_id{};
    std::optional<Time> from{}, to{};  // from <= at < to
};
struct Page {
    std::vector<Entry> entries;          // the newest first
    std::optional<std::int64_t> next{};  // `before` of the page behind; none: that was the last
};
// Up to `limit` (1 to 1000) entries with a number lower than `before`.
Result<Page> read(store::Store& store, const Filter& filter, std::optional<std::int64_t> before, int limit);

// The chain's end: the last entry's number and digest; number 0 where there is none.
struct LastEntry {
    std::int64_t number = 0;
    Sha256 digest;
};
Result<LastEntry> last_entry(store::Reader& reader);

}  // namespace rushlight::audit
