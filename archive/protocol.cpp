#include "archive/protocol.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace rushlight::archive {
namespace {

struct WireHead {
    std::uint32_t count;
    std::uint8_t next;
    std::uint8_t problem;  // 0: none, else Reason + 1
    std::uint8_t spare_used;
    std::uint8_t zero;
    std::uint32_t message_size;
    std::uint32_t zero2;
    std::uint64_t progress;
};
static_assert(sizeof(WireHead) == 24);

struct WireEntry {
    std::uint32_t name_size;
    std::uint32_t message_size;
    std::uint64_t size;
    std::int64_t date;
    std::uint8_t has_date;
    std::uint8_t problem;
    std::uint8_t place;
    std::uint8_t zero[5];
};
static_assert(sizeof(WireEntry) == 32);
static_assert(sizeof(Allowance) == 40);

constexpr std::uint8_t kReasons = static_cast<std::uint8_t>(Reason::not_media) + 1;

template <class T>
Bytes raw(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_bytes(std::span(&value, 1));
}

void append(ByteVector& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

std::uint8_t wire_reason(const std::optional<Problem>& problem) {
    return problem ? static_cast<std::uint8_t>(static_cast<std::uint8_t>(problem->reason) + 1) : 0;
}

std::string_view message_of(const std::optional<Problem>& problem) {
    return problem ? std::string_view(problem->message).substr(0, kMaxMessage) : std::string_view();
}

// Takes values off the front; once something is missing, everything is.
class Parser {
  public:
    explicit Parser(Bytes bytes) : left_(bytes) {}

    template <class T>
    T value() {
        T out{};
        const Bytes bytes = take(sizeof(T));
        if (ok_) std::memcpy(&out, bytes.data(), sizeof(T));
        return out;
    }
    Bytes take(std::uint64_t n) {
        if (!ok_ || n > left_.size()) {
            ok_ = false;
            return {};
        }
        const Bytes out = left_.first(static_cast<std::size_t>(n));
        left_ = left_.subspan(static_cast<std::size_t>(n));
        return out;
    }
    // A message stands exactly where there is a reason.
    std::optional<Problem> problem(std::uint8_t reason, std::uint32_t message_size) {
        const auto text = text_of(take(message_size));
        if (reason > kReasons || message_size > kMaxMessage || (reason == 0 && message_size != 0))
            ok_ = false;
        if (!ok_ || reason == 0) return std::nullopt;
        return Problem{static_cast<Reason>(reason - 1), std::string(text)};
    }
    void require(bool condition) { ok_ = ok_ && condition; }
    bool ok() const { return ok_; }
    bool at_end() const { return left_.empty(); }

  private:
    Bytes left_;
    bool ok_ = true;
};

Entry parse_entry(Parser& in) {
    const auto wire = in.value<WireEntry>();
    Entry entry;
    in.require(wire.name_size <= kMaxName && wire.has_date <= 1 && wire.place <= 2 &&
               std::all_of(std::begin(wire.zero), std::end(wire.zero), [](auto b) { return b == 0; }));
    in.require(wire.has_date == 1 || wire.date == 0);
    entry.name = std::string(text_of(in.take(wire.name_size)));
    entry.problem = in.problem(wire.problem, wire.message_size);
    if (wire.has_date == 1) entry.date = Time{wire.date};
    entry.place = static_cast<Place>(wire.place);
    entry.size = wire.size;
    if (entry.place == Place::in_message) {
        in.require(wire.size <= kMaxInline);
        entry.bytes = in.take(wire.size);
    }
    if (entry.place == Place::nowhere) in.require(wire.problem != 0 && wire.size == 0);
    return entry;
}

}  // namespace

ByteVector write_allowance(const Allowance& allowance) {
    const Bytes bytes = raw(allowance);
    return {bytes.begin(), bytes.end()};
}

std::optional<Allowance> parse_allowance(Bytes body) {
    if (body.size() != sizeof(Allowance)) return std::nullopt;
    Allowance out;
    std::memcpy(&out, body.data(), sizeof(out));
    return out;
}

BatchWriter::BatchWriter() : body_(sizeof(WireHead)) {}

// A closing problem must always fit behind the members.
std::size_t BatchWriter::room(std::size_t name_size) const {
    const std::size_t used =
        body_.size() + sizeof(WireEntry) + std::min(name_size, kMaxName) + 2 * kMaxMessage;
    return used >= kMaxBatch ? 0 : std::min(kMaxBatch - used, kMaxInline);
}

bool BatchWriter::fits(std::size_t name_size) const { return empty() || room(name_size) > 0; }

void BatchWriter::add(std::string_view name, std::optional<Time> date, const std::optional<Problem>& problem,
                      Place place, std::uint64_t size, Bytes bytes) {
    const auto cut = name.substr(0, kMaxName);
    const auto message = message_of(problem);
    WireEntry wire{};
    wire.name_size = static_cast<std::uint32_t>(cut.size());
    wire.message_size = static_cast<std::uint32_t>(message.size());
    wire.size = size;
    wire.date = date ? date->micros : 0;
    wire.has_date = date ? 1 : 0;
    wire.problem = wire_reason(problem);
    wire.place = static_cast<std::uint8_t>(place);
    append(body_, raw(wire));
    append(body_, bytes_of(cut));
    append(body_, bytes_of(message));
    if (place == Place::in_message) append(body_, bytes);
    ++count_;
}

ByteVector BatchWriter::take(Next next, const std::optional<Problem>& problem, bool spare_used,
                             std::uint64_t progress) {
    const auto message = message_of(problem);
    WireHead head{};
    head.count = count_;
    head.next = static_cast<std::uint8_t>(next);
    head.problem = wire_reason(problem);
    head.spare_used = spare_used ? 1 : 0;
    head.message_size = static_cast<std::uint32_t>(message.size());
    head.progress = progress;
    std::memcpy(body_.data(), &head, sizeof(head));
    append(body_, bytes_of(message));
    ByteVector out = std::move(body_);
    body_.assign(sizeof(WireHead), std::byte{0});
    count_ = 0;
    return out;
}

std::optional<Batch> parse_batch(Bytes body) {
    Parser in(body);
    const auto head = in.value<WireHead>();
    Batch batch;
    in.require(head.next <= 2 && head.spare_used <= 1 && head.zero == 0 && head.zero2 == 0 &&
               head.count <= body.size() / sizeof(WireEntry));
    in.require((head.next == static_cast<std::uint8_t>(Next::failed)) == (head.problem != 0));
    in.require(head.spare_used == 0 || head.count > 0);  // nothing but a member uses it up
    batch.next = static_cast<Next>(head.next);
    batch.spare_used = head.spare_used == 1;
    batch.progress = head.progress;
    for (std::uint32_t i = 0; in.ok() && i < head.count; ++i) {
        Entry entry = parse_entry(in);
        // One spare file holds one member, and that is the batch's last.
        if (entry.place == Place::in_spare) in.require(batch.spare_used && i + 1 == head.count);
        batch.entries.push_back(std::move(entry));
    }
    batch.problem = in.problem(head.problem, head.message_size);
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return batch;
}

}  // namespace rushlight::archive
