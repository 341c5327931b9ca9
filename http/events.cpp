#include "http/events.h"

#include <algorithm>
#include <utility>

namespace rushlight::http {
namespace {

void append_line(std::string& out, std::string_view field, std::string_view value) {
    out += field;
    out += ": ";
    for (const char c : value)
        if (c != '\n' && c != '\r' && c != '\0') out += c;
    out += '\n';
}

}  // namespace

EventQueue::EventQueue(EventOptions options, std::function<void()> wake)
    : options_(std::move(options)), wake_(std::move(wake)) {}

bool EventQueue::send(std::string_view id, std::string_view event, std::string_view data) {
    std::string text;
    text.reserve(id.size() + event.size() + data.size() + 32);
    if (!id.empty()) append_line(text, "id", id);
    if (!event.empty()) append_line(text, "event", event);
    // Every kind of line break begins a new data line; CR LF is one.
    for (std::size_t from = 0; from <= data.size();) {
        const auto end = std::min(data.find_first_of("\r\n", from), data.size());
        append_line(text, "data", data.substr(from, end - from));
        from = end + (data.substr(end, 2) == "\r\n" ? 2 : 1);
    }
    text += '\n';

    bool fits = true;
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || state_ != State::open) return false;
        fits = waiting_.size() + text.size() <= options_.queue_bytes;
        if (fits)
            waiting_ += text;
        else
            state_ = State::cut;
        wake = !std::exchange(woken_, true) || !fits;
    }
    if (wake) wake_();
    return fits;
}

void EventQueue::close() {
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || state_ != State::open) return;
        state_ = State::closing;
        woken_ = true;
    }
    wake_();
}

bool EventQueue::is_open() const {
    const std::lock_guard lock(mutex_);
    return !ended_ && state_ == State::open;
}

void EventQueue::when_closed(std::function<void()> call) {
    {
        const std::lock_guard lock(mutex_);
        if (!ended_) {
            when_closed_ = std::move(call);
            return;
        }
    }
    call();
}

bool EventQueue::overflowed() const {
    const std::lock_guard lock(mutex_);
    return state_ == State::cut;
}

EventQueue::State EventQueue::take(std::string& out) {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    if (state_ != State::cut) out += waiting_;
    waiting_.clear();
    return state_;
}

void EventQueue::end() {
    std::function<void()> call;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(ended_, true)) return;
        waiting_ = {};
        call = std::move(when_closed_);
    }
    if (call) call();
}

}  // namespace rushlight::http
