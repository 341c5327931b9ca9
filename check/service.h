// service: a check asked by somebody, from its bytes or hashes to the action, with all that follows stored
// before the answer goes out.
//
// A check that matched leaves a row with its context, a finding in the store's outbox (topic `finding`, for
// cases), the bytes in the holding area where that is on, and a webhook: all in one transaction. A check with
// decision `none` writes no row; it only counts. Where what follows cannot be stored the check fails: nobody
// is told of a match that would be forgotten.
//
// Thread-safety: all members may be called from any thread.
#pragma once

#include "audit/signing.h"
#include "base/content.h"
#include "base/result.h"
#include "base/time.h"
#include "check/check.h"
#include "check/context.h"
#include "check/policy.h"
#include "store/store.h"
#include "vault/holding.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::check {

// The tables of this room, for Store::open.
store::Schema schema();

inline constexpr std::string_view kFindingTopic = "finding";
inline constexpr std::string_view kCanaryList =
    "rushlight canary";                        // a stored list that holds its one picture
inline constexpr std::size_t kMostLater = 64;  // checks waiting at once in one process
inline constexpr std::chrono::seconds kLaterLost{60};
inline constexpr std::size_t kMostEventBytes = std::size_t{256} << 10;  // that Parts::publish is given

struct Asked {
    std::string by;  // "key:k7", "account:a1": opaque
    Context context{};
    bool receipt = false;
};

struct Reply {
    std::string id;
    Time at;
    Outcome outcome;
    Verdict verdict;
    std::int64_t policy = 0;                          // the version that gave the verdict
    std::string held;                                 // the holding area's id of its bytes, or empty
    std::string receipt;                              // JSON, where it was wanted
    std::optional<std::chrono::microseconds> took{};  // of a file: from its bytes to here
};
// The keys of POST /api/v1/check; null where one does not apply.
nlohmann::ordered_json to_json(const Reply& reply);

// One of many hashes: what it asks for, as the asker wrote it.
struct HashAsked {
    std::string hash;
    match::Query query;
};

struct Later {
    std::string id;
    std::string by;
    Time at;
    bool done = false;
    std::string answer;  // JSON of the reply
};

struct SeenPage {
    std::vector<nlohmann::ordered_json> items;  // newest first
    std::optional<std::int64_t> next;
};

struct StatStep {
    Time at;
    std::int64_t exact = 0, near = 0, none = 0, unreadable = 0, held = 0, blocked = 0;
};

struct CanaryState {
    bool ok = false;
    std::optional<Time> last_ok;
    Time at;
    std::int64_t ms = 0;
    std::string error;
};

// What the service needs of others.
struct Parts {
    store::Store& store;
    match::Lists& lists;
    const match::Matcher& matcher;
    const media::Fingerprinter& fingerprinter;
    const Clock& clock;
    const audit::SigningKey* receipts = nullptr;  // none: no receipts
    // Where the bytes of a match are kept; asked for each check, since people switch it on and off. Empty
    // function or null: nowhere.
    std::function<std::shared_ptr<vault::HoldingArea>()> holding{};
    // A webhook, in the transaction of its reason.
    std::function<Status(store::Writer&, std::string_view type, std::string_view body, Time)> publish{};
    // Whether the clock can be believed: else nothing is forgotten for its age. Empty: it can.
    std::function<bool()> may_forget{};
    // Told of each check after it is stored, for the live view; must be quick.
    std::function<void(const Reply&, const Asked&)> checked{};
    // How long to wait before each further try of a later check that could not be stored.
    std::vector<std::chrono::milliseconds> later_pauses{std::chrono::seconds(1), std::chrono::seconds(4),
                                                        std::chrono::seconds(15), std::chrono::seconds(40)};
};

class Service {
  public:
    // Reads the policy, makes the canary's list. `parts` is copied; what it refers to must outlive the
    // service.
    static Result<std::unique_ptr<Service>> open(Parts parts);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    Result<Reply> check(const Content& content, const Asked& asked);
    // In their order. A hash whose threshold or form is wrong is not for here: the caller has left it out.
    Result<std::vector<Reply>> check(std::span<const HashAsked> hashes, const Asked& asked);
    // The same in two steps: answer() touches no disk; what it found is to be told to nobody before store()
    // has returned, which waits for the disk only where something matched.
    Result<std::vector<Reply>> answer(std::span<const HashAsked> hashes, const Asked& asked) const;
    static bool must_wait(std::span<const Reply> replies);  // store() would
    Status store(std::span<Reply> replies, const Asked& asked);

    // Takes the content over and answers its id at once; `limit` where too many wait. The answer is stored,
    // and published as `check.done`. What cannot be stored is tried again, and where that does not help, or
    // this process dies first, the check is answered as unreadable, with `hold` at the least: nobody looked.
    // `keep` lives as long as the content.
    Result<std::string> check_later(Content content, Asked asked, std::shared_ptr<void> keep = nullptr);
    Result<std::optional<Later>> later(std::string_view id);

    Policy policy() const;
    Result<std::vector<Policy>> policies();
    // Fails with `conflict` where the newest is not `expected`; `invalid` where a rule names a list that is
    // not.
    Result<Policy> save_policy(Policy policy, std::int64_t expected, std::string_view by);

    // Of one who asked, or, where `by` is empty, of everybody.
    Result<SeenPage> seen(std::optional<Decision> decision, std::optional<std::int64_t> before, int limit,
                          std::string_view by = {});
    Result<std::vector<StatStep>> stats(Time from, Time to, std::int64_t step_minutes);

    // One end-to-end trial: the canary's picture through the sandbox to a match, and for each list that is
    // searched one entry of it must be found. Stored, with its history; published when it is missed, and when
    // it is back.
    CanaryState sing();
    CanaryState canary() const;  // of the last one
    Result<std::vector<CanaryState>> canary_history(int limit);

    // To be called about once a second: stores counts, follows the policy, ends what is lost, keeps to
    // retention.
    Status tick();
    void
    stop();  // ends the checks that wait: those under way are finished, the others say that they are lost

  private:
    struct State;
    explicit Service(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace rushlight::check
