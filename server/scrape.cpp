#include "server/scrape.h"

#include "audit/audit.h"
#include "audit/verify.h"
#include "queue/queue.h"
#include "server/app.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace rushlight::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Label = ClientMetric::Label;

double seconds(Time time) { return static_cast<double>(time.micros) / 1e6; }

class Families {
  public:
    template <class Number>
    void gauge(const char* name, const char* help, Number value, std::vector<Label> labels = {}) {
        ClientMetric metric;
        metric.label = std::move(labels);
        metric.gauge.value = static_cast<double>(value);
        add(name, help, MetricType::Gauge, std::move(metric));
    }
    template <class Number>
    void counter(const char* name, const char* help, Number value, std::vector<Label> labels = {}) {
        ClientMetric metric;
        metric.label = std::move(labels);
        metric.counter.value = static_cast<double>(value);
        add(name, help, MetricType::Counter, std::move(metric));
    }
    std::vector<MetricFamily> take() { return std::move(families_); }

  private:
    // Series of one name come one after the other.
    void add(const char* name, const char* help, MetricType type, ClientMetric metric) {
        if (families_.empty() || families_.back().name != name)
            families_.push_back({.name = name, .help = help, .type = type, .metric = {}});
        families_.back().metric.push_back(std::move(metric));
    }

    std::vector<MetricFamily> families_;
};

void add_canary(Families& out, App& app) {
    std::string why;
    out.gauge("rushlight_ready", "1 while checks can be answered, as /readyz says",
              app.is_ready(why) ? 1 : 0);
    const check::CanaryState canary = app.checks->canary();
    out.gauge("rushlight_canary_ok", "1 while the last end-to-end trial succeeded", canary.ok ? 1 : 0);
    out.gauge("rushlight_canary_last_success_timestamp_seconds",
              "When a trial last succeeded; 0: never in this process",
              canary.last_ok ? seconds(*canary.last_ok) : 0);
    out.gauge("rushlight_canary_duration_seconds", "Of the last trial", static_cast<double>(canary.ms) / 1e3);
}

void add_sandbox(Families& out, App& app) {
    const std::array pools{std::pair{"decode", app.light->counts()},
                           std::pair{"decode_all", app.all->counts()}};
    const auto each = [&](auto&& one) {
        for (const auto& [name, counts] : pools) one(std::vector<Label>{{"program", name}}, counts);
    };
    each([&](auto labels, const auto& c) {
        out.counter("rushlight_sandbox_jobs_total", "Files and members given to sandboxed children", c.jobs,
                    labels);
    });
    each([&](auto labels, const auto& c) {
        out.counter("rushlight_sandbox_children_total", "Children started", c.started, labels);
    });
    each([&](auto labels, const auto& c) {
        out.counter("rushlight_sandbox_crashes_total", "Children that died over a file", c.crashed, labels);
    });
    each([&](auto labels, const auto& c) {
        out.counter("rushlight_sandbox_timeouts_total", "Children that took too long over a file",
                    c.timed_out, labels);
    });
    each([&](auto labels, const auto& c) {
        out.gauge("rushlight_sandbox_waiting_jobs", "Files that wait for a child", c.waiting, labels);
    });
}

void add_lists(Families& out, App& app) {
    struct Sum {
        std::uint64_t lists = 0, entries = 0;
    };
    std::map<std::string, Sum> kinds{{"known", {}}, {"negative", {}}};
    for (const match::List& list : app.matcher->lists()) {
        if (list.name == check::kCanaryList) continue;
        Sum& sum = kinds[std::string(match::to_string(list.kind))];
        ++sum.lists;
        sum.entries += list.entries.active;
    }
    for (const auto& [kind, sum] : kinds)
        out.gauge("rushlight_lists", "Hash lists that are searched", sum.lists, {{"kind", kind}});
    for (const auto& [kind, sum] : kinds)
        out.gauge("rushlight_list_entries", "Their active entries", sum.entries, {{"kind", kind}});
    out.gauge("rushlight_match_index_bytes", "Memory of the match index", app.matcher->memory_bytes());
}

