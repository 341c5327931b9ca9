#include "http/loop.h"

#include "http/connection.h"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace rushlight::http {

Loop::Loop(Core& core) : core_(core), work_(asio::make_work_guard(io)), timer_(io) {
    const Limits& limits = core.options.limits;
    const auto shortest = std::min({limits.idle, limits.head_time, limits.stall, limits.grace, limits.stop});
    interval_ = std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
}

Loop::~Loop() { finish(); }

void Loop::run() {
    tick();
    thread_ = std::thread([this] {
        for (bool done = false; !done;) {
            try {
                io.run();
                done = true;
            } catch (const std::exception&) {  // out of memory: what it was for is lost, the thread is not
                count(core_.failed);
            }
        }
    });
}

void Loop::finish() {
    if (!thread_.joinable()) return;
    asio::post(io, [this] {
        work_.reset();
        timer_.cancel();
    });
    thread_.join();
}

void Loop::tick() {
    timer_.expires_after(interval_);
    timer_.async_wait([this](Code code) {
        if (code) return;
        const auto now = Steady::now();
        std::vector<std::shared_ptr<Connection>> due;
        for (auto* connection : connections_)
            if (connection->is_due(now)) due.push_back(connection->shared_from_this());
        for (const auto& connection : due) connection->tick(now);
        if (work_) tick();
    });
}

std::vector<std::shared_ptr<Connection>> Loop::all() {
    std::vector<std::shared_ptr<Connection>> all;
    all.reserve(connections_.size());
    for (auto* connection : connections_) all.push_back(connection->shared_from_this());
    return all;
}

void Loop::wind_down() {
    for (const auto& connection : all()) connection->wind_down();
}

void Loop::cut_all() {
    for (const auto& connection : all()) connection->cut();
}

std::string_view Loop::date() {
    const Time now = core_.options.clock->now();
    const std::int64_t second = now.micros / 1'000'000;
    if (second != date_second_) {
        date_second_ = second;
        date_ = http_date(now);
    }
    return date_;
}

}  // namespace rushlight::http
