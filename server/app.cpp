#include "server/app.h"

#include "audit/verify.h"
#include "base/text.h"
#include "queue/queue.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::server {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::microseconds kKeepIdempotency = 24h;
constexpr std::chrono::microseconds kKeepEvents = 24h * 14;

std::int64_t steady_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now().time_since_epoch()).count();
}

Result<sandbox::Pool> pool_of(const Config& config, const std::string& program) {
    sandbox::Options options;
    options.program = program;
    options.limits.memory = static_cast<std::uint64_t>(config.sandbox.memory_mb) << 20;
    options.limits.time = std::chrono::seconds(config.sandbox.seconds);
    options.limits.output =
        std::max(options.limits.output, static_cast<std::uint64_t>(config.archive.member_mb) << 20);
    options.children = std::max(1u, std::thread::hardware_concurrency());
    options.allow_weak = config.sandbox.allow_weak;
    return sandbox::Pool::create(std::move(options));
}

std::vector<std::string> folders_of(const Config& config) {
    std::vector<std::string> folders;
    for (const std::string_view folder : split(config.scan.folders, ':')) {
        if (!folder.empty()) folders.emplace_back(folder);
    }
    return folders;
}

nlohmann::ordered_json progress_of(scan::RunId id, const scan::Progress& progress, bool ended) {
    nlohmann::ordered_json object{{"id", std::to_string(id)},
                                  {"ended", ended},
                                  {"progress", {{"files", progress.files}, {"items", progress.items}}}};
    if (progress.total) object["progress"]["total"] = *progress.total;
    return object;
}

// The vault's sealer, as message wants it.
class MessageSealer final : public message::Sealer {
  public:
    explicit MessageSealer(const vault::Sealer& sealer) : sealer_(sealer) {}
    Result<ByteVector> seal(std::string_view purpose, Bytes secret) const override {
        return sealer_.seal(purpose, secret);
    }
    Result<ByteVector> open(std::string_view purpose, Bytes sealed) const override {
        return sealer_.open(purpose, sealed);
    }

  private:
    const vault::Sealer& sealer_;
};

// Sends as the one within, and counts what comes of it.
class CountedDeliver final : public message::Deliver {
  public:
    CountedDeliver(std::unique_ptr<Deliver> inner, Metrics& metrics, const Log& log)
        : inner_(std::move(inner)), metrics_(metrics), log_(log) {}
    Answer post(const std::string& url, const std::vector<std::pair<std::string, std::string>>& headers,
                const std::string& body, const std::stop_token& stop) const override {
        Answer answer = inner_->post(url, headers, body, stop);
        const bool delivered = answer.status >= 200 && answer.status < 300;
        metrics_.webhook(delivered            ? WebhookOutcome::delivered
                         : answer.status == 0 ? WebhookOutcome::unreachable
                                              : WebhookOutcome::refused);
        // Where it went stands in the console's history of tries; links may hold secrets.
        if (!delivered && !stop.stop_requested())
            log_.warn("message", "webhook.failed", {{"status", answer.status}});
        return answer;
    }

  private:
    std::unique_ptr<Deliver> inner_;
    Metrics& metrics_;
    const Log& log_;
};

Log log_of(const AppOptions& options) {
    return Log({.least = parse_log_level(options.config.log.level).value_or(LogLevel::info),
                .json = ::isatty(STDERR_FILENO) == 0,
                .clock = options.clock});
}

// Keeps what a function returns, or hands its error on.
template <class T, class Slot>
Status put(Result<T> made, Slot& slot) {
    if (!made) return pass(made.error());
    slot = std::move(*made);
    return {};
}
template <class T>
Status put(Result<T> made, std::optional<T>& slot) {
    if (!made) return pass(made.error());
    slot.emplace(std::move(*made));
    return {};
}

}  // namespace

App::App(const AppOptions& the_options)
    : options(the_options),
      clock(*the_options.clock),
      started(the_options.clock->now()),
      log(log_of(the_options)),
      reserve(the_options.config.data, static_cast<std::uint64_t>(the_options.config.serve.reserve_mb)
                                           << 20) {}

App::~App() { stop(); }

Result<std::unique_ptr<App>> App::open(const AppOptions& options) {
    std::unique_ptr<App> app(new App(options));
    if (auto opened = app->open_parts(); !opened) return pass(opened.error());
    if (auto opened = app->open_readers(); !opened) return pass(opened.error());
    return app;
}

