// Private: Argon2id for a bounded number of passwords at once.
#pragma once

#include "accounts/accounts.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

namespace rushlight::accounts {

class Passwords {
  public:
    explicit Passwords(const AccountOptions& options)
        : effort_(options.effort), most_(options.hashes_at_once), most_waiting_(options.hashes_waiting) {}

    // Takes the time of one hash. `unavailable` where too many wait, or the memory is not there.
    Result<std::string> hash(std::string_view password);
    // Against nothing, where there is no hash: takes as long, and is false.
    Result<bool> verify(std::string_view hash, std::string_view password);
    // Whether it was made with another effort than the present one.
    bool is_old(const std::string& hash) const;
    std::int64_t tried() const { return tried_; }

  private:
    class Turn;
    Result<std::string> hash_now(std::string_view password) const;
    std::string stand_in() const;  // spelled like a hash, of nothing that anybody could know

    const vault::Effort effort_;
    const int most_;
    const int most_waiting_;
    std::mutex mutex_;
    std::condition_variable freed_;
    int busy_ = 0;
    int waiting_ = 0;
    std::atomic<std::int64_t> tried_ = 0;
};

}  // namespace rushlight::accounts
