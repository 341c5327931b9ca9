#include "app/testing/served.h"

#include <algorithm>
#include <csignal>
#include <stdexcept>

namespace rushlight::app::testing {
namespace {

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

}  // namespace

std::string Answer::header(const std::string& name) const {
    for (const auto& [key, value] : headers) {
        if (lower(key) == lower(name)) return value;
    }
    return {};
}

Served::Served(const std::string& data, std::vector<std::string> more,
               std::map<std::string, std::string> environment) {
    std::vector<std::string> arguments{"serve", "--listen", "127.0.0.1:0", "--json", "--data", data};
    arguments.insert(arguments.end(), more.begin(), more.end());
    running_ = std::make_unique<Running>(Call{.arguments = arguments, .environment = std::move(environment)});
    if (!running_->wait_for_lines(1))
        throw std::runtime_error("rushlight serve ended: " + running_->wait().err);
    ready_ = json::parse(running_->output()).at("ready");
    url_ = ready_.at("url").get<std::string>();
    port_ = static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
    pid_ = ready_.at("pid").get<pid_t>();
    const std::string setup = ready_.value("setup_url", "");
    if (!setup.empty()) setup_token_ = setup.substr(setup.find('#') + 1);
}

Answer ask_port(std::uint16_t port, const std::string& method, const std::string& path,
                const Headers& headers, const std::string& body) {
    http::testing::RawClient client(port, std::chrono::seconds(60));
    std::string request = method + ' ' + path + " HTTP/1.1\r\nConnection: close\r\n";
    if (!headers.contains("Host")) request += "Host: 127.0.0.1\r\n";
    for (const auto& [name, value] : headers) request.append(name).append(": ").append(value).append("\r\n");
    if (!body.empty() || method != "GET")
        request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    client.send(request + "\r\n" + body);
    const auto reply = client.reply(method == "HEAD");
    if (!reply) return {};
    Answer answer{.status = reply->status, .body = {}, .text = reply->body, .headers = reply->headers};
    if (answer.header("Content-Type").find("json") != std::string::npos)
        answer.body = json::parse(reply->body, nullptr, false);
    return answer;
}

Answer Served::ask(const std::string& method, const std::string& path, const Headers& headers,
                   const std::string& body) const {
    return ask_port(port_, method, path, headers, body);
}

Answer Served::ask(const std::string& method, const std::string& path, const Headers& headers,
                   const json& body) const {
    Headers all = headers;
    all.emplace("Content-Type", "application/json");
    return ask(method, path, all, body.dump());
}

Answer Served::upload(const std::string& path, const Headers& headers, const std::string& file,
                      const std::string& context) const {
    const std::string line = "--part-of-a-test";
    std::string form = line +
                       "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n" +
                       file + "\r\n";
    if (!context.empty())
        form += line + "\r\nContent-Disposition: form-data; name=\"context\"\r\n\r\n" + context + "\r\n";
    form += line + "--\r\n";
    Headers all = headers;
    all["Content-Type"] = "multipart/form-data; boundary=" + line.substr(2);
    return ask("POST", path, all, form);
}

namespace {

Headers session_of(const Answer& made) {
    const std::string cookie = made.header("Set-Cookie");
    return {{"Cookie", cookie.substr(0, cookie.find(';'))},
            {"X-CSRF-Token", made.body.at("csrf").get<std::string>()}};
}

}  // namespace

Headers Served::set_up(const std::string& profile) {
    const Answer made = ask("POST", "/api/v1/setup", {},
                            json{{"token", setup_token_},
                                 {"email", "first@example.org"},
                                 {"password", "the rush is dipped in fat"},
                                 {"profile", profile}});
    if (made.status != 201) throw std::runtime_error("set-up failed: " + made.text);
    return session_of(made);
}

Headers Served::sign_in(const std::string& email, const std::string& password) const {
    const Answer made = ask("POST", "/api/v1/session", {}, json{{"email", email}, {"password", password}});
    if (made.status != 201) throw std::runtime_error("sign-in failed: " + made.text);
    return session_of(made);
}

Headers Served::key(const Headers& administrator, const std::vector<std::string>& scopes) const {
    const Answer made =
        ask("POST", "/api/v1/keys", administrator, json{{"name", "test"}, {"scopes", scopes}});
    if (made.status != 201) throw std::runtime_error("no key: " + made.text);
    return {{"Authorization", "Bearer " + made.body.at("key").get<std::string>()}};
}

void Served::kill() {
    running_->signal(SIGKILL);
    running_->wait();
}

Ran Served::stop() {
    running_->signal(SIGTERM);
    return running_->wait();
}

}  // namespace rushlight::app::testing
