// Deliveries: the webhooks that came, newest first, within bounds, and whether their signatures are good.
//
// Nothing is kept on a disk; secrets are kept in memory only and never shown again. A secret may be given
// after a delivery came: its signature is looked at as of the time when it came. Thread-safe.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rushlight::practice {

struct Delivery {
    std::uint64_t number = 0;  // from 1
    Time at;
    int answered = 204;
    std::vector<std::pair<std::string, std::string>> headers{};  // as sent
    std::string body{};

    // The first header of that name, in any case; "" where there is none.
    std::string_view header(std::string_view name) const;
};

enum class Signature : std::uint8_t {
    none,       // it carries none
    unchecked,  // nobody has given a secret
    good,
    bad,  // with none of the secrets that were given
};
std::string_view to_string(Signature signature);

class Deliveries {
  public:
    static constexpr std::size_t kMost = 200;                         // the oldest goes first
    static constexpr std::size_t kMostBytes = std::size_t{16} << 20;  // of bodies and headers
    static constexpr std::size_t kMostSecrets = 16;
    static constexpr std::size_t kMostSecretBytes = 200;

    void add(Delivery delivery);  // gives it its number
    struct Seen {
        Delivery delivery;
        Signature signature = Signature::none;
    };
    std::vector<Seen> newest_first() const;
    // Fails with `invalid` for one that can be none.
    Status add_secret(std::string_view secret);
    std::size_t secrets() const;

  private:
    Signature check(const Delivery& delivery) const;

    mutable std::mutex mutex_;
    std::deque<Delivery> kept_;  // the newest first
    std::vector<std::string> secrets_;
    std::uint64_t number_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace rushlight::practice
