#include "match/change.h"

#include <algorithm>

namespace rushlight::match {
namespace {

constexpr unsigned kNone = 3;

unsigned code(std::optional<EntryState> state) { return state ? static_cast<unsigned>(*state) : kNone; }
std::optional<EntryState> decode(unsigned code) {
    return code == kNone ? std::nullopt : std::optional(static_cast<EntryState>(code));
}

}  // namespace

ByteVector pack_changes(std::span<const Change> changes) {
    std::size_t size = 0;
    for (const auto& change : changes) size += 2 + change.key.view().size();
    ByteVector out(size);
    auto at = out.begin();
    for (const auto& change : changes) {
        *at++ = static_cast<std::byte>(change.key.method);
        *at++ = static_cast<std::byte>(code(change.before) << 2 | code(change.after));
        at = std::ranges::copy(change.key.view(), at).out;
    }
    return out;
}

Result<std::vector<Change>> unpack_changes(Bytes bytes) {
    std::vector<Change> changes;
    while (!bytes.empty()) {
        Change change;
        const auto method = std::to_integer<unsigned>(bytes[0]);
        const unsigned states = bytes.size() > 1 ? std::to_integer<unsigned>(bytes[1]) : 16;
        if (method >= formats::kMethods || states >= 16)
            return fail(ErrorCode::corrupt, "the change log is damaged");
        change.key.method = static_cast<Method>(method);
        change.before = decode(states >> 2);
        change.after = decode(states & 3);
        const std::size_t size = Key::size_of(change.key.method);
        if (bytes.size() < 2 + size) return fail(ErrorCode::corrupt, "the change log is damaged");
        std::ranges::copy(bytes.subspan(2, size), change.key.bytes.begin());
        changes.push_back(change);
        bytes = bytes.subspan(2 + size);
    }
    return changes;
}

}  // namespace rushlight::match
