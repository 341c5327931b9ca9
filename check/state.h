// What a Service holds. Private to the room.
#pragma once

#include "check/check_store.h"
#include "check/service.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace rushlight::check {

// How many checks since the last time they were stored.
class Counter {
  public:
    void add(Decision decision, Action action) {
        counts_.at(static_cast<std::size_t>(decision))
            .at(static_cast<std::size_t>(action))
            .fetch_add(1, std::memory_order_relaxed);
    }
    // What was counted since the last call.
    std::vector<Count> take(Time now);
    // Gives back what could not be stored.
    void add_back(std::span<const Count> counts);

  private:
    std::array<std::array<std::atomic<std::int64_t>, 3>, 4> counts_{};
};

// Checks that are answered later, one after the other, on a thread of their own. What fails, or throws, is
// tried again after each of the pauses, while the others take their turns; then it is lost.
class LaterQueue {
  public:
    using Pauses = std::vector<std::chrono::milliseconds>;
    struct Waiting {
        std::string id;
        Content content;
        Asked asked;
        std::shared_ptr<void> keep{};
        std::size_t tries = 0;
        Steady::time_point not_before{};
    };
    using Work = std::function<Status(Waiting&)>;
    using Lost = std::function<Status(Waiting&, const Error& why)>;
    LaterQueue(Work work, Lost lost, Pauses pauses);
    ~LaterQueue() { stop(); }
    LaterQueue(const LaterQueue&) = delete;
    LaterQueue& operator=(const LaterQueue&) = delete;

    bool has_room() const;
    void push(Waiting waiting);
    bool idle() const;  // nothing waits and nothing is under way
    void stop();        // what waits is handed to `lost`

  private:
    void run();
    // Whether this was its last turn.
    bool take_turn(Waiting& waiting, bool stopped);

    const Work work_;
    const Lost lost_;
    const Pauses pauses_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Waiting> waiting_;
    bool busy_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

struct Service::State {
    explicit State(Parts the_parts);

    // Checks the bytes, and stores what follows; `id` is that of a later answer where `is_later`.
    Result<Reply> check(const Content& content, const Asked& asked, std::string id, bool is_later);
    // What else belongs into the transaction that stores the replies.
    struct With {
        std::string_view finished_later{};   // the id of the later answer that this is
        vault::HoldingArea* area = nullptr;  // the first reply's bytes, sealed there
        const vault::SealedFile* sealed = nullptr;
        std::optional<Steady::time_point> began{};  // where it is a file's
    };
    // Stores what each of the replies that matched leaves behind, and counts all.
    Status settle(std::span<Reply> replies, const Asked& asked, const With& with);
    Status store_counts();
    std::shared_ptr<const Policy> current_policy() const;
    void adopt(Policy policy);
    Reply reply_for(Outcome outcome, std::string id) const;
    std::string receipt_for(const Reply& reply, std::string_view hash) const;
    Status end_lost(std::string_view id, const Asked& asked, std::string_view why);
    Status make_canary_list();

    Parts parts;
    Checker checker;
    CheckStore store;
    std::string process;  // ours, among those that share the store
    Counter counter{};

    mutable std::mutex policy_mutex{};
    std::shared_ptr<const Policy> policy;

    std::mutex ticking{};
    std::int64_t seen_change = -1;
    Steady::time_point counts_stored{}, told_alive{}, retained{};

    mutable std::mutex canary_mutex{};
    CanaryState canary{};
    std::unique_ptr<LaterQueue> later{};  // last: it is gone before what its thread uses
};

// json.cpp: what webhooks are told of a reply: its JSON, and at most kMostEventBytes of it, however many
// matches there are and however long a video's entry is.
std::string event_of(const Reply& reply, bool correction = false);

// canary.cpp
ByteVector canary_picture();  // a PNG, the same bytes always
Pdq canary_pdq();             // what it must give

}  // namespace rushlight::check
