// The canary: a detector that has quietly stopped is worse than none.

#include "base/text.h"
#include "check/service.h"
#include "check/state.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <nlohmann/json.hpp>

namespace rushlight::check {
namespace {

constexpr std::uint32_t kSide = 256;
constexpr std::chrono::microseconds kKeepRuns = std::chrono::hours(24 * 30);
// How far from its own hash the canary may be read. Being lossless it is read exactly.
constexpr int kNear = 0;

std::uint32_t crc_of(Bytes bytes) {  // PNG specification, annex D
    std::uint32_t crc = 0xFFFFFFFFU;
    for (const std::byte b : bytes) {
        crc ^= std::to_integer<std::uint32_t>(b);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

void put_u32(ByteVector& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(value >> shift));
}

void put_chunk(ByteVector& out, std::string_view type, Bytes body) {
    put_u32(out, static_cast<std::uint32_t>(body.size()));
    ByteVector summed;
    for (const char c : type) summed.push_back(static_cast<std::byte>(c));
    summed.insert(summed.end(), body.begin(), body.end());
    out.insert(out.end(), summed.begin(), summed.end());
    put_u32(out, crc_of(summed));
}

// Soft hills: what a photograph has of light and dark, in whole numbers so that every machine draws the same.
std::uint8_t pixel(std::uint32_t x, std::uint32_t y) {
    struct Hill {
        std::int32_t x, y, radius, height;
    };
    constexpr std::array kHills = {Hill{40, 60, 70, 120},  Hill{200, 40, 60, 90},   Hill{128, 140, 90, -80},
                                   Hill{70, 210, 60, 100}, Hill{220, 190, 75, 110}, Hill{150, 80, 40, 70},
                                   Hill{20, 150, 50, -60}, Hill{180, 240, 50, -70}};
    std::int32_t light = 90;
    for (const Hill& hill : kHills) {
        const std::int32_t dx = static_cast<std::int32_t>(x) - hill.x;
        const std::int32_t dy = static_cast<std::int32_t>(y) - hill.y;
        const std::int32_t inside = hill.radius * hill.radius - dx * dx - dy * dy;
        if (inside > 0) light += hill.height * inside / (hill.radius * hill.radius);
    }
    return static_cast<std::uint8_t>(std::clamp(light, 0, 255));
}

std::string words_of(const std::optional<Problem>& problem) {
    return problem ? std::string(to_string(problem->reason)) + ": " + problem->message : "no reason given";
}

bool names(const match::Answer& answer, std::string_view list, std::string_view entry) {
    const auto is_it = [&](const match::Match& match) { return match.list == list && match.entry == entry; };
    return std::ranges::any_of(answer.matches, is_it) ||
           std::ranges::any_of(answer.suppressed, [&](const match::Suppressed& s) { return is_it(s.match); });
}

}  // namespace

ByteVector canary_picture() {
    ByteVector raw;
    for (std::uint32_t y = 0; y < kSide; ++y) {
        raw.push_back(std::byte{0});  // no filter
        for (std::uint32_t x = 0; x < kSide; ++x) raw.push_back(static_cast<std::byte>(pixel(x, y)));
    }
    // Deflate's stored blocks (RFC 1951, 3.2.4) within zlib's frame (RFC 1950): the same bytes with any
    // library.
    ByteVector packed = {std::byte{0x78}, std::byte{0x01}};
    std::uint32_t a = 1;
    std::uint32_t b = 0;
    constexpr std::size_t kBlock = 65'535;
    for (std::size_t at = 0; at < raw.size(); at += kBlock) {
        const std::size_t n = std::min(kBlock, raw.size() - at);
        packed.push_back(static_cast<std::byte>(at + n == raw.size() ? 1 : 0));
        for (const std::size_t length : {n, ~n}) {
            packed.push_back(static_cast<std::byte>(length));
            packed.push_back(static_cast<std::byte>(length >> 8));
        }
        for (std::size_t i = at; i < at + n; ++i) {
            packed.push_back(raw[i]);
            a = (a + std::to_integer<std::uint32_t>(raw[i])) % 65'521;
            b = (b + a) % 65'521;
        }
    }
    put_u32(packed, b << 16 | a);

    ByteVector png;
    for (const char byte : std::string_view("\x89PNG\r\n\x1A\n")) png.push_back(static_cast<std::byte>(byte));
    ByteVector header;
    put_u32(header, kSide);
    put_u32(header, kSide);
    for (const int byte : {8, 0, 0, 0, 0}) header.push_back(static_cast<std::byte>(byte));  // 8-bit grey
    put_chunk(png, "IHDR", header);
    put_chunk(png, "IDAT", packed);
    put_chunk(png, "IEND", {});
    return png;
}

Pdq canary_pdq() {
    return Pdq::parse("997cfce3ed3ca7928cd87618224fcf21c754e9b8cfcd2203e59873b295311845").value();
}

Status Service::State::make_canary_list() {
    const auto found = parts.lists.find(kCanaryList);
    if (!found && found.error().code != ErrorCode::not_found) return pass(found.error());
    if (!found) {
        match::ListSettings settings;
        settings.name = kCanaryList;
        settings.category = "canary";
        settings.source = "Rushlight itself: its one picture shows that checks work";
        settings.thresholds.pdq = kNear;
        const auto made = parts.lists.create(settings, "system");
        if (!made && made.error().code != ErrorCode::conflict) return pass(made.error());
    }
    const match::Value value = match::Value::of(canary_pdq());
    const auto added = parts.lists.add(kCanaryList, {&value, 1}, "system", "a drawing of hills");
    return added ? Status{} : pass(added.error());
}

CanaryState Service::sing() {
    State& s = *state_;
    const auto start = Steady::now();
    CanaryState now{
        .ok = false, .last_ok = canary().last_ok, .at = s.parts.clock.now(), .ms = 0, .error = {}};
    const auto content = Content::from_bytes(canary_picture());
    if (!content) {
        now.error = content.error().message;
    } else {
        const Outcome outcome = s.checker.check(*content, "canary");
        if (!names(outcome.answer, kCanaryList, canary_pdq().hex())) {
            now.error = outcome.decision == Decision::unreadable
                            ? "the canary's picture could not be read: " + words_of(outcome.problem)
                            : "the canary's picture was read, and not found in its list";
        }
    }
    // Each list that is searched has to answer for one of its own entries.
    const auto lists = s.parts.lists.all();
    if (!lists && now.error.empty()) now.error = lists.error().message;
    for (const match::List& list : lists ? *lists : std::vector<match::List>{}) {
        if (!now.error.empty()) break;
        if (list.kind != match::ListKind::known || (list.expires && *list.expires <= now.at)) continue;
        const auto page = s.parts.lists.entries(list.name, {}, 16);
        if (!page) {
            now.error = page.error().message;
            break;
        }
        const auto entry = std::ranges::find_if(page->entries, [](const match::Entry& e) {
            return e.state == match::EntryState::active && e.value.method != match::Method::photodna;
        });
        if (entry == page->entries.end()) continue;
        const auto outcome = s.checker.decide(match::query_of(entry->value));
        if (!outcome || !names(outcome->answer, list.name, entry->value.text()))
            now.error = "the list " + printable(list.name) + " does not answer for an entry of its own";
    }
    now.ok = now.error.empty();
    now.ms = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - start).count();
    if (now.ok) now.last_ok = now.at;

