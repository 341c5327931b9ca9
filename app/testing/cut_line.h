// A line to a PostgreSQL server that a test can cut and mend: a socket of our own before the real one.
#pragma once

#include "app/testing/program.h"
#include "base/fd.h"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rushlight::app::testing {

class CutLine {
  public:
    // `address`: postgresql://user@/database?host=FOLDER, as store/testing gives it. Begins mended.
    explicit CutLine(const std::string& address);
    ~CutLine();
    CutLine(const CutLine&) = delete;
    CutLine& operator=(const CutLine&) = delete;

    const std::string& address() const { return ours_; }  // the same database through this line
    void cut();                                           // ends all connections; new ones are refused
    void mend();                                          // takes new ones again

  private:
    void listen();
    void serve();

    const Folder folder_;
    std::string real_, socket_, ours_;
    std::mutex mutex_;
    Fd listening_;
    struct Pair {
        Fd from, to;
    };
    std::vector<Pair> pairs_;
    std::atomic<bool> ended_{false};
    std::thread thread_;
};

}  // namespace rushlight::app::testing
