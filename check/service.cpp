#include "check/service.h"

#include "audit/audit.h"
#include "base/digest.h"
#include "base/random.h"
#include "base/text.h"
#include "check/receipt.h"
#include "check/state.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::check {
namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;

constexpr auto kStoreCountsEvery = 5s;
constexpr auto kTellAliveEvery = 10s;
constexpr auto kRetainEvery = 600s;
constexpr std::chrono::microseconds kKeepLater = 24h;
constexpr int kPoliciesShown = 100;

bool matched(const Outcome& outcome) {
    return !outcome.answer.matches.empty() || !outcome.answer.suppressed.empty();
}

std::string dumped(const ordered_json& object) {
    return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// What cases needs to open or extend a case without asking again.
std::string finding_of(const Reply& reply, const Asked& asked) {
    ordered_json finding{{"kind", "check"}, {"by", asked.by}, {"at", reply.at.rfc3339()}};
    finding["reply"] = to_json(reply);
    finding["context"] = to_json(asked.context);
    if (!reply.held.empty()) finding["held"] = reply.held;
    return dumped(finding);
}

std::string text_of(const Reply& reply, bool correction = false) {
    ordered_json object = to_json(reply);
    if (correction) object["correction"] = true;
    return dumped(object);
}

// The answer of a later check, once. Where it was called lost already, what has matched since corrects that,
// in words that say so; all else is left as it was told.
Status finish_later(store::Writer& writer, const Parts& parts, std::string_view id, const Reply& reply) {
    auto first = CheckStore::finish_later(writer, id, text_of(reply));
    if (!first) return pass(first.error());
    if (!*first) {
        if (!matched(reply.outcome)) return {};
        if (auto corrected = CheckStore::correct_later(writer, id, text_of(reply, true)); !corrected)
            return corrected;
    }
    if (!parts.publish) return {};
    return parts.publish(writer, "check.done", event_of(reply, !*first), reply.at);
}

Result<vault::SealedFile> seal(vault::HoldingArea& area, const Content& content, const Reply& reply) {
    std::string why(to_string(reply.outcome.decision));
    if (!reply.outcome.answer.matches.empty())
        why += " match on " + to_utf8(reply.outcome.answer.matches.front().list);
    auto incoming = area.begin({.why = why, .ref = reply.id});
    if (!incoming) return pass(incoming.error());
    ByteVector piece(256 * 1024);
    for (std::uint64_t at = 0;;) {
        const auto got = content.read_at(at, piece);
        if (!got) return pass(got.error());
        if (*got == 0) break;
        if (auto written = incoming->write(Bytes(piece).first(*got)); !written) return pass(written.error());
        at += *got;
    }
    return incoming->finish();
}

}  // namespace

std::vector<Count> Counter::take(Time now) {
    std::vector<Count> taken;
    for (std::size_t d = 0; d < counts_.size(); ++d) {
        for (std::size_t a = 0; a < counts_.at(d).size(); ++a) {
            const std::int64_t n = counts_.at(d).at(a).exchange(0, std::memory_order_relaxed);
            if (n > 0)
                taken.push_back({.minute = now,
                                 .decision = static_cast<Decision>(d),
                                 .action = static_cast<Action>(a),
                                 .checks = n});
        }
    }
    return taken;
}

void Counter::add_back(std::span<const Count> counts) {
    for (const Count& count : counts) {
        counts_.at(static_cast<std::size_t>(count.decision))
            .at(static_cast<std::size_t>(count.action))
            .fetch_add(count.checks, std::memory_order_relaxed);
    }
}

Service::State::State(Parts the_parts)
    : parts(std::move(the_parts)),
      checker(parts.fingerprinter, parts.matcher),
      store(parts.store),
      process(new_id("p")),
      policy(std::make_shared<const Policy>()) {}

std::shared_ptr<const Policy> Service::State::current_policy() const {
    const std::scoped_lock lock(policy_mutex);
    return policy;
}

