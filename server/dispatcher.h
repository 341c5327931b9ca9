// dispatcher: from a request's head to the plan that answers it: who asks, whether they may, which handler.
//
// Programs (Authorization: Bearer) are told apart on the thread that read the head, from memory; people (a
// cookie) on a worker, since that asks the store.
#pragma once

#include "http/http.h"
#include "http/routes.h"
#include "http/security.h"
#include "http/static_files.h"
#include "server/access.h"
#include "server/app.h"
#include "server/routes.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::server {

class Dispatcher {
  public:
    // `console`: the console's files, if there are any. Both must outlive the dispatcher.
    Dispatcher(App& app, const http::StaticFiles* console);

    http::Plan operator()(const http::RequestHead& head) const;

  private:
    struct Entry {
        Route route;
        const Access* access;
    };
    http::Plan plan(const http::RequestHead& head) const;
    http::Plan plan_route(const http::RequestHead& head, const Entry& entry,
                          std::vector<std::string> parameters) const;
    http::Plan plan_console(const http::RequestHead& head, const http::Routes::Found& found) const;
    http::Plan plan_upload(const http::RequestHead& head, const Entry& entry,
                           std::optional<Caller> program) const;
    http::Plan plan_hashes(const http::RequestHead& head, const Entry& entry,
                           std::optional<Caller> program) const;
    http::Plan plan_events(const Entry& entry, std::optional<Caller> program) const;

    // Whoever asks, once it may be asked of the store: a program already known, or the person of the cookie.
    std::optional<http::Response> identify(const http::RequestHead& head, const Access& access,
                                           const std::optional<Caller>& program, Time now, Caller& out) const;
    void fetch(http::Request& request, const Entry& entry, Caller caller, http::Responder answer) const;
    http::Response call(http::Request& request, const Entry& entry,
                        const std::vector<std::string>& parameters, Caller caller) const;
    // Answers, or gives again what the first request of the same Idempotency-Key was answered.
    http::Response once(const http::RequestHead& head, const std::string& who, std::string_view body,
                        const std::function<http::Response()>& answer) const;
    http::Response check_upload(const http::RequestHead& head, UploadForm& form,
                                const std::string& who) const;
    http::Response check_hashes(std::string_view body, const std::string& who) const;
    http::Response secured(http::Response response) const;

    App* app_;
    const http::StaticFiles* console_;
    http::Routes routes_;
    std::vector<Entry> entries_;
    http::SecurityOptions security_{};
};

}  // namespace rushlight::server