Status App::open_parts() {
    const Config& config = options.config;
    const Time now = clock.now();
    Status made = put(store::Store::open({.where = config.store.empty() ? config.data : config.store,
                                          .schemas = options.schemas}),
                      store);
    if (made) made = put(store->life(), life_);
    if (made)
        made = put(
            vault::Sealer::open(*store, {.data = config.data, .passphrase = options.passphrase, .now = now}),
            sealer);
    if (made) made = put(sealer->signing_key(*store, "receipt", now), receipt_key);
    if (made) made = put(sealer->signing_key(*store, "audit", now), audit_key);
    if (made) made = put(accounts::Accounts::open(*store, *sealer, {}, now), accounts);
    if (made) made = put(accounts::ApiKeys::open(*store), keys);
    if (made) made = put(match::Lists::open(*store, config.data, clock), lists);
    if (made) made = put(match::Matcher::open(lists.get(), {.all_stored = true}, clock), matcher);
    if (made) made = put(SettingsKeeper::open(*store), settings);
    if (!made) return made;
    idempotency.emplace(*store, *sealer);
    return reopen_area();
}

Status App::open_readers() {
    const Config& config = options.config;
    Status made = put(pool_of(config, options.light_program), light);
    if (made) made = put(pool_of(config, options.all_program), all);
    if (!made) return made;
    fingerprinter.emplace(*light, *all);
    message_sealer = std::make_unique<MessageSealer>(*sealer);
    auto guard = net::Guard::create(options.allowed_targets);
    if (!guard) return pass(guard.error());
    if (!options.nothing_else.empty()) guard->admit_nothing_else(options.nothing_else);
    allowed_targets = guard->allowed();
    if (auto audited = audit_targets(); !audited) return audited;
    made = put(net::Client::create({.guard = std::move(*guard), .dns = config.net.dns}), client);
    if (!made) return made;
    scans = std::make_unique<ScanRunner>(folders_of(config),
                                         [this](scan::RunId id, const scan::Progress& progress, bool ended) {
                                             hub.publish("scan", progress_of(id, progress, ended).dump());
                                         });
    return put(check::Service::open(
                   {.store = *store,
                    .lists = *lists,
                    .matcher = *matcher,
                    .fingerprinter = *fingerprinter,
                    .clock = clock,
                    .receipts = &*receipt_key,
                    // On a full disk publish() refuses the match as a whole: its bytes need not be tried.
                    .holding = [this] { return reserve.full() ? nullptr : area(); },
                    .publish = [this](store::Writer& writer, std::string_view type, std::string_view body,
                                      Time at) { return publish(writer, type, body, at); },
                    .may_forget = [this] { return clock_watch.trusted(); },
                    .checked = [this](const check::Reply& reply,
                                      const check::Asked& asked) { checked(reply, asked); }}),
               checks);
}

// Who let which targets in goes on record before any of them is reached.
Status App::audit_targets() {
    if (allowed_targets.empty()) return {};
    return store->write([&](store::Writer& writer) {
        return audit::append(writer,
                             {.who = options.who,
                              .what = "targets.allowed",
                              .on = {"command", "serve"},
                              .detail = audit::detail({{"targets", allowed_targets},
                                                       {"nothing_else", !options.nothing_else.empty()}})},
                             clock.now())
            .map([](std::int64_t) {});
    });
}

Status App::reopen_area() {
    const std::scoped_lock one_at_a_time(reopening_);
    const Settings wanted = settings->get();
    auto opened =
        vault::HoldingArea::open(*store, *sealer,
                                 {.data = options.config.data,
                                  .on = wanted.holding,
                                  .keep = std::chrono::hours(wanted.holding_hours),
                                  .quota = static_cast<std::uint64_t>(wanted.holding_quota_mb) << 20},
                                 clock.now());
    if (!opened) return pass(opened.error());
    auto fresh = std::make_shared<vault::HoldingArea>(std::move(*opened));
    if (fresh->swept().lost_files > 0)
        log.error("vault", "holding.lost", {{"files", fresh->swept().lost_files}});
    const std::scoped_lock lock(area_mutex_);
    area_ = std::move(fresh);
    return {};
}

static_assert(check::kMostEventBytes <= message::kMostData,
              "a match too large to be told could not be stored");

// In the transaction of its reason. What matched is stored whole or, where the disk is full, not at all: what
// is left of it belongs to those who make room.
Status App::publish(store::Writer& writer, std::string_view type, std::string_view body, Time at) const {
    if (reserve.full() && type == "check.matched") return fail(ErrorCode::io, kDiskFull);
    return message::publish(writer, type, body, at).map([](int) {});
}

std::shared_ptr<vault::HoldingArea> App::area() const {
    const std::scoped_lock lock(area_mutex_);
    return area_;
}

Status App::apply(const Settings& wanted, std::string_view who) {
    if (auto set = settings->set(wanted, who, clock.now()); !set) return set;
    return reopen_area();
}

