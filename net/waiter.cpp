#include "net/waiter.h"

#include "net/failure.h"

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

namespace rushlight::net {

Outcome<Waiter> Waiter::create() {
    Waiter waiter;
    waiter.event_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!waiter.event_) return refuse(FailureCode::unavailable, "no descriptor is left to wait with");
    return waiter;
}

void Waiter::wake(int fd) {
    const std::uint64_t one = 1;
    // It can only fail where the event is set already.
    [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
}

}  // namespace rushlight::net
