#include "server/dispatcher.h"

#include "base/digest.h"
#include "base/text.h"
#include "http/cookies.h"
#include "server/access.h"
#include "server/hash_check.h"
#include "server/session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

constexpr std::size_t kMostIdempotencyKey = 200;
constexpr std::size_t kMostFetchesWaiting = 64;
constexpr std::chrono::microseconds kLongestRequest = std::chrono::minutes(15);

http::Response unauthorised(std::string_view why) {
    return http::problem(401, why, "/problems/unauthorised").with("WWW-Authenticate", "Bearer");
}

http::Response forbidden(std::string_view why) { return http::problem(403, why, "/problems/forbidden"); }

bool changes_something(http::Method method) {
    return method != http::Method::get && method != http::Method::head;
}

// The key of a program, where the request carries one.
std::optional<std::string_view> bearer(const http::RequestHead& head) {
    constexpr std::string_view kScheme = "bearer ";
    const std::string_view value = head.header("Authorization");
    if (value.size() <= kScheme.size() || !equals_ignoring_case(value.substr(0, kScheme.size()), kScheme))
        return std::nullopt;
    return trim(value.substr(kScheme.size()));
}

std::string_view host_of(std::string_view authority) {
    if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
    return authority.substr(0, authority.find(':'));
}
// An address, or this machine's own name: no name that somebody else's page could have led here.
bool is_here(std::string_view host) {
    return host.empty() || host == "localhost" || host.starts_with('[') ||
           host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// From this machine's own address, and not handed on by a proxy on it for somebody else.
bool asks_here(const http::RequestHead& head) {
    const bool own = head.peer == "::1" || head.peer.starts_with("127.");
    return own && is_here(host_of(head.header("Host"))) && head.header("X-Forwarded-For").empty() &&
           head.header("Forwarded").empty() && head.header("Via").empty();
}
// A page of somebody else's that posts as the person before it: to routes that ask for no session, no token
// could tell.
std::optional<http::Response> from_elsewhere(const http::RequestHead& head) {
    const std::string_view type = head.header("Content-Type");
    if (!equals_ignoring_case(trim(type.substr(0, type.find(';'))), "application/json"))
        return http::problem(415, "send JSON, with Content-Type: application/json", "/problems/unsupported");
    std::string_view origin = head.header("Origin");
    const std::string_view site = head.header("Sec-Fetch-Site");
    const auto mark = origin.find("://");
    if (mark != std::string_view::npos) origin.remove_prefix(mark + 3);
    const bool fits =
        !site.empty() ? site == "same-origin" || site == "none"
                      : origin.empty() || equals_ignoring_case(host_of(origin), host_of(head.header("Host")));
    if (fits) return std::nullopt;
    return forbidden("this comes from another site's page");
}
bool is_open(const Access& access, const http::RequestHead& head) {
    return access.open || (access.here && asks_here(head));
}

// Whatever a handler makes of its body: where JSON is wanted, what is no JSON is refused.
bool wants_json(const Route& route) { return route.body_limit == kJsonBody; }

// What leaves a handler as an exception is a bug; the log is told which.
http::Response handle(const Route& route, Call& call) {
    try {
        if (wants_json(route) && !call.body.empty()) {
            if (const auto body = call.json(); !body) return bad_request(body.error().message);
        }
        return route.handle(call);
    } catch (const std::exception& bug) {
        http::Response response = http::problem(500, "something went wrong here", "/problems/bug");
        response.note = bug.what();
        return response;
    }
}

bool has_idempotency_key(const http::RequestHead& head) { return !head.header("Idempotency-Key").empty(); }

bool shares(accounts::Scopes a, accounts::Scopes b) { return (a.bits() & b.bits()) != 0; }
bool shares(accounts::Roles a, accounts::Roles b) { return (a.bits() & b.bits()) != 0; }

}  // namespace

Dispatcher::Dispatcher(App& app, const http::StaticFiles* console) : app_(&app), console_(console) {
    std::vector<std::string> names;
    for (Route& route : all_routes()) {
        const Access* access = find_access(route.method, route.pattern);
        if (access == nullptr)
            throw std::logic_error("no line in the table of access for " + std::string(route.pattern));
        const std::size_t index = routes_.add(route.method, route.pattern);
        if (index != entries_.size()) throw std::logic_error("routes are numbered otherwise");
        names.push_back(std::string(http::to_string(route.method)) + ' ' + std::string(route.pattern));
        entries_.push_back({std::move(route), access});
    }
    app.metrics.know_routes(std::move(names));
}

