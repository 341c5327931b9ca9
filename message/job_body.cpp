#include "message/job_body.h"

#include <nlohmann/json.hpp>

namespace rushlight::message {

std::string job_body(const JobBody& body) {
    return nlohmann::json{{"endpoint", body.endpoint.value}, {"event", body.event}}.dump();
}

std::optional<JobBody> parse_job_body(std::string_view text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const auto endpoint = json.find("endpoint");
    const auto event = json.find("event");
    if (endpoint == json.end() || !endpoint->is_number_integer() || event == json.end() ||
        !event->is_string())
        return std::nullopt;
    return JobBody{.endpoint = {endpoint->get<std::int64_t>()}, .event = event->get<std::string>()};
}

std::string secret_purpose(EndpointId id) { return "message.secret:" + std::to_string(id.value); }

}  // namespace rushlight::message
