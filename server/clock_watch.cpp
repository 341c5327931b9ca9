#include "server/clock_watch.h"

#include <ctime>

namespace rushlight::server {

std::chrono::microseconds since_boot() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::microseconds(now.tv_nsec / 1000);
}

void ClockWatch::look(Time wall, std::chrono::microseconds boot) {
    if (last_) {
        const auto apart = (wall - last_->wall) - (boot - last_->boot);
        if (std::chrono::abs(apart) > kLeap) {
            std::int64_t leap = leap_ + apart.count();
            if (std::chrono::abs(std::chrono::microseconds(leap)) <= kLeap) leap = 0;  // it came back
            leap_ = leap;
            leapt_at_ = boot;
        }
        if (boot - leapt_at_ > kLeapStands) leap_ = 0;
    }
    last_ = Seen{wall, boot};
}

}  // namespace rushlight::server
