// The tables of check: the policies, what matched, how many were asked, and whether the canary sang. Private
// to the room.
#pragma once

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "check/check.h"
#include "check/policy.h"
#include "store/store.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace rushlight::check {

// What a check left behind: only where something matched.
struct Seen {
    std::int64_t number = 0;  // rises; the cursor of a page
    std::string id;
    Time at;
    std::string by;
    Decision decision = Decision::none;
    Action action = Action::allow;
    std::string answer;   // JSON
    std::string context;  // JSON
    std::string held;     // the holding area's id, or empty
};

struct Count {
    Time minute;
    Decision decision = Decision::none;
    Action action = Action::allow;
    std::int64_t checks = 0;
};

struct CanaryRun {
    Time at;
    bool ok = false;
    std::int64_t ms = 0;
    std::string error;  // in words; empty where all is well
};

class CheckStore {
  public:
    explicit CheckStore(store::Store& store) : store_(&store) {}

    // The newest policy; the first one of all where none was saved yet.
    Result<Policy> policy();
    Result<std::vector<Policy>> policies(int limit);  // the newest first
    // Fails with `conflict` where the newest is not `expected` any more.
    static Result<Policy> save_policy(store::Writer& writer, Policy policy, std::int64_t expected);

    static Status save_seen(store::Writer& writer, const Seen& seen);
    Result<std::optional<Seen>> seen(std::string_view id);
    // Newest first, those with a number below `before` (none: from the newest on), and of one who asked
    // (empty: of everybody).
    Result<std::vector<Seen>> seen_page(std::optional<Decision> decision, std::optional<std::int64_t> before,
                                        int limit, std::string_view by);
    Result<std::int64_t> forget_seen(Time older_than);

    // Adds to what was counted for that minute.
    Status add_counts(std::span<const Count> counts);
    // Sums over steps of so many minutes, from `from` on; only steps in which something was counted.
    Result<std::vector<Count>> counts(Time from, Time to, std::int64_t step_minutes);

    Status save_canary(const CanaryRun& run, Time keep_since);
    Result<std::vector<CanaryRun>> canary_runs(int limit);  // newest first

    // Checks whose answer is to be fetched later. Their bytes live in the process that took them only: where
    // that one does not say any more that it is alive, they are lost.
    struct Later {
        std::string id;
        std::string by;
        Time at;
        std::string answer;  // JSON; empty: not done yet
    };
    Status save_later(const Later& later, std::string_view process);
    // Whether it had no answer yet: else nothing is changed.
    static Result<bool> finish_later(store::Writer& writer, std::string_view id, std::string_view answer);
    static Status correct_later(store::Writer& writer, std::string_view id, std::string_view answer);
    Result<std::optional<Later>> later(std::string_view id);
    Status say_alive(std::string_view process, Time now);
    Result<std::vector<Later>> lost(Time not_alive_since);
    Status forget_later(Time older_than);

  private:
    store::Store* store_;
};

}  // namespace rushlight::check
