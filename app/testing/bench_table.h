// For benchmarks of the whole: workloads, what their rounds gave, and the table that is printed of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace rushlight::app::testing {

// What one round of a workload gave.
struct Sample {
    double rate = 0, per_cpu = 0, p50 = 0, p99 = 0;
};

// Of each figure by itself.
Sample median(const std::vector<Sample>& samples);

struct Workload {
    std::string name;
    std::string unit;  // of rate/s
    std::function<Sample()> round;
    std::string beside{};       // the workload it is held against
    double floor = 0, aim = 0;  // of rate/s
    double floor_of = 0;        // of the share of `beside`
    std::vector<Sample> samples{};
};

class Table {
  public:
    explicit Table(bool json) : json_(json) {}

    void head() const;
    // `beside`: what the workload is held against, where it is.
    void row(const Workload& workload, const Sample& beside) const;
    void line(const std::string& workload, double value, const char* unit,
              const std::string& note = {}) const;

  private:
    bool json_;
};

}  // namespace rushlight::app::testing
