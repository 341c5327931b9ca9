// vitals: looks each second at what changes by itself, and tells the log when it does: the canary falling
// silent, children that crash, jobs that die, a store that is gone.
//
// For one thread.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>

namespace rushlight::server {

class App;

class Vitals {
  public:
    // `ticked`: whether the store answered just now.
    void look(const App& app, const Status& ticked, std::int64_t dead_jobs);

  private:
    struct Children {
        std::uint64_t crashed = 0, timed_out = 0;
    };
    void look_at_canary(const App& app);
    void look_at_disk(const App& app);

    bool store_gone_ = false, canary_missed_ = false, disk_low_ = false;
    Children light_, all_;
    std::int64_t dead_jobs_ = 0;
};

}  // namespace rushlight::server
