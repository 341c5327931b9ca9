#include "net/testing/http_server.h"

#include "base/text.h"

#include <utility>

namespace rushlight::net::testing {

HttpServer::HttpServer(Handler handler, const std::string& address, ssl_ctx_st* tls)
    : handler_(std::move(handler)), listener_([this](Connection& c) { serve(c); }, address, 0, tls) {}

std::vector<SeenRequest> HttpServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void HttpServer::serve(Connection& connection) {
    const auto head = connection.read_until("\r\n\r\n");
    if (!head) return;
    SeenRequest request;
    const auto lines = split(*head, '\n');
    const auto words = split(trim(lines[0]), ' ');
    if (words.size() != 3) return;
    request.method = words[0];
    request.target = words[1];
    for (const std::string_view line : lines) {
        const std::size_t colon = line.find(':');
        if (&line == lines.data() || colon == std::string_view::npos) continue;
        request.headers[lower(line.substr(0, colon))] = trim(line.substr(colon + 1));
    }
    if (const auto length = parse_integer(request.headers["content-length"]); length && *length > 0) {
        auto body = connection.read_exactly(static_cast<std::size_t>(*length));
        if (!body) return;
        request.body = std::move(*body);
    }
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
    }
    handler_(request, connection);
}

std::string response(int status, std::string_view body, std::string_view extra) {
    std::string text = "HTTP/1.1 " + std::to_string(status) + " Some words\r\n";
    text += extra;
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    return text += body;
}

std::string redirect_to(std::string_view location, int status) {
    return response(status, "", "Location: " + std::string(location) + "\r\n");
}

}  // namespace rushlight::net::testing
