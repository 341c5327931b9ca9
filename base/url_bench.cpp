// url_bench: parsing the links that a crawl meets. Prints JSON lines.
#include "base/url.h"

#include <array>
#include <chrono>
#include <cstdio>

int main() {
    using rushlight::Url;
    struct Workload {
        const char* name;
        std::string_view link;
        bool relative;
    };
    constexpr std::array<Workload, 5> kWorkloads{{
        {"plain", "https://www.example.com/path/to/page.html?id=12345&lang=en", false},
        {"relative", "../images/photo-0042.jpg?w=640", true},
        {"address", "http://0x7f.0.0.1:8080/", false},
        {"international", "https://bücher.example/straße?q=größe", false},
        {"encoded", "https://example.com/a%20b/c d/ü?x=[1]#y", false},
    }};
    const auto base = Url::parse("https://www.example.com/gallery/2024/index.html");
    for (const Workload& workload : kWorkloads) {
        constexpr int kTimes = 200'000;
        std::size_t bytes = 0;
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < kTimes; ++i) {
            bytes += Url::parse(workload.link, workload.relative ? &*base : nullptr)->href().size();
        }
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
        std::printf("{\"name\":\"url/%s\",\"ns\":%.0f,\"href_bytes\":%zu}\n", workload.name,
                    took.count() / kTimes, bytes / kTimes);
    }
}
