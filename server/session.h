// session: the cookie that a signed-in person's browser carries.
#pragma once

#include "server/call.h"

#include <string>
#include <string_view>

namespace rushlight::server {

inline constexpr std::string_view kSessionCookie = "rushlight_session";

// The Set-Cookie header's value. Secure unless the browser talks to us on this machine itself; `gone`: ends
// it.
std::string session_cookie(const Call& call, const std::string& token, bool gone);
// The session of this request, where its cookie names one; `denied` where there is none.
Result<Caller> person_of(App& app, const http::RequestHead& head, Time now);

}  // namespace rushlight::server
