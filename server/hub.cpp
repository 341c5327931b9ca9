#include "server/hub.h"

#include "base/text.h"

#include <algorithm>
#include <utility>

namespace rushlight::server {

void Hub::publish(std::string_view event, std::string data) {
    const std::scoped_lock lock(mutex_);
    kept_.push_back({next_++, std::string(event), std::move(data)});
    if (kept_.size() > kKept) kept_.pop_front();
    const Event& last = kept_.back();
    const std::string id = std::to_string(last.id);
    std::erase_if(streams_, [&](const auto& stream) { return !stream->send(id, last.name, last.data); });
}

bool Hub::listen(std::shared_ptr<http::EventStream> stream, std::string_view last_id) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(streams_, [](const auto& one) { return !one->is_open(); });
    if (streams_.size() >= kMostListeners) {
        stream->close();
        return false;
    }
    const auto last = parse_integer(last_id);
    for (const Event& event : kept_) {
        if (last && *last >= 0 && std::cmp_greater(event.id, *last))
            stream->send(std::to_string(event.id), event.name, event.data);
    }
    streams_.push_back(std::move(stream));
    return true;
}

std::size_t Hub::listeners() const {
    const std::scoped_lock lock(mutex_);
    return streams_.size();
}

void Hub::close() {
    const std::scoped_lock lock(mutex_);
    for (const auto& stream : streams_) stream->close();
    streams_.clear();
}

}  // namespace rushlight::server
