#include "archive/unpack/meter.h"

#include <utility>

namespace rushlight::archive::unpack {
namespace {

bool take(std::uint64_t& left, std::uint64_t bytes) {
    if (bytes > left) return false;
    left -= bytes;
    return true;
}

}  // namespace

void Meter::allow(const Allowance& allowance) { allowance_ = allowance; }

void Meter::stop_with(Problem problem) {
    if (!stop_) stop_ = std::move(problem);
}

void Meter::member() {
    if (!take(allowance_.members, 1)) stop_with({Reason::too_large, "more members than the limit allows"});
}

void Meter::gave(std::uint64_t bytes) {
    if (!take(allowance_.ratio_bytes, bytes)) {
        stop_with({Reason::bomb, "unpacks to far more than its own size"});
    } else if (!take(allowance_.total_bytes, bytes)) {
        stop_with({Reason::too_large, "its members together are larger than the limit"});
    }
    tick(bytes);
}

void Meter::worked(std::uint64_t bytes) {
    if (!take(work_left_, bytes)) stop_with({Reason::bomb, "unpacks to far more than its own size"});
    tick(bytes);
}

void Meter::read(std::uint64_t bytes) { tick(bytes); }

void Meter::tick(std::uint64_t bytes) {
    progress_ += bytes;
    since_ += bytes;
    if (!beat_ || stop_ || since_ < kLeastProgress) return;
    if (std::chrono::steady_clock::now() - start_ >= after_) beat_();
}

void Meter::set_heartbeat(std::function<void()> beat, std::chrono::milliseconds after) {
    beat_ = std::move(beat);
    after_ = after;
    restart();
}

void Meter::restart() {
    since_ = 0;
    start_ = std::chrono::steady_clock::now();
}

}  // namespace rushlight::archive::unpack
