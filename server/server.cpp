#include "server/server.h"

#include "base/text.h"
#include "http/http.h"
#include "server/app.h"
#include "server/bundled_lists.h"
#include "server/dispatcher.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace rushlight::server {

namespace {

std::vector<std::string> proxies_of(const Config& config) {
    std::vector<std::string> proxies;
    for (const std::string_view proxy : split(config.serve.proxies, ',')) {
        if (!trim(proxy).empty()) proxies.emplace_back(trim(proxy));
    }
    return proxies;
}

// Of each answer. The path is not told: it may hold what somebody looked for.
void observe(App& app, const http::Answered& answered) {
    app.metrics.answered(answered);
    if (answered.status < 500) return;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(answered.took).count();
    app.log.warn("http", "request.failed",
                 {{"request", answered.id},
                  {"route", app.metrics.route(answered.tag)},
                  {"status", answered.status},
                  {"ms", std::int64_t{ms}},
                  {"why", answered.note}});
}

}  // namespace

struct Server::State {
    std::unique_ptr<App> app;
    std::optional<http::StaticFiles> console;
    std::unique_ptr<Dispatcher> dispatcher;
    std::optional<http::Server> http;
    std::string url;
    std::optional<std::string> setup_url;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() {
    if (state_) stop();
}

Result<Server> Server::start(const ServerOptions& options) {
    auto state = std::make_unique<State>();
    auto app = App::open({.config = options.config,
                          .schemas = options.schemas,
                          .light_program = options.light_program,
                          .all_program = options.all_program,
                          .passphrase = options.passphrase,
                          .allowed_targets = options.allowed_targets,
                          .nothing_else = options.nothing_else,
                          .who = options.who,
                          .clock = options.clock});
    if (!app) return pass(app.error());
    state->app = std::move(*app);
    if (auto done = import_missing(*state->app->lists, options.lists, options.clock->now()); !done)
        return pass(done.error());
    if (!options.console.empty()) {
        auto console = http::StaticFiles::load({.folder = options.console});
        if (!console) return pass(console.error());
        state->console.emplace(std::move(*console));
    }
    state->dispatcher =
        std::make_unique<Dispatcher>(*state->app, state->console ? &*state->console : nullptr);
    const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    const int threads =
        options.config.serve.threads > 0 ? static_cast<int>(options.config.serve.threads) : cores;
    auto http = http::Server::start(
        {.listen = options.config.serve.listen,
         .io_threads = threads,
         .workers = std::max(4, 2 * cores),
         .trusted_proxies = proxies_of(options.config),
         .observe = [app = state->app.get()](const http::Answered& answered) { observe(*app, answered); },
         .clock = options.clock},
        [dispatcher = state->dispatcher.get()](const http::RequestHead& head) {
            return (*dispatcher)(head);
        });
    if (!http)
        return fail(http.error().code, http.error().message + " (--listen 127.0.0.1:8081, for example)");
    state->http.emplace(std::move(*http));
    state->url = "http://" + state->http->address();
    state->app->metrics.follow([http = &*state->http] { return http->counters(); });
    const auto has = state->app->accounts->has_administrator();
    if (!has) return pass(has.error());
    if (!*has) {
        const auto token = state->app->accounts->make_setup_token(options.clock->now());
        if (!token) return pass(token.error());
        state->setup_url = state->url + "/setup#" + token->text;
    }
    if (auto started = state->app->start(); !started) return pass(started.error());
    state->app->log.info("server", "server.started",
                         {{"version", RUSHLIGHT_VERSION},
                          {"address", state->http->address()},
                          {"store", options.config.store.empty() ? "sqlite" : "postgresql"},
                          {"schema", state->app->store->schema_version()},
                          {"console", state->console.has_value()},
                          {"set_up", *has}});
    return Server(std::move(state));
}

const std::string& Server::url() const { return state_->url; }
const std::optional<std::string>& Server::setup_url() const { return state_->setup_url; }

bool Server::restored() const { return state_->app->restored(); }

void Server::stop() {
    if (!state_->http) return;
    state_->app->log.info("server", "server.stopping");
    state_->app->hub.close();
    state_->app->fetching.request_stop();
    state_->app->metrics.follow({});
    state_->http->stop();
    state_->http.reset();
    state_->app->stop();
    state_->app->log.info("server", "server.stopped");
}

}  // namespace rushlight::server