    const CanaryState before = canary();
    (void)s.store.save_canary({.at = now.at, .ok = now.ok, .ms = now.ms, .error = now.error},
                              now.at + -kKeepRuns);
    const bool was_ok = before.ok || before.at == Time{};  // nobody is alarmed by a first one that is well
    if (s.parts.publish && now.ok != was_ok) {
        const std::string body =
            nlohmann::ordered_json{{"ok", now.ok}, {"at", now.at.rfc3339()}, {"error", now.error}}.dump();
        (void)s.parts.store.write([&](store::Writer& writer) {
            return s.parts.publish(writer, now.ok ? "canary.back" : "canary.missed", body, now.at);
        });
    }
    const std::scoped_lock lock(s.canary_mutex);
    s.canary = now;
    return now;
}

CanaryState Service::canary() const {
    const std::scoped_lock lock(state_->canary_mutex);
    return state_->canary;
}

Result<std::vector<CanaryState>> Service::canary_history(int limit) {
    const auto runs = state_->store.canary_runs(limit);
    if (!runs) return pass(runs.error());
    std::vector<CanaryState> states;
    for (const CanaryRun& run : *runs) {
        states.push_back({.ok = run.ok, .last_ok = {}, .at = run.at, .ms = run.ms, .error = run.error});
    }
    return states;
}

}  // namespace rushlight::check