void Service::State::adopt(Policy next) {
    auto fresh = std::make_shared<const Policy>(std::move(next));
    const std::scoped_lock lock(policy_mutex);
    policy.swap(fresh);
}

Reply Service::State::reply_for(Outcome outcome, std::string id) const {
    Reply reply;
    reply.id = std::move(id);
    reply.at = parts.clock.now();
    const auto now = current_policy();
    reply.verdict = apply(*now, outcome);
    reply.policy = now->version;
    reply.outcome = std::move(outcome);
    return reply;
}

std::string Service::State::receipt_for(const Reply& reply, std::string_view hash) const {
    const media::Fingerprint& fingerprint = reply.outcome.fingerprint;
    ReceiptFacts facts{.id = reply.id,
                       .at = reply.at,
                       .asked = {},
                       .decision = reply.outcome.decision,
                       .action = reply.verdict.action,
                       .policy = reply.policy,
                       .lists = {}};
    if (!hash.empty()) facts.asked.emplace_back("hash", to_utf8(hash));
    if (fingerprint.exact) facts.asked.emplace_back("sha256", fingerprint.exact->sha256.hex());
    if (fingerprint.pdq) facts.asked.emplace_back("pdq", fingerprint.pdq->hex());
    const match::Answer& answer = reply.outcome.answer;
    std::vector<match::List> searched;
    if (answer.lists) {
        std::ranges::copy_if(*answer.lists, std::back_inserter(searched), [&](const match::List& list) {
            return !list.expires || *list.expires > answer.at;
        });
    }
    facts.lists = searched;
    return make_receipt(facts, *parts.receipts).dump();
}

Status Service::State::settle(std::span<Reply> replies, const Asked& asked, const With& with) {
    std::vector<Seen> seen;
    std::vector<std::string> findings, events;
    for (Reply& reply : replies) {
        if (!matched(reply.outcome)) continue;
        if (with.sealed != nullptr) reply.held = with.sealed->id().hex();
        seen.push_back({.id = reply.id,
                        .at = reply.at,
                        .by = asked.by,
                        .decision = reply.outcome.decision,
                        .action = reply.verdict.action,
                        .answer = text_of(reply),
                        .context = dumped(to_json(asked.context)),
                        .held = reply.held});
        findings.push_back(finding_of(reply, asked));
        events.push_back(event_of(reply));
    }
    if (!seen.empty() || !with.finished_later.empty()) {
        const Status stored = parts.store.write([&](store::Writer& writer) -> Status {
            for (std::size_t i = 0; i < seen.size(); ++i) {
                if (auto saved = CheckStore::save_seen(writer, seen[i]); !saved) return saved;
                auto handed = store::outbox::append(writer, kFindingTopic, findings[i], seen[i].at);
                if (!handed) return handed;
                if (!parts.publish) continue;
                auto published = parts.publish(writer, "check.matched", events[i], seen[i].at);
                if (!published) return published;
            }
            if (!with.finished_later.empty()) {
                auto done = finish_later(writer, parts, with.finished_later, replies.front());
                if (!done) return done;
            }
            if (with.sealed == nullptr) return {};
            return with.area->enter(writer, *with.sealed, asked.by, replies.front().at)
                .map([](const vault::HeldFile&) {});
        });
        if (!stored) return stored;
    }
    for (Reply& reply : replies) {
        if (with.began)
            reply.took = std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - *with.began);
        counter.add(reply.outcome.decision, reply.verdict.action);
        if (parts.checked) parts.checked(reply, asked);
    }
    return {};
}

