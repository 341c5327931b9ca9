// The matcher: one fingerprint → decision, explained.
//
// Rules (docs/lists.md): exact is an equal MD5, SHA-1 or SHA-256; near is PDQ or vPDQ within the list's
// threshold (distance 0 too). Quality below 50 makes no PDQ match. A negative entry at distance n suppresses
// near matches at distance ≥ n, never an exact one. Quarantined entries are reported, and never decide.
// Disabled entries and expired lists are not searched. PhotoDNA is never matched.
//
// All in memory: exact tables and near indexes, ready from a mapped snapshot in data/index where there is one
// of the store's present version, else built from the store.
//
// Thread-safety: match() may be called from any number of threads and never waits for a change. What Lists of
// this process changed is seen by every match() that begins after that call has returned; what others changed
// within kFollowInterval (a background thread follows the store's change log), or after refresh().
#pragma once

#include "base/hash.h"
#include "base/reason.h"
#include "base/result.h"
#include "match/index/near_index.h"
#include "match/lists.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::match {

inline constexpr int kMinimumQuality = 50;
inline constexpr std::chrono::milliseconds kFollowInterval{250};

enum class Decision : std::uint8_t { exact, near, none };
std::string_view to_string(Decision decision);

// How the asked-about picture was turned to be like the listed one. In the order of Query::dihedral after
// `original`: rot270 (90° anticlockwise), rot180, rot90 (clockwise), flip_vertical (top to bottom),
// flip_horizontal (left to right), transpose (on the main diagonal), transverse (on the other).
enum class Orientation : std::uint8_t {
    original,
    rot270,
    rot180,
    rot90,
    flip_vertical,
    flip_horizontal,
    transpose,
    transverse,
};
std::string_view to_string(Orientation orientation);

struct Query {
    std::optional<Md5> md5;
    std::optional<Sha1> sha1;
    std::optional<Sha256> sha256;
    std::optional<Pdq> pdq;
    std::optional<int> quality;                  // of `pdq`; none: a raw hash, searched all the same
    std::optional<std::array<Pdq, 7>> dihedral;  // in the order of media/pdq/pdq.h
    std::vector<VideoFrame> frames;
    std::optional<int> threshold;  // 0–63, for PDQ and for the frames of vPDQ, in place of the lists' own
    bool explain = false;
};
// What a listed value asks for, as `rushlight match HASH` does. PhotoDNA gives an empty query.
Query query_of(const Value& value);

// A match's `distance` for vPDQ is the greatest, over the query's matching frames, of the least to any listed
// one.
struct Shares {
    int query = 0;   // per cent of the query's frames that match, rounded down
    int listed = 0;  // per cent of the listed video's frames that match
};

struct Match {
    std::string list;
    ListKind kind = ListKind::known;
    std::string category;
    std::string entry;  // the value as listed, canonical
    Method method = Method::md5;
    EntryState state = EntryState::active;  // active or quarantined
    int distance = 0;                       // 0 for exact; for vPDQ see Shares
    int threshold = 0;                      // that it was held against; 0 for exact
    Orientation orientation = Orientation::original;
    std::optional<Shares> shares;  // vPDQ only
};

// A near match that a negative entry, no further away, took back.
struct Suppressed {
    Match match;
    Match by;         // the closest negative entry
    std::string why;  // in words
};

// What was searched, and at what cost: for `--explain`.
struct Explanation {
    struct Search {
        Method method = Method::md5;
        Orientation orientation = Orientation::original;
        int distance = 0;              // the widest threshold of the lists searched
        std::uint64_t entries = 0;     // entries of this method in the index
        std::uint64_t candidates = 0;  // of which so many were compared in full
        bool scanned = false;          // the threshold is above what the index covers: all were compared
    };
    struct Searched {
        std::string list;
        ListKind kind = ListKind::known;
        Thresholds thresholds;  // that were applied
        std::string note;       // empty, or why the list was left out
    };
    std::vector<Searched> lists;
    std::vector<Search> searches;
    std::vector<std::string> remarks;  // what was left out of the search and why, in words
};

struct Answer {
    Decision decision = Decision::none;  // by active entries that nothing suppressed
    std::vector<Match> matches;          // exact first, then by distance, method, list, entry; one per entry
    std::vector<Suppressed> suppressed;  // in the same order
    std::optional<Reason> reason;        // low_quality: a PDQ or vPDQ search was left out
    std::uint64_t left_out = 0;  // further ones behind the first kMaxMatches of `matches` or `suppressed`
    std::optional<Explanation> explanation;
    // The lists as they were searched, by name; those that had expired by `at` were left out. Null in an
    // answer that no matcher gave.
    std::shared_ptr<const std::vector<List>> lists;
    Time at{};
};
inline constexpr std::size_t kMaxMatches = 10'000;

// What to match against: all stored lists, or these names and files together.
struct Sources {
    bool all_stored = false;  // every list of known or negative kind that has not expired
    std::vector<std::string> stored{};
    std::vector<std::string>
        files{};  // read into memory, the store untouched; the list is called as the file
    std::optional<Method> file_method{};     // of values whose method a file does not say
    std::optional<Method> file_undecided{};  // as ImportOptions::undecided
};

class Matcher {
  public:
    // `lists` may be null where only files are asked for, and must outlive the matcher otherwise. Fails with
    // `not_found` (a list, a file), `invalid` (a named list has expired; a file that is no hash list).
    static Result<std::unique_ptr<Matcher>> open(Lists* lists, const Sources& sources,
                                                 const Clock& clock = system_clock());
    ~Matcher();
    Matcher(const Matcher&) = delete;
    Matcher& operator=(const Matcher&) = delete;

    // Fails with `invalid` where the threshold is outside 0–63.
    Result<Answer> match(const Query& query) const;

    // Takes over what has changed in the store since. Also happens by itself.
    Status refresh();
    // What reading each of Sources::files gave, bad lines included.
    const std::vector<ImportReport>& files() const;
    // The lists being matched, with how many entries of each are searched.
    std::vector<List> lists() const;
    // How it got ready: "snapshot", "store", "files" or "store and files"; for the benchmark and the log.
    std::string_view origin() const;
    std::size_t memory_bytes() const;

    struct State;

  private:
    explicit Matcher(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace rushlight::match