http::Plan Dispatcher::operator()(const http::RequestHead& head) const {
    http::Plan plan = this->plan(head);
    if (plan.refusal) plan.refusal = secured(std::move(*plan.refusal));
    return plan;
}

http::Response Dispatcher::secured(http::Response response) const {
    http::set_security_headers(response, security_);
    return response;
}

http::Plan Dispatcher::plan(const http::RequestHead& head) const {
    const auto found = routes_.find(head.method, head.path);
    if (found.outcome != http::Routes::Outcome::found) return plan_console(head, found);
    http::Plan plan = plan_route(head, entries_[found.route], found.parameters);
    plan.tag = kFirstRoute + static_cast<std::uint32_t>(found.route);
    return plan;
}

// Pages of the console have addresses of their own; all of them are the one page.
http::Plan Dispatcher::plan_console(const http::RequestHead& head, const http::Routes::Found& found) const {
    const bool page = (head.method == http::Method::get || head.method == http::Method::head) &&
                      !head.path.starts_with("/api/") && found.outcome == http::Routes::Outcome::not_found;
    if (page && console_ != nullptr) {
        auto answer = console_->answer(head);
        if (!answer && head.path.find('.') == std::string_view::npos)
            answer = console_->answer(head, "/index.html");
        if (answer) {
            http::Plan plan = http::Plan::refuse(std::move(*answer));
            plan.tag = kConsoleRoute;
            return plan;
        }
    }
    if (page && console_ == nullptr && head.path == "/")
        return http::Plan::refuse(http::Response::text(200,
                                                       "Rushlight answers. Its console was not built: `./run "
                                                       "--build` does that where Node is installed.\n"));
    return http::Plan::refuse(http::Routes::refusal(found));
}

std::optional<http::Response> Dispatcher::identify(const http::RequestHead& head, const Access& access,
                                                   const std::optional<Caller>& program, Time now,
                                                   Caller& out) const {
    if (is_open(access, head)) return std::nullopt;
    if (program) {
        out = *program;
        return std::nullopt;
    }
    auto person = person_of(*app_, head, now);
    if (!person) {
        if (person.error().code != ErrorCode::denied) return problem_of(person.error());
        return unauthorised("sign in, or send a key: Authorization: Bearer rl_…");
    }
    if (!access.any_person && !shares(person->roles, access.roles))
        return forbidden("none of your roles may do this");
    if (changes_something(head.method) &&
        !accounts::same(accounts::csrf_token(person->token), head.header("X-CSRF-Token")))
        return forbidden("the header X-CSRF-Token does not fit the session");
    out = std::move(*person);
    return std::nullopt;
}

http::Plan Dispatcher::plan_route(const http::RequestHead& head, const Entry& entry,
                                  std::vector<std::string> parameters) const {
    std::optional<Caller> program;
    if (const auto key = bearer(head); key && !entry.access->open) {
        const auto grant = app_->keys->check(*key, app_->clock.now());
        if (grant.state == accounts::Grant::State::unavailable)
            return http::Plan::refuse(
                problem_of({ErrorCode::unavailable, "keys cannot be checked just now"}));
        if (!grant.good())
            return http::Plan::refuse(unauthorised("the key is unknown, revoked or has expired"));
        if (!shares(grant.scopes, entry.access->scopes))
            return http::Plan::refuse(forbidden("the key has none of the scopes that this asks for"));
        program = Caller{.who = accounts::who(grant.id), .scopes = grant.scopes};
    } else if (!is_open(*entry.access, head) && !http::find_cookie(head.header("Cookie"), kSessionCookie)) {
        return http::Plan::refuse(unauthorised("sign in, or send a key: Authorization: Bearer rl_…"));
    }
    if (entry.access->open && changes_something(head.method)) {
        if (auto refusal = from_elsewhere(head)) return http::Plan::refuse(std::move(*refusal));
    }
    if (entry.route.pattern == "/api/v1/check") return plan_upload(head, entry, std::move(program));
    if (entry.route.pattern == "/api/v1/check/hash") return plan_hashes(head, entry, std::move(program));
    if (entry.route.pattern == "/api/v1/events") return plan_events(entry, std::move(program));
    // What would eat the room in which others make some.
    if (app_->reserve.full() && entry.route.method == http::Method::post &&
        (entry.route.pattern.starts_with("/api/v1/lists") ||
         entry.route.pattern.starts_with("/api/v1/scans")))
        return http::Plan::refuse(problem_of({ErrorCode::io, kDiskFull}));
    return http::Plan::worker(
        [this, &entry, parameters = std::move(parameters), program = std::move(program)](
            http::Request& request, http::Responder answer) {
            Caller caller;
            if (auto refusal = identify(request.head, *entry.access, program, app_->clock.now(), caller))
                return answer.send(secured(std::move(*refusal)));
            if (entry.route.pattern != "/api/v1/check/url")
                return answer.send(secured(call(request, entry, parameters, std::move(caller))));
            fetch(request, entry, std::move(caller), std::move(answer));
        },
        entry.route.body_limit);
}