// What cannot be read just now is left out: the series ends, and rushlight_ready says why.
void add_stored(Families& out, App& app, Time now) {
    std::vector<queue::Count> jobs;
    const Status counted = app.store->read([&](store::Reader& reader) {
        return queue::counts(reader, now).map([&](auto counts) { jobs = std::move(counts); });
    });
    if (counted) {
        for (const queue::Count& job : jobs) {
            for (const auto& [state, number] :
                 {std::pair{"waiting", job.waiting}, {"running", job.running}, {"dead", job.dead}})
                out.gauge("rushlight_queue_jobs", "Jobs in the queue; dead ones wait for a person", number,
                          {{"kind", job.kind}, {"state", state}});
        }
        for (const queue::Count& job : jobs)
            out.counter("rushlight_queue_jobs_done_total", "Jobs that ended well, ever", job.done,
                        {{"kind", job.kind}});
        for (const queue::Count& job : jobs)
            out.gauge("rushlight_queue_oldest_due_age_seconds",
                      "How long the oldest job waits whose time has come",
                      job.oldest_due ? seconds(now) - seconds(*job.oldest_due) : 0, {{"kind", job.kind}});
    }
    if (const auto usage = app.area()->usage()) {
        out.gauge("rushlight_holding_enabled", "1 where matched files are held", app.area()->on() ? 1 : 0);
        out.gauge("rushlight_holding_files", "Files in the holding area", usage->files);
        out.gauge("rushlight_holding_bytes", "Their bytes", usage->bytes);
        out.gauge("rushlight_holding_quota_bytes", "How many it may hold", usage->quota);
    }
    if (const auto last = audit::read(*app.store, {}, std::nullopt, 1))
        out.counter("rushlight_audit_entries_total", "Entries of the audit log",
                    last->entries.empty() ? 0 : last->entries.front().number);
    if (const auto checkpoint = audit::last_checkpoint(*app.store)) {
        out.gauge("rushlight_audit_checkpoint_timestamp_seconds",
                  "When the audit log's end was last signed; 0: never",
                  *checkpoint ? seconds((*checkpoint)->at) : 0);
        out.gauge("rushlight_audit_checkpoint_entries", "Entries that this signature covers",
                  *checkpoint ? (*checkpoint)->number : 0);
    }
    out.gauge("rushlight_store_schema_version", "Migrations that the store has had",
              app.store->schema_version());
}

void add_http(Families& out, const http::Counters& http) {
    out.gauge("rushlight_http_connections", "Open connections", http.connections);
    out.gauge("rushlight_http_event_streams", "Live views", http.event_streams);
    out.gauge("rushlight_http_queued_requests", "Requests that wait for a worker", http.queued);
    out.gauge("rushlight_http_body_bytes", "Bodies in memory, uploads left out", http.body_bytes);
    out.counter("rushlight_http_connections_total", "Connections taken", http.accepted);
    out.counter("rushlight_http_connections_refused_total", "Connections beyond the most there may be",
                http.turned_away);
    out.counter("rushlight_http_requests_malformed_total", "Requests that are no HTTP or too large",
                http.malformed);
    out.counter("rushlight_http_requests_too_busy_total", "Requests refused for a full queue or memory",
                http.too_busy);
    out.counter("rushlight_http_requests_timed_out_total", "Requests that came too slowly", http.timed_out);
    out.counter("rushlight_http_answers_cut_total", "Answers that nobody took to their end", http.cut);
    out.counter("rushlight_http_handler_failures_total", "Bugs: handlers that threw or did not answer",
                http.failed);
    out.counter("rushlight_http_received_bytes_total", "Bytes from clients", http.bytes_in);
    out.counter("rushlight_http_sent_bytes_total", "Bytes to clients", http.bytes_out);
}

// The names that every client library of Prometheus uses.
void add_process(Families& out, Time started) {
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0) {
        const auto of = [](const timeval& t) {
            return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
        };
        out.counter("process_cpu_seconds_total", "Processor time, decode children left out",
                    of(used.ru_utime) + of(used.ru_stime));
    }
    std::ifstream statm("/proc/self/statm");
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    if (statm >> size >> resident) {
        const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        out.gauge("process_virtual_memory_bytes", "Address space", size * page);
        out.gauge("process_resident_memory_bytes", "Memory in use", resident * page);
    }
    std::error_code error;
    const auto fds = std::distance(std::filesystem::directory_iterator("/proc/self/fd", error), {});
    if (!error) out.gauge("process_open_fds", "Open descriptors", fds);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        out.gauge("process_max_fds", "Most open descriptors", limit.rlim_cur);
    out.gauge("process_start_time_seconds", "When the process began", seconds(started));
}

}  // namespace

std::vector<MetricFamily> scrape(App& app, const std::optional<http::Counters>& http) {
    Families out;
    out.gauge("rushlight_build_info", "1, with what is running", 1, {{"version", RUSHLIGHT_VERSION}});
    add_canary(out, app);
    add_sandbox(out, app);
    add_lists(out, app);
    add_stored(out, app, app.clock.now());
    out.gauge("rushlight_upload_bytes", "Uploads in memory", app.uploads->used());
    out.gauge("rushlight_upload_limit_bytes", "How many there may be", kMostUploads);
    out.gauge("rushlight_disk_full", "1 while the disk is full and nothing new is stored",
              app.reserve.full() ? 1 : 0);
    out.gauge("rushlight_disk_reserve_bytes", "Room kept for that day, while it is kept",
              app.reserve.held() ? app.reserve.bytes() : 0);
    out.gauge("rushlight_clock_leap_seconds",
              "How far the clock leapt against the time since boot; 0: it did not",
              static_cast<double>(app.clock_watch.leap().count()) / 1e6);
    std::error_code error;
    const auto space = std::filesystem::space(app.options.config.data, error);
    if (!error) {
        out.gauge("rushlight_disk_free_bytes", "Free for the data folder", space.available);
        out.gauge("rushlight_disk_size_bytes", "Its disk", space.capacity);
    }
    out.counter("rushlight_log_lines_left_out_total", "Lines of the log that a flood kept from being written",
                app.log.lost());
    if (http) add_http(out, *http);
    add_process(out, app.started);
    return std::move(out).take();
}

}  // namespace rushlight::server
