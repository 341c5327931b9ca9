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
    std::erase_if(listening_, [&](const Listening& one) {
        return one.listener.may_see(last.name) ? !one.stream->send(id, last.name, last.data)
                                               : !one.stream->is_open();
    });
}

bool Hub::has_room_for(std::string_view who) const {
    const auto open =
        std::ranges::count_if(listening_, [](const auto& one) { return one.stream->is_open(); });
    const auto own = std::ranges::count_if(
        listening_, [&](const auto& one) { return one.listener.who == who && one.stream->is_open(); });
    return std::cmp_less(open, kMostListeners) && std::cmp_less(own, kMostOfOne);
}

bool Hub::has_room(std::string_view who) const {
    const std::scoped_lock lock(mutex_);
    return has_room_for(who);
}

bool Hub::listen(std::shared_ptr<http::EventStream> stream, Listener listener, std::string_view last_id) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(listening_, [](const auto& one) { return !one.stream->is_open(); });
    if (!has_room_for(listener.who)) {
        stream->close();
        return false;
    }
    if (auto last = parse_integer(last_id); last && *last >= 0) {
        // Of a life before this one that had a later clock: what is kept is all news.
        if (std::cmp_greater_equal(*last, next_)) last = 0;
        for (const Event& event : kept_) {
            if (std::cmp_greater(event.id, *last) && listener.may_see(event.name))
                stream->send(std::to_string(event.id), event.name, event.data);
        }
    }
    listening_.push_back({std::move(stream), std::move(listener)});
    return true;
}

void Hub::look_again() {
    std::vector<Listening> all;
    {
        const std::scoped_lock lock(mutex_);
        all = listening_;
    }
    for (const Listening& one : all) {
        if (!one.listener.may_listen()) one.stream->close();
    }
    const std::scoped_lock lock(mutex_);
    std::erase_if(listening_, [](const auto& one) { return !one.stream->is_open(); });
}

std::size_t Hub::listeners() const {
    const std::scoped_lock lock(mutex_);
    return listening_.size();
}

void Hub::close() {
    const std::scoped_lock lock(mutex_);
    for (const Listening& one : listening_) one.stream->close();
    listening_.clear();
}

}  // namespace rushlight::server