// A link is fetched apart from all else: other people's servers may take their time.
void Dispatcher::fetch(http::Request& request, const Entry& entry, Caller caller,
                       http::Responder answer) const {
    const auto to = std::make_shared<http::Responder>(std::move(answer));
    const bool taken = app_->fetches.push_unless(kMostFetchesWaiting, [this, &request, &entry, caller, to] {
        to->send(secured(call(request, entry, {}, caller)));
    });
    if (!taken)
        to->send(secured(check_problem(
            *app_, {ErrorCode::unavailable, "too many links are being fetched: ask again a little later"})));
}

http::Response Dispatcher::call(http::Request& request, const Entry& entry,
                                const std::vector<std::string>& parameters, Caller caller) const {
    Call call{.app = *app_,
              .head = request.head,
              .body = request.body,
              .parameters = parameters,
              .caller = std::move(caller),
              .now = app_->clock.now()};
    if (!entry.route.creates || !has_idempotency_key(request.head)) return handle(entry.route, call);
    return once(request.head, call.caller.who, request.body, [&] { return handle(entry.route, call); });
}

http::Response Dispatcher::once(const http::RequestHead& head, const std::string& who, std::string_view body,
                                const std::function<http::Response()>& answer) const {
    const std::string key(head.header("Idempotency-Key"));
    if (key.size() > kMostIdempotencyKey || !is_utf8(key))
        return bad_request("an Idempotency-Key has up to 200 bytes of UTF-8");
    Digest digest;  // before the answer is made: it may take the body
    for (const std::string_view part :
         {head.path, std::string_view("?"), head.query, std::string_view("\n"), body})
        digest.add(bytes_of(part));
    const Sha256 asked = digest.finish();
    const auto kept = app_->idempotency->begin(who, key, asked, app_->clock.now());
    if (!kept) return problem_of(kept.error());
    if (*kept) {
        if ((*kept)->lost)
            return http::problem(409,
                                 "what the first request of this Idempotency-Key was answered cannot be read "
                                 "any more: look whether it was done, and if not, send it with a new key",
                                 "/problems/outcome-unknown");
        if ((*kept)->asked != asked)
            return http::problem(422, "this Idempotency-Key was used with another request",
                                 "/problems/key-reused");
        if ((*kept)->status == 0 && app_->clock.now() - (*kept)->at > kLongestRequest)
            return http::problem(
                409,
                "the server ended while it was at the first request of this "
                "Idempotency-Key: look whether it was done, and if not, send it with a new key",
                "/problems/outcome-unknown");
        if ((*kept)->status == 0)
            return http::problem(409, "the first request of this Idempotency-Key is still under way",
                                 "/problems/in-flight")
                .with("Retry-After", "1");
        http::Response again = http::Response::json((*kept)->status, (*kept)->body);
        if ((*kept)->status >= 400) again.set("Content-Type", "application/problem+json");
        return std::move(again).with("Idempotency-Replayed", "true");
    }
    http::Response response = answer();
    const bool final = response.status < 500 && response.status != 429 && response.status != 409;
    const Status done = final ? app_->idempotency->finish(who, key, response.status, response.body)
                              : app_->idempotency->give_up(who, key);
    return done ? std::move(response) : problem_of(done.error());
}

namespace {

// Lets the body's pieces through once it is known who sends them.
class Guarded final : public http::BodySink {
  public:
    Guarded(std::shared_ptr<UploadForm> form, std::shared_ptr<http::BodySink> inner,
            std::function<std::optional<http::Response>()> identify)
        : form_(std::move(form)), inner_(std::move(inner)), identify_(std::move(identify)) {}

