// What a delivery's job says: which event, to which endpoint. The event's content is stored once.
#pragma once

#include "message/message.h"

#include <optional>
#include <string>
#include <string_view>

namespace rushlight::message {

struct JobBody {
    EndpointId endpoint{};
    std::string event{};
};

std::string job_body(const JobBody& body);
std::optional<JobBody> parse_job_body(std::string_view text);

// What an endpoint's secret is sealed for.
std::string secret_purpose(EndpointId id);

}  // namespace rushlight::message
