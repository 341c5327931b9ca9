// For benchmarks: what a process costs, as the kernel counts it.
#pragma once

#include <string>

#include <sys/types.h>

namespace rushlight::app::testing {

// Of a process and all below it, those included that have ended.
double cpu_seconds(pid_t process);

struct Memory {               // megabytes (10^6 bytes)
    double resident = 0;      // RSS: all its pages, mapped files among them
    double proportional = 0;  // PSS: shared pages divided among those who share them
    double own = 0;           // anonymous: what it has asked for itself
};
Memory memory_of(pid_t process);

}  // namespace rushlight::app::testing
