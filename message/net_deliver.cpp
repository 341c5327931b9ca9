// Deliver over net: one POST under its guard. The answer's status decides; its content is read a little, so
// that the other side can say it to the end, and dropped.
#include "message/message.h"
#include "net/net.h"

#include <string>

namespace rushlight::message {
namespace {

constexpr std::size_t kMostContent = 64 << 10;

class Head final : public net::Sink {
  public:
    Status begin(const net::Response& response) override {
        answer.status = response.status;
        if (const std::string* after = response.header("retry-after"))
            answer.retry_after = after->substr(0, 100);
        return {};
    }
    Status take(Bytes content) override {
        seen_ += content.size();
        return seen_ <= kMostContent ? Status() : Status(fail(ErrorCode::limit, "more than is looked at"));
    }

    Deliver::Answer answer;

  private:
    std::size_t seen_ = 0;
};

class NetDeliver final : public Deliver {
  public:
    NetDeliver(const net::Client& client, std::chrono::milliseconds patience)
        : client_(&client), patience_(patience) {}

    Answer post(const std::string& url, const std::vector<std::pair<std::string, std::string>>& headers,
                const std::string& body, const std::stop_token& stop) const override {
        auto parsed = Url::parse(url);
        if (!parsed) return {.failure = "its link cannot be read"};
        net::Request request{.url = *std::move(parsed), .method = "POST", .body = body};
        for (const auto& [name, value] : headers) request.headers.push_back({name, value});
        request.limits = {
            .body_bytes = 4 * kMostContent, .redirects = 0, .total = patience_, .silence = patience_};
        Head head;
        const auto response = client_->fetch(request, head, stop);
        // Whatever becomes of its content: once there is a status, the other side has decided.
        if (head.answer.status == 0 && !response) head.answer.failure = response.error().message;
        return head.answer;
    }

  private:
    const net::Client* client_;
    std::chrono::milliseconds patience_;
};

}  // namespace

std::unique_ptr<Deliver> deliver_with(const net::Client& client, std::chrono::milliseconds patience) {
    return std::make_unique<NetDeliver>(client, patience);
}

}  // namespace rushlight::message
