#include "server/session.h"

#include "http/cookies.h"
#include "server/app.h"

namespace rushlight::server {

std::string session_cookie(const Call& call, const std::string& token, bool gone) {
    const std::string_view host = call.head.header("Host");
    const bool here =
        host.starts_with("127.0.0.1") || host.starts_with("localhost") || host.starts_with("[::1]");
    http::Cookie cookie{.name = std::string(kSessionCookie), .value = token};
    cookie.secure = !here;
    if (gone) cookie.max_age = std::chrono::seconds(0);
    return http::write_cookie(cookie).value_or("");
}

Result<Caller> person_of(App& app, const http::RequestHead& head, Time now) {
    const auto cookie = http::find_cookie(head.header("Cookie"), kSessionCookie);
    if (!cookie || cookie->empty()) return fail(ErrorCode::denied, "nobody is signed in");
    auto session = app.accounts->session(*cookie, now);
    if (!session) return pass(session.error());
    Caller caller;
    caller.who = accounts::who(session->person.id);
    caller.roles = session->person.roles;
    caller.token = *cookie;
    caller.session = std::move(*session);
    return caller;
}

}  // namespace rushlight::server
