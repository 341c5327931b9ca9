#include "net/fetch_content.h"

#include "net/failure.h"

#include <optional>
#include <string>
#include <utility>

namespace rushlight::net {
namespace {

bool has_content(int status) { return status == 200 || status == 203; }

Failure answered(const Response& response) {
    return {.code = FailureCode::status,
            .message = response.url.hostname() + " answered with status " + std::to_string(response.status),
            .status = response.status};
}

class IntoMemory final : public Sink {
  public:
    IntoMemory(Fd& memory, const Room& room) : memory_(memory), room_(room) {}

    Status begin(const Response& response) override {
        if (has_content(response.status)) return {};
        why_ = answered(response);
        return fail(ErrorCode::invalid, why_->message);
    }
    Status take(Bytes content) override {
        if (room_) {
            if (auto granted = room_(content.size()); !granted) return refused(granted);
        }
        auto written = write_all(memory_.get(), content, "a memory file");
        return written ? written : refused(written);
    }
    // Why we ended the fetch, where we did.
    std::optional<Failure>& why() { return why_; }

  private:
    Status refused(const Status& status) {
        why_ = Failure{.code = FailureCode::unavailable, .message = status.error().message};
        return status;
    }

    Fd& memory_;
    const Room& room_;
    std::optional<Failure> why_;
};

}  // namespace

Outcome<FetchedContent> fetch_content(const Client& client, const Request& request, const Room& room,
                                      std::stop_token stop) {
    auto memory = make_memory_file("rushlight-link");
    if (!memory) return refuse(FailureCode::unavailable, memory.error().message);
    IntoMemory into(*memory, room);
    auto response = client.fetch(request, into, std::move(stop));
    if (into.why()) return pass(std::move(*into.why()));
    if (!response) return pass(std::move(response.error()));
    if (!has_content(response->status)) return pass(answered(*response));
    auto content = Content::from_memory_file(std::move(*memory));
    if (!content) return refuse(FailureCode::unavailable, content.error().message);
    return FetchedContent{std::move(*response), std::move(*content)};
}

}  // namespace rushlight::net
