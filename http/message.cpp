#include "base/text.h"
#include "http/http.h"

#include <array>

namespace rushlight::http {
namespace {

constexpr std::array<std::string_view, 7> kNames{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

}  // namespace

std::string_view to_string(Method method) {
    const auto index = static_cast<std::size_t>(method);
    return index < kNames.size() ? kNames[index] : "other";
}

Method parse_method(std::string_view name) {
    for (std::size_t i = 0; i < kNames.size(); ++i)
        if (kNames[i] == name) return static_cast<Method>(i);
    return Method::other;
}

std::string_view RequestHead::header(std::string_view name) const {
    for (const auto& header : headers)
        if (equals_ignoring_case(header.name, name)) return header.value;
    return {};
}

Plan Plan::refuse(Response response) {
    Plan plan;
    plan.refusal = std::move(response);
    return plan;
}

Plan Plan::inline_(Run run, std::uint64_t body_limit) {
    Plan plan;
    plan.run = std::move(run);
    plan.body_limit = body_limit;
    return plan;
}

Plan Plan::worker(Run run, std::uint64_t body_limit) {
    Plan plan = inline_(std::move(run), body_limit);
    plan.lane = Lane::worker;
    return plan;
}

Plan Plan::streamed(std::shared_ptr<BodySink> sink, std::uint64_t body_limit, Run run) {
    Plan plan = worker(std::move(run), body_limit);
    plan.sink = std::move(sink);
    return plan;
}

}  // namespace rushlight::http
