#include "store/postgres_watcher.h"

#include "base/fd.h"
#include "store/postgres_connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace rushlight::store {
namespace {

constexpr std::chrono::milliseconds kTryAgainEvery{500};  // while the server is away

class PostgresWatcher final : public Watcher {
  public:
    PostgresWatcher(std::string address, std::string name, std::string channel, Fd stopped)
        : address_(std::move(address)),
          name_(std::move(name)),
          channel_(std::move(channel)),
          stopped_(std::move(stopped)) {}

    Status connect() {
        auto opened = PostgresConnection::open(address_, name_);
        if (!opened) return pass(std::move(opened.error()));
        if (auto listening = (*opened)->script("LISTEN " + channel_); !listening) return listening;
        connection_ = std::move(*opened);
        return {};
    }

    bool wait(std::chrono::milliseconds timeout, const std::stop_token& stop) override {
        const auto until = Steady::now() + timeout;
        eventfd_t earlier = 0;
        ::eventfd_read(stopped_.get(), &earlier);  // of another wait's stop
        const std::stop_callback wake(stop, [this] { ::eventfd_write(stopped_.get(), 1); });
        for (;;) {
            if (connection_ && connection_->take_notifications()) return true;
            if (connection_ && connection_->lost()) connection_.reset();
            // What was announced in between was missed.
            if (!connection_ && !stop.stop_requested() && connect()) return true;
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now());
            if (left <= left.zero() || stop.stop_requested()) return false;
            sleep(connection_ ? left : std::min(left, kTryAgainEvery));
        }
    }

  private:
    void sleep(std::chrono::milliseconds timeout) {
        std::array<pollfd, 2> wanted{
            {{.fd = stopped_.get(), .events = POLLIN, .revents = 0},
             {.fd = connection_ ? connection_->socket() : -1, .events = POLLIN, .revents = 0}}};
        ::poll(wanted.data(), wanted.size(),
               static_cast<int>(std::min<std::int64_t>(timeout.count(), 3'600'000)));
    }

    const std::string address_;
    const std::string name_;
    const std::string channel_;
    Fd stopped_;
    std::unique_ptr<PostgresConnection> connection_;
};

}  // namespace

std::string channel_of(std::string_view topic) { return "rushlight_" + std::string(topic); }

Result<std::unique_ptr<Watcher>> make_postgres_watcher(const std::string& address, const std::string& name,
                                                       std::string_view topic) {
    Fd stopped(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stopped) return fail_errno("cannot make an event descriptor");
    auto watcher = std::make_unique<PostgresWatcher>(address, name, channel_of(topic), std::move(stopped));
    if (auto connected = watcher->connect(); !connected) return pass(std::move(connected.error()));
    return watcher;
}

}  // namespace rushlight::store
