#include "app/testing/bench_table.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace rushlight::app::testing {
namespace {

std::string held(double value, double by_cpu, double floor, double aim) {
    const auto said = [&](double v) {
        return aim > 0 && v >= aim ? "aim held" : v >= floor ? "floor held" : "below its floor";
    };
    std::string text = std::string("  ") + said(value);
    if (said(value) != std::string_view(said(by_cpu))) text += std::string(" (by cpu: ") + said(by_cpu) + ')';
    return text;
}

}  // namespace

Sample median(const std::vector<Sample>& samples) {
    const auto of = [&](auto member) {
        std::vector<double> values;
        for (const auto& sample : samples) values.push_back(sample.*member);
        std::ranges::sort(values);
        return values[values.size() / 2];
    };
    return {of(&Sample::rate), of(&Sample::per_cpu), of(&Sample::p50), of(&Sample::p99)};
}

void Table::head() const {
    if (!json_)
        std::printf("%-46s %10s %11s %8s %8s %6s %7s\n", "workload", "rate/s", "rate/cpu-s", "p50 us",
                    "p99 us", "of", "cpu of");
}

void Table::row(const Workload& workload, const Sample& beside) const {
    const Sample sample = median(workload.samples);
    const bool compared = !workload.beside.empty();
    const double of = compared ? sample.rate / beside.rate : 0;
    const double cpu_of = compared && beside.per_cpu > 0 ? sample.per_cpu / beside.per_cpu : 0;
    std::string verdict;
    if (workload.floor > 0) verdict += held(sample.rate, sample.per_cpu, workload.floor, workload.aim);
    if (workload.floor_of > 0) verdict += held(of, cpu_of, workload.floor_of, 0);
    if (json_) {
        std::printf(
            R"({"bench":"serve","workload":"%s","unit":"%s","rate":%.1f,"per_cpu_second":%.1f,"p50_us":%.0f,"p99_us":%.0f)",
            workload.name.c_str(), workload.unit.c_str(), sample.rate, sample.per_cpu, sample.p50,
            sample.p99);
        if (compared)
            std::printf(R"(,"beside":"%s","of":%.3f,"cpu_of":%.3f)", workload.beside.c_str(), of, cpu_of);
        std::printf("}\n");
    } else {
        std::printf("%-46s %10.0f %11.0f %8.0f %8.0f ", (workload.name + ", " + workload.unit).c_str(),
                    sample.rate, sample.per_cpu, sample.p50, sample.p99);
        if (compared) std::printf("%6.2f %7.2f", of, cpu_of);
        std::printf("%s\n", verdict.c_str());
    }
    std::fflush(stdout);
}

void Table::line(const std::string& workload, double value, const char* unit, const std::string& note) const {
    if (json_)
        std::printf(R"({"bench":"serve","workload":"%s","value":%.6g,"unit":"%s","note":"%s"})"
                    "\n",
                    workload.c_str(), value, unit, note.c_str());
    else
        std::printf("%-46s %10.4g %-6s %s\n", workload.c_str(), value, unit, note.c_str());
    std::fflush(stdout);
}

}  // namespace rushlight::app::testing
