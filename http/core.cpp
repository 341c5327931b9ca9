#include "http/core.h"

#include "base/random.h"

#include <span>
#include <utility>

namespace rushlight::http {
namespace {

std::uint64_t random_number() {
    std::uint64_t number = 0;
    fill_random(std::as_writable_bytes(std::span(&number, 1)));
    return number;
}

}  // namespace

Core::Core(Options wanted, Handler wanted_handler, Networks proxies)
    : options(std::move(wanted)),
      handler(std::move(wanted_handler)),
      trusted(std::move(proxies)),
      workers(options.workers, options.limits.queued),
      id_seed_(random_number()) {}

// Ids tell nobody how many there were: Stafford's mix 13 of a random beginning and a number.
std::array<char, 16> Core::next_id() {
    std::uint64_t bits = id_seed_ + ids_.fetch_add(1, std::memory_order_relaxed);
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    bits ^= bits >> 31;
    std::array<char, 16> id{};
    for (char& digit : id) {
        digit = "0123456789abcdef"[bits >> 60];
        bits <<= 4;
    }
    return id;
}

Response Core::make_problem(int status, std::string_view detail) const {
    Response response = options.problem ? options.problem(status, detail) : problem(status, detail);
    response.status = status;
    if (status == 503) response.set("Retry-After", "1");
    if (status >= 500 && response.note.empty()) response.note = detail;
    return response;
}

Response Core::make_problem(const Error& error) const {
    switch (error.code) {
        case ErrorCode::limit:
            return make_problem(413, error.message);
        case ErrorCode::invalid:
            return make_problem(400, error.message);
        case ErrorCode::unavailable:
            return make_problem(503, error.message);
        case ErrorCode::denied:
            return make_problem(403, error.message);
        default:
            return make_problem(500, "the body could not be taken");
    }
}

bool Core::take_memory(std::uint64_t bytes) {
    const auto before = body_bytes.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= options.limits.body_bytes) return true;
    body_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
}

void Core::connection_closed() {
    if (open.fetch_sub(1) != 1) return;
    const std::lock_guard lock(mutex_);
    closed_.notify_all();
}

bool Core::wait_until_closed(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    return closed_.wait_for(lock, most, [this] { return open.load() == 0; });
}

Counters Core::counters() const {
    Counters all;
    all.connections = open;
    all.accepted = accepted;
    all.turned_away = turned_away;
    all.requests = requests;
    all.malformed = malformed;
    for (std::size_t i = 0; i < answers.size(); ++i) all.answers[i] = answers[i];
    all.too_busy = too_busy;
    all.timed_out = timed_out;
    all.cut = cut;
    all.failed = failed;
    const auto load = workers.load();
    all.queued = load.queued;
    all.running = load.running;
    all.body_bytes = body_bytes;
    all.event_streams = event_streams;
    all.bytes_in = bytes_in;
    all.bytes_out = bytes_out;
    return all;
}

}  // namespace rushlight::http
