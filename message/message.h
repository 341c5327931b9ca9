// message: tells other programs what happened, by webhooks: a POST of signed JSON to each endpoint that wants
// it.
//
//   auto made = create_endpoint(w, sealer, {.url = "https://platform.example/hook"}, now);  // made->secret:
//   shown once publish(w, "check.matched", R"({"check":"c1"})", now);   // in the transaction that has the
//   reason queue::Workers::start(store, {deliveries(store, sealer, *deliver_with(client), clock)}, …);
//
// An event becomes one job of the queue for each endpoint that wants its type, so it is sent if and only if
// the transaction that published it was committed, at least once: receivers tell a second copy by its id.
// Events of one endpoint arrive in the order of their publication; while one of them is being tried again the
// later ones wait. docs/formats/webhook.md has what is sent, and how a receiver checks it.
//
// Delivered is what was answered with 2xx; the answer's content is not looked at, redirects are not followed.
// After anything else it is tried again, 16 times within 6 to 13 hours; 429 and 503 may say when
// (Retry-After). What is refused for good (410), or failed each time, goes to the dead letters and pauses the
// endpoint, so that the events behind it do not wait for hours each. What a paused endpoint should get goes
// to the dead letters at once, and can be sent again, in order, when it is active. A test is tried once, and
// ends in the history whatever came of it.
//
// Secrets are sealed at rest and shown once. The history holds no content; events are deleted by forget().
//
// Threads: any. Errors: `invalid` for what breaks a rule below, `not_found` for what is not there, `limit`.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "message/signature.h"
#include "queue/queue.h"
#include "store/store.h"

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rushlight::net {
class Client;
}

namespace rushlight::message {

store::Schema schema();

// Rooms that publish something new add their types here.
inline constexpr std::array<std::string_view, 8> kEventTypes{"check.done",  "check.matched", "canary.missed",
                                                             "canary.back", "list.changed",  "disk.full",
                                                             "disk.room",   "test"};

inline constexpr std::string_view kJobKind = "message.deliver";
inline constexpr int kAttempts = 16;
inline constexpr int kMostEndpoints = 100;
inline constexpr std::size_t kMostUrl = 2'000;                    // bytes
inline constexpr std::size_t kMostData = std::size_t{256} << 10;  // bytes of an event's JSON
inline constexpr int kHistory = 200;                              // attempts kept of each endpoint

// Seals secrets for the store; the vault's has the same calls. Thread-safe.
class Sealer {
  public:
    virtual ~Sealer() = default;
    virtual Result<ByteVector> seal(std::string_view purpose, Bytes secret) const = 0;
    virtual Result<ByteVector> open(std::string_view purpose, Bytes sealed) const = 0;
};

struct EndpointId {
    std::int64_t value = 0;
    auto operator<=>(const EndpointId&) const = default;
};

struct Endpoint {
    EndpointId id{};
    std::string url{};
    std::vector<std::string> events{};  // the types that it wants; empty: all
    bool paused = false;
    std::string why_paused{};  // in words, where it was not a person
    Time created_at{};
    std::optional<Time> old_secret_until{};  // while two secrets are valid
};

struct NewEndpoint {
    std::string_view url;  // http or https, without credentials and fragment
    std::vector<std::string> events = {};
};
struct Created {
    EndpointId id{};
    std::string secret{};  // never shown again
};
Result<Created> create_endpoint(store::Writer& writer, const Sealer& sealer, const NewEndpoint& endpoint,
                                Time now);
Result<std::vector<Endpoint>> endpoints(store::Reader& reader);
Result<Endpoint> endpoint(store::Reader& reader, EndpointId id);
Status change_endpoint(store::Writer& writer, EndpointId id, const NewEndpoint& endpoint);
Status pause(store::Writer& writer, EndpointId id);
Status activate(store::Writer& writer, EndpointId id);
// With its history and dead letters; what waits for it is forgotten when its turn comes.
Status remove_endpoint(store::Writer& writer, EndpointId id);
// A new secret, shown once. Until `overlap` is over, events are signed with the one before as well.
Result<std::string> rotate_secret(store::Writer& writer, const Sealer& sealer, EndpointId id,
                                  std::chrono::seconds overlap, Time now);

// `data` is one JSON value. To how many endpoints it goes. `invalid` for a type that is not in kEventTypes.
Result<int> publish(store::Writer& writer, std::string_view type, std::string_view data, Time now);
// To this endpoint, at once and once, paused or not. The event's id, by which the history shows what came of
// it.
Result<std::string> send_test(store::Writer& writer, EndpointId id, Time now);

// One try.
struct Attempt {
    std::string event{};  // its id
    std::string type{};
    int number = 0;  // from 1
    Time at{};
    std::int64_t milliseconds = 0;
    int status = 0;  // of HTTP; 0 where there was no answer
    bool delivered = false;
    std::string why{};  // in words, where it was not delivered
};
// The newest first.
Result<std::vector<Attempt>> history(store::Reader& reader, EndpointId id, int limit = 50);
// What was sent, or would be; nullopt where it is no longer kept.
Result<std::optional<std::string>> event_body(store::Reader& reader, std::string_view event);

// The newest first; `below` as in queue::DeadQuery. Their bodies name endpoint and event.
Result<std::vector<queue::DeadLetter>> dead_letters(store::Reader& reader, EndpointId id,
                                                    queue::JobId below = {}, int limit = 50);
// Sends up to `limit` again, the oldest first, behind what waits already. How many.
Result<int> resend_dead(store::Writer& writer, EndpointId id, Time now, int limit = 100);
// Retention: the content of events and the tries from before that time, up to `limit` of each. How many. Keep
// some days: an event that is still to be sent goes to the dead letters without its content.
Result<std::int64_t> forget(store::Writer& writer, Time before, int limit = 1'000);

// Sends one POST.
class Deliver {
  public:
    struct Answer {
        int status = 0;             // 0: none
        std::string retry_after{};  // the header, as it came
        std::string failure{};      // in words, where there was no answer
    };
    virtual ~Deliver() = default;
    virtual Answer post(const std::string& url,
                        const std::vector<std::pair<std::string, std::string>>& headers,
                        const std::string& body, const std::stop_token& stop) const = 0;
};
// Under the client's guard, each post so long at most. The client must outlive it.
std::unique_ptr<Deliver> deliver_with(const net::Client& client,
                                      std::chrono::milliseconds patience = std::chrono::seconds(30));

// What queue::Workers need to deliver. All must outlive them.
queue::Kind deliveries(store::Store& store, const Sealer& sealer, const Deliver& deliver, const Clock& clock);

}  // namespace rushlight::message