Result<Reply> Service::State::check(const Content& content, const Asked& asked, std::string id,
                                    bool is_later) {
    const auto began = Steady::now();
    Reply reply = reply_for(checker.check(content, asked.by), std::move(id));
    const std::string later_id = is_later ? reply.id : std::string();
    if (asked.receipt && parts.receipts != nullptr) reply.receipt = receipt_for(reply, {});
    const auto area = parts.holding ? parts.holding() : nullptr;
    std::optional<vault::SealedFile> sealed;
    if (area && area->on() && reply.verdict.action != Action::allow && matched(reply.outcome)) {
        auto kept = seal(*area, content, reply);
        // Whatever it was (a full quota, a folder that is none): it is ours to mend, not the asker's.
        if (!kept) return fail(ErrorCode::io, "what matched cannot be held: " + kept.error().message);
        sealed = std::move(*kept);
    }
    const Status stored = settle({&reply, 1}, asked,
                                 {.finished_later = later_id,
                                  .area = area.get(),
                                  .sealed = sealed ? &*sealed : nullptr,
                                  .began = began});
    if (!stored) return pass(stored.error());
    return reply;
}

Status Service::State::store_counts() {
    const auto counts = counter.take(parts.clock.now());
    if (counts.empty()) return {};
    auto stored = store.add_counts(counts);
    if (!stored) counter.add_back(counts);
    return stored;
}

Service::Service(std::unique_ptr<State> state) : state_(std::move(state)) {}
Service::~Service() { stop(); }

Result<std::unique_ptr<Service>> Service::open(Parts parts) {
    auto state = std::make_unique<State>(std::move(parts));
    auto policy = state->store.policy();
    if (!policy) return pass(policy.error());
    state->adopt(std::move(*policy));
    if (auto made = state->make_canary_list(); !made) return pass(made.error());
    State* const all = state.get();
    state->later = std::make_unique<LaterQueue>(
        [all](LaterQueue::Waiting& waiting) {
            return all->check(waiting.content, waiting.asked, waiting.id, true).map([](const Reply&) {});
        },
        [all](LaterQueue::Waiting& waiting, const Error& why) {
            return all->end_lost(waiting.id, waiting.asked, why.message);
        },
        all->parts.later_pauses);
    return std::unique_ptr<Service>(new Service(std::move(state)));
}

Result<Reply> Service::check(const Content& content, const Asked& asked) {
    return state_->check(content, asked, new_id("ck_"), false);
}

Result<std::vector<Reply>> Service::check(std::span<const HashAsked> hashes, const Asked& asked) {
    auto replies = answer(hashes, asked);
    if (!replies) return replies;
    if (auto stored = store(*replies, asked); !stored) return pass(stored.error());
    return replies;
}

Result<std::vector<Reply>> Service::answer(std::span<const HashAsked> hashes, const Asked& asked) const {
    std::vector<Reply> replies;
    replies.reserve(hashes.size());
    for (const HashAsked& one : hashes) {
        auto outcome = state_->checker.decide(one.query);
        if (!outcome) return pass(outcome.error());
        replies.push_back(state_->reply_for(std::move(*outcome), new_id("ck_")));
        if (asked.receipt && state_->parts.receipts != nullptr)
            replies.back().receipt = state_->receipt_for(replies.back(), one.hash);
    }
    return replies;
}

bool Service::must_wait(std::span<const Reply> replies) {
    return std::ranges::any_of(replies, [](const Reply& reply) { return matched(reply.outcome); });
}

Status Service::store(std::span<Reply> replies, const Asked& asked) {
    return state_->settle(replies, asked, {});
}

Policy Service::policy() const { return *state_->current_policy(); }

Result<std::vector<Policy>> Service::policies() { return state_->store.policies(kPoliciesShown); }

