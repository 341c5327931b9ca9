// For benchmarks of the whole: the doors that the service calls, asked in this process.
#pragma once

#include "app/testing/bench_table.h"
#include "check/check.h"
#include "match/match.h"
#include "media/fingerprint.h"
#include "sandbox/sandbox.h"
#include "store/store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace rushlight::app::testing {

inline constexpr int kServerCore = 0;
inline constexpr int kLoadCore = 1;

// Runs `work(n)` with rising n on `threads` threads of the server's core for a while.
Sample on_server_core(double seconds, int threads, const std::function<void(std::uint64_t)>& work);

// The fingerprinter and the matcher as a scan has them; its decoding children have the server's core.
class Doors {
  public:
    explicit Doors(const std::string& data);

    // Fail with std::runtime_error where the answer is not the one that is right: nothing is known of it.
    void match(const Pdq& unknown) const;
    void check(const Content& photograph) const;

  private:
    store::Store store_;
    std::unique_ptr<match::Lists> lists_;
    std::unique_ptr<match::Matcher> matcher_;
    sandbox::Pool light_, all_;
    media::Fingerprinter fingerprinter_;
    check::Checker checker_;
};

}  // namespace rushlight::app::testing
