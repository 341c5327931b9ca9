// scrape: what a server is asked about itself when Prometheus comes by. Private to metrics.
#pragma once

#include "http/http.h"

#include <optional>
#include <vector>

#include <prometheus/metric_family.h>

namespace rushlight::server {

class App;

std::vector<prometheus::MetricFamily> scrape(App& app, const std::optional<http::Counters>& http);

}  // namespace rushlight::server