Result<Policy> Service::save_policy(Policy policy, std::int64_t expected, std::string_view by) {
    const auto lists = state_->parts.lists.all();
    if (!lists) return pass(lists.error());
    for (std::size_t i = 0; i < policy.rules.size(); ++i) {
        const auto& name = policy.rules[i].list;
        if (name && std::ranges::find(*lists, *name, &match::List::name) == lists->end())
            return fail(ErrorCode::invalid, "rule " + std::to_string(i + 1) +
                                                " is for a list that does not exist: " + printable(*name));
    }
    policy.by = by;
    policy.at = state_->parts.clock.now();
    Policy saved;
    const Status written = state_->parts.store.write([&](store::Writer& writer) -> Status {
        auto kept = CheckStore::save_policy(writer, policy, expected);
        if (!kept) return pass(kept.error());
        saved = std::move(*kept);
        return audit::append(
                   writer,
                   {.who = std::string(by),
                    .what = "policy.saved",
                    .on = {"policy", std::to_string(saved.version)},
                    .detail = audit::detail({{"rules", static_cast<std::int64_t>(saved.rules.size())},
                                             {"sha256", sha256_of(bytes_of(to_json(saved).dump())).hex()}})},
                   saved.at)
            .map([](std::int64_t) {});
    });
    if (!written) return pass(written.error());
    state_->adopt(saved);
    return saved;
}

Result<SeenPage> Service::seen(std::optional<Decision> decision, std::optional<std::int64_t> before,
                               int limit, std::string_view by) {
    auto rows = state_->store.seen_page(decision, before, limit + 1, by);
    if (!rows) return pass(rows.error());
    SeenPage page;
    if (std::cmp_greater(rows->size(), limit)) {
        rows->pop_back();
        page.next = rows->back().number;
    }
    for (const Seen& row : *rows) {
        auto item = ordered_json::parse(row.answer, nullptr, false);
        if (!item.is_object()) continue;
        item["at"] = row.at.rfc3339();
        item["by"] = row.by;
        item["context"] = ordered_json::parse(row.context, nullptr, false);
        item["held"] = !row.held.empty();
        page.items.push_back(std::move(item));
    }
    return page;
}

Result<std::vector<StatStep>> Service::stats(Time from, Time to, std::int64_t step_minutes) {
    if (auto stored = state_->store_counts(); !stored) return pass(stored.error());
    const auto counts = state_->store.counts(from, to, step_minutes);
    if (!counts) return pass(counts.error());
    std::vector<StatStep> steps;
    for (const Count& count : *counts) {
        if (steps.empty() || steps.back().at != count.minute) steps.push_back({.at = count.minute});
        StatStep& step = steps.back();
        (count.decision == Decision::exact  ? step.exact
         : count.decision == Decision::near ? step.near
         : count.decision == Decision::none ? step.none
                                            : step.unreadable) += count.checks;
        if (count.action == Action::hold) step.held += count.checks;
        if (count.action == Action::block) step.blocked += count.checks;
    }
    return steps;
}

Status Service::tick() {
    State& s = *state_;
    const std::scoped_lock lock(s.ticking);
    const Time now = s.parts.clock.now();
    const auto steady = Steady::now();
    if (steady - s.counts_stored >= kStoreCountsEvery) {
        s.counts_stored = steady;
        if (auto stored = s.store_counts(); !stored) return stored;
    }
    const auto change = s.parts.store.changes();
    if (!change) return pass(change.error());
    if (*change != s.seen_change) {
        s.seen_change = *change;
        auto policy = s.store.policy();
        if (!policy) return pass(policy.error());
        if (policy->version != s.current_policy()->version) s.adopt(std::move(*policy));
    }
    if (steady - s.told_alive >= kTellAliveEvery) {
        s.told_alive = steady;
        if (!s.later->idle()) {
            if (auto said = s.store.say_alive(s.process, now); !said) return said;
        }
        const auto lost = s.store.lost(now + -std::chrono::microseconds(kLaterLost));
        if (!lost) return pass(lost.error());
        for (const auto& one : *lost) {
            auto ended =
                s.end_lost(one.id, {.by = one.by}, "the server that took it ended before its turn came");
            if (!ended) return ended;
        }
    }
    if (steady - s.retained >= kRetainEvery && (!s.parts.may_forget || s.parts.may_forget())) {
        s.retained = steady;
        if (auto kept = s.store.forget_later(now + -kKeepLater); !kept) return kept;
    }
    return {};
}

void Service::stop() {
    if (!state_) return;
    state_->later->stop();
    (void)state_->store_counts();
}

}  // namespace rushlight::check
