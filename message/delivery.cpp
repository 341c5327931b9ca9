// One try to deliver an event: signs, sends, and decides what the answer means.
#include "base/text.h"
#include "message/job_body.h"
#include "message/message.h"
#include "message/message_store.h"
#include "message/retry_after.h"

#include <utility>

#include <openssl/crypto.h>

namespace rushlight::message {
namespace {

using namespace std::chrono_literals;
using queue::Job;
using queue::Verdict;

class Delivering {
  public:
    Delivering(store::Store& store, const Sealer& sealer, const Deliver& deliver, const Clock& clock)
        : store_(&store), sealer_(&sealer), deliver_(&deliver), clock_(&clock) {}

    Verdict operator()(Job& job) const {
        const auto what = parse_job_body(job.body);
        if (!what) return Verdict::give_up("the job cannot be read");
        Delivery delivery;
        auto found = store_->read([&](store::Reader& reader) {
            return find_delivery(reader, what->endpoint, what->event, clock_->now()).map([&](Delivery one) {
                delivery = std::move(one);
            });
        });
        if (!found) return found;
        if (!delivery.endpoint) return Verdict::done();  // it was removed
        if (!delivery.body) return Verdict::give_up("the event's content is no longer kept");
        if (delivery.endpoint->paused && delivery.type != "test")
            return Verdict::give_up("the endpoint is paused" + because(delivery.endpoint->why_paused));

        auto secrets = open(what->endpoint, delivery.secrets);
        if (!secrets)
            return Verdict::again("the endpoint's secret cannot be opened: " + secrets.error().message);
        const std::string signature = sign(*delivery.body, *secrets, clock_->now());
        for (std::string& secret : *secrets) ::OPENSSL_cleanse(secret.data(), secret.size());
        Attempt attempt{
            .event = what->event, .type = delivery.type, .number = job.attempt, .at = clock_->now()};
        const auto began = Steady::now();
        const auto answer = deliver_->post(delivery.endpoint->url,
                                           {{"Content-Type", "application/json"},
                                            {"Rushlight-Event", what->event},
                                            {"Rushlight-Type", delivery.type},
                                            {"Rushlight-Signature", signature}},
                                           *delivery.body, job.stopping);
        attempt.milliseconds =
            std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - began).count();
        attempt.status = answer.status;
        attempt.delivered = answer.status >= 200 && answer.status < 300;
        if (!attempt.delivered && answer.status == 0 && job.stopping.stop_requested())
            return Verdict::put_back();
        if (!attempt.delivered) attempt.why = words(answer);
        return settle(job, what->endpoint, attempt, answer);
    }

  private:
    static std::string because(const std::string& why) { return why.empty() ? "" : ": " + why; }

    static std::string words(const Deliver::Answer& answer) {
        if (answer.status == 0) return printable(answer.failure.substr(0, 300));
        const std::string said = "it answered " + std::to_string(answer.status);
        if (answer.status == 410) return said + " (gone)";
        if (answer.status >= 300 && answer.status < 400)
            return said + ": redirects are not followed, change the link";
        return said;
    }

    Result<std::vector<std::string>> open(EndpointId id, const SealedSecrets& sealed) const {
        std::vector<std::string> secrets;
        for (const ByteVector* one : {&sealed.current, &sealed.old}) {
            if (one->empty()) continue;
            auto secret = sealer_->open(secret_purpose(id), *one);
            if (!secret) return pass(secret.error());
            secrets.emplace_back(text_of(*secret));
            ::OPENSSL_cleanse(secret->data(), secret->size());
        }
        if (secrets.empty()) return fail(ErrorCode::corrupt, "there is none");
        return secrets;
    }

    // History and outcome are stored together.
    Verdict settle(Job& job, EndpointId id, const Attempt& attempt, const Deliver::Answer& answer) const {
        const bool test = attempt.type == "test";
        const bool gone = answer.status == 410;
        const bool last = job.attempt >= kAttempts;
        const bool over = attempt.delivered || test;
        const auto stored = store_->claim([&](store::Claimer& claimer) -> Status {
            if (auto kept = record(claimer, id, attempt); !kept) return kept;
            if (over) return queue::finish(claimer, job);
            if (!gone && !last) return {};
            const std::string why = gone ? attempt.why
                                         : "an event could not be delivered in " + std::to_string(kAttempts) +
                                               " tries; at last " + attempt.why;
            return pause_because(claimer, id, why);
        });
        if (!stored || over) return stored;
        if (gone) return Verdict::give_up(attempt.why);
        if (answer.status == 429 || answer.status == 503)
            if (const auto time = retry_after(answer.retry_after, clock_->now()))
                return Verdict::again_at(*time + 1s, attempt.why);
        return Verdict::again(attempt.why);
    }

    store::Store* store_;
    const Sealer* sealer_;
    const Deliver* deliver_;
    const Clock* clock_;
};

}  // namespace

queue::Kind deliveries(store::Store& store, const Sealer& sealer, const Deliver& deliver,
                       const Clock& clock) {
    return {.name = std::string(kJobKind),
            .run = Delivering(store, sealer, deliver, clock),
            .attempts = kAttempts,
            .first_delay = 10s,
            .longest_delay = 2h};
}

}  // namespace rushlight::message