// The live view. What nobody looks at is not written, except what matched.
void App::checked(const check::Reply& reply, const check::Asked& asked) {
    metrics.checked(reply.outcome.decision, reply.verdict.action, reply.took);
    const bool matched = !reply.outcome.answer.matches.empty();
    if (!matched && hub.listeners() == 0) return;
    const media::Fingerprint& fingerprint = reply.outcome.fingerprint;
    nlohmann::ordered_json event{{"id", reply.id},
                                 {"at", reply.at.rfc3339()},
                                 {"by", asked.by},
                                 {"decision", check::to_string(reply.outcome.decision)},
                                 {"action", check::to_string(reply.verdict.action)}};
    if (fingerprint.exact) {
        event["type"] = fingerprint.type.mime;
        event["bytes"] = fingerprint.bytes;
    }
    if (matched) event["list"] = to_utf8(reply.outcome.answer.matches.front().list);
    hub.publish("check", event.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

Status App::start() {
    deliver_ = std::make_unique<CountedDeliver>(message::deliver_with(*client), metrics, log);
    auto begun =
        queue::Workers::start(*store, {message::deliveries(*store, *message_sealer, *deliver_, clock)},
                              {.clock = clock, .report = [this](const Error& error) {
                                   log.warn("queue", "queue.store_failed", {{"why", error.message}});
                               }});
    if (!begun) return pass(begun.error());
    workers_.emplace(std::move(*begun));
    ticker_ = std::jthread([this](const std::stop_token& stop) { tick_along(stop); });
    return {};
}

void App::stop() {
    if (ticker_.joinable()) {
        ticker_.request_stop();
        ticker_.join();
    }
    fetching.request_stop();
    fetches.stop();
    later.stop();
    if (workers_) workers_->stop();
    if (scans) scans->stop();
    hub.close();
    if (checks) checks->stop();
    if (keys) (void)keys->write_last_used();
}

void App::tick_along(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any woken;
    auto last_minute = Steady::time_point{};
    auto last_song = Steady::time_point{};
    while (!stop.stop_requested()) {
        if (const auto life = store->life(); life && *life != life_ && !restored_.exchange(true))
            log.warn("store", "store.restored");
        if (restored_) return;  // nothing of ours belongs into it
        const Time wall = clock.now();
        clock_watch.look(wall, since_boot());
        look_at_disk(wall);
        const Status ticked = checks->tick();
        if (ticked) last_tick_ = steady_ms();
        store_answers_ = ticked.has_value();
        vitals_.look(*this, ticked, workers_->tally().dead);
        const auto now = Steady::now();
        if (now - last_minute >= options.housekeeping) {
            last_minute = now;
            each_minute(wall);
        }
        if (now - last_song >= std::chrono::minutes(settings->get().canary_minutes)) {
            last_song = now;
            const check::CanaryState state = checks->sing();
            hub.publish(
                "canary",
                nlohmann::json{{"ok", state.ok}, {"at", state.at.rfc3339()}, {"error", state.error}}.dump());
        }
        std::unique_lock lock(mutex);
        woken.wait_for(lock, stop, 1s, [] { return false; });
    }
}

// What fails here is tried again in a minute; is_ready() tells of a store that is out of reach.
void App::each_minute(Time now) {
    const Settings before = settings->get();
    if (settings->follow() && settings->get() != before) (void)reopen_area();
    if (clock_watch.trusted()) forget_old(now);
    if (const auto swept = area()->sweep(now); swept && swept->lost_files > 0)
        log.error("vault", "holding.lost", {{"files", swept->lost_files}});
    (void)accounts->sweep(now);
    hub.look_again();
    (void)keys->write_last_used();
    if (const auto signed_ = audit::make_checkpoint_if_due(*store, *audit_key, now); signed_ && *signed_)
        log.debug("audit", "checkpoint.made", {{"entries", (*signed_)->number}});
}

// By a clock that leapt nothing is old.
void App::forget_old(Time now) {
    if (const auto expired = area()->expire(now); expired && *expired > 0)
        log.info("vault", "holding.expired", {{"files", *expired}});
    (void)store->write([&](store::Writer& writer) {
        return message::forget(writer, now + -kKeepEvents).map([](std::int64_t) {});
    });
    (void)idempotency->forget(now + -kKeepIdempotency);
}

void App::look_at_disk(Time now) {
    if (!reserve.look()) return;
    const bool full = reserve.full();
    if (full) log.error("server", "disk.full", {{"free_bytes", static_cast<std::int64_t>(reserve.free())}});
    if (!full) log.info("server", "disk.room", {{"free_bytes", static_cast<std::int64_t>(reserve.free())}});
    const std::string body =
        nlohmann::json{{"full", full}, {"free_bytes", reserve.free()}, {"at", now.rfc3339()}}.dump();
    (void)store->write(
        [&](store::Writer& writer) { return publish(writer, full ? "disk.full" : "disk.room", body, now); });
}

bool App::is_ready(std::string& why) const {
    if (reserve.full()) {
        why = kDiskFull;
        return false;
    }
    if (!store_answers_) {
        why = "the store does not answer";
        return false;
    }
    if (steady_ms() - last_tick_ > 10'000) {
        why = "the store has not answered for ten seconds";
        return false;
    }
    const check::CanaryState canary = checks->canary();
    if (canary.at != Time{} && !canary.ok) {
        why = "the canary is silent: " + canary.error;
        return false;
    }
    return true;
}

}  // namespace rushlight::server