    Status take(Bytes piece) override {
        if (auto admitted = admit(); !admitted) return admitted;
        return inner_->take(piece);
    }
    Status finish() override {
        if (auto admitted = admit(); !admitted) return admitted;
        return inner_->finish();
    }

  private:
    Status admit() {
        if (admitted_) return {};
        if (auto refusal = identify_())
            return fail(refusal->status >= 500 ? ErrorCode::unavailable : ErrorCode::denied,
                        "sign in first: nobody may upload without a session or a key");
        admitted_ = true;
        return {};
    }

    std::shared_ptr<UploadForm> form_;
    std::shared_ptr<http::BodySink> inner_;
    std::function<std::optional<http::Response>()> identify_;
    bool admitted_ = false;
};

Result<check::Asked> asked_by(const UploadForm& form, const http::Query& query, const std::string& who) {
    nlohmann::json body = nlohmann::json::object();
    if (form.context()) {
        auto context = parse_json(*form.context());
        if (!context) return fail(ErrorCode::invalid, "'context': " + context.error().message);
        body["context"] = std::move(*context);
    }
    body["receipt"] = query.get("receipt").value_or("0") == "1";
    auto asked = asked_of(body, who);
    if (asked && asked->context.filename.empty() && form.filename().size() <= check::kMaxContextBytes)
        asked->context.filename = form.filename();
    return asked;
}

bool is_video(const Content& content) {
    std::vector<std::byte> head(media::kSniffBytes);
    const auto n = content.read_at(0, head);
    return media::sniff(Bytes(head).first(n.value_or(0))).kind == media::Kind::video;
}

}  // namespace

http::Response Dispatcher::check_upload(const http::RequestHead& head, UploadForm& form,
                                        const std::string& who) const {
    App& app = *app_;
    const auto query = http::Query::parse(head.query);
    if (!query) return bad_request(query.error().message);
    auto asked = asked_by(form, *query, who);
    if (!asked) return problem_of(asked.error());
    auto file = form.file();
    if (!file) return check_problem(app, file.error());
    const std::string_view wait = query->get("wait").value_or("");
    const auto answer = [&] {
        if (wait == "0" || (wait.empty() && is_video(file->content()))) {
            auto share = std::make_shared<BudgetShare>(std::move(file->share()));
            const auto id = app.checks->check_later(std::move(file->content()), *asked, std::move(share));
            if (!id) return check_problem(app, id.error());
            return json_answer(202, {{"id", *id}, {"state", "waiting"}})
                .with("Location", "/api/v1/check/" + *id);
        }
        const auto reply = app.checks->check(file->content(), *asked);
        return reply ? json_answer(200, check::to_json(*reply)) : check_problem(app, reply.error());
    };
    if (!has_idempotency_key(head)) return answer();
    const auto bytes = file->sha256();
    if (!bytes) return check_problem(app, bytes.error());
    return once(head, who, bytes->hex() + '\n' + form.filename() + '\n' + form.context().value_or(""),
                answer);
}

http::Plan Dispatcher::plan_upload(const http::RequestHead& head, const Entry& entry,
                                   std::optional<Caller> program) const {
    auto form = std::make_shared<UploadForm>(app_->uploads, kMostUpload);
    auto reader = http::MultipartReader::create(head.header("Content-Type"), *form, {});
    if (!reader)
        return http::Plan::refuse(http::problem(
            415, "send a form: multipart/form-data with a part 'file' (" + reader.error().message + ")",
            "/problems/unsupported"));
    auto caller = std::make_shared<Caller>();
    // Views of the head live as long as the request, and the sink does not live longer.
    auto identify = [this, &head, &entry, program, caller] {
        return this->identify(head, *entry.access, program, app_->clock.now(), *caller);
    };
    auto sink = std::make_shared<Guarded>(form, *reader, identify);
    return http::Plan::streamed(sink, kMostUpload + (1 << 20),
                                [this, form, caller, sink](http::Request& request, http::Responder answer) {
                                    answer.send(secured(check_upload(request.head, *form, caller->who)));
                                });
}

namespace {

tl::expected<HashCheck, http::Response> answer_hashes(const App& app, std::string_view body,
                                                      std::string_view who) {
    const auto parsed = parse_json(body);
    if (!parsed) return tl::unexpected<http::Response>(bad_request("the body: " + parsed.error().message));
    auto check = HashCheck::answer(*app.checks, *parsed, who);
    if (!check) return tl::unexpected<http::Response>(check_problem(app, check.error()));
    return std::move(*check);
}

http::Response store_and_answer(App& app, HashCheck& hashes) {
    const Status stored = hashes.store(*app.checks);
    return stored ? http::Response::json(200, hashes.text()) : check_problem(app, stored.error());
}

}  // namespace

http::Response Dispatcher::check_hashes(std::string_view body, const std::string& who) const {
    auto check = answer_hashes(*app_, body, who);
    return check ? store_and_answer(*app_, *check) : std::move(check.error());
}

http::Plan Dispatcher::plan_hashes(const http::RequestHead& head, const Entry& entry,
                                   std::optional<Caller> program) const {
    const auto answer_now = [this, &entry, program](http::Request& request, http::Responder answer,
                                                    bool may_wait) {
        Caller caller;
        if (auto refusal = identify(request.head, *entry.access, program, app_->clock.now(), caller))
            return answer.send(secured(std::move(*refusal)));
        if (has_idempotency_key(request.head))
            return answer.send(secured(once(request.head, caller.who, request.body,
                                            [&] { return check_hashes(request.body, caller.who); })));
        auto check = answer_hashes(*app_, request.body, caller.who);
        if (!check) return answer.send(secured(std::move(check.error())));
        const auto finish = [this](HashCheck& hashes, http::Responder& to) {
            to.send(secured(store_and_answer(*app_, hashes)));
        };
        if (may_wait || !check->must_wait()) return finish(*check, answer);
        app_->later.push(
            [finish, hashes = std::make_shared<HashCheck>(std::move(*check)),
             to = std::make_shared<http::Responder>(std::move(answer))] { finish(*hashes, *to); });
    };
    // A program's few hashes need no worker.
    if (program && !has_idempotency_key(head) && !head.chunked &&
        head.content_length.value_or(kInlineHashBody + 1) <= kInlineHashBody) {
        return http::Plan::inline_(
            [answer_now](http::Request& request, http::Responder answer) {
                answer_now(request, std::move(answer), false);
            },
            kInlineHashBody);
    }
    return http::Plan::worker(
        [answer_now](http::Request& request, http::Responder answer) {
            answer_now(request, std::move(answer), true);
        },
        kMostHashBody);
}

namespace {

// An event is for whoever may ask for what it tells of.
bool may_see(const Caller& caller, std::string_view event) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kAskedAt = {
        {{"check", "/api/v1/checks"},
         {"scan", "/api/v1/scans"},
         {"list", "/api/v1/lists"},
         {"policy", "/api/v1/policy"},
         {"canary", "/api/v1/health"}}};
    const auto at = std::ranges::find(kAskedAt, event, [](const auto& one) { return one.first; });
    const Access* access = at == kAskedAt.end() ? nullptr : find_access(http::Method::get, at->second);
    return access != nullptr &&
           (caller.session ? shares(caller.roles, access->roles) : shares(caller.scopes, access->scopes));
}

// Roles and scopes do not change while a session or a key lasts. A store that cannot be asked takes nothing
// from anybody.
bool may_listen(App& app, const std::string& key, const std::string& token) {
    const Time now = app.clock.now();
    if (token.empty()) {
        const auto grant = app.keys->check(key, now);
        return grant.good() || grant.state == accounts::Grant::State::unavailable;
    }
    return app.accounts->lasts(token, now).value_or(true);
}

}  // namespace

http::Plan Dispatcher::plan_events(const Entry& entry, std::optional<Caller> program) const {
    return http::Plan::worker([this, &entry, program](http::Request& request, http::Responder answer) {
        Caller caller;
        if (auto refusal = identify(request.head, *entry.access, program, app_->clock.now(), caller))
            return answer.send(secured(std::move(*refusal)));
        if (!app_->hub.has_room(caller.who))
            return answer.send(secured(
                problem_of({ErrorCode::limit, "too many live views are open: close one and come back"})));
        const std::string last(request.head.header("Last-Event-ID"));
        http::Response headers;
        http::set_security_headers(headers, security_);
        Listener listener{.who = caller.who,
                          .may_see = [caller](std::string_view event) { return may_see(caller, event); },
                          .may_listen = [app = app_, key = std::string(bearer(request.head).value_or("")),
                                         token = caller.token] { return may_listen(*app, key, token); }};
        app_->hub.listen(answer.events({.headers = headers.headers}), std::move(listener), last);
    });
}

}  // namespace rushlight::server
