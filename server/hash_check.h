// hash_check: POST /api/v1/check/hash, the route that is asked most. What it is asked is read and answered on
// the thread that read it, without a disk; only where something matched does the answer wait for what follows
// to be stored.
#pragma once

#include "base/reason.h"
#include "check/service.h"
#include "http/http.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::server {

inline constexpr std::size_t kMostHashes = 10'000;
inline constexpr std::size_t kMostReceipts = 1'000;  // each names every list
inline constexpr std::uint64_t kMostHashBody = 4 << 20;
// So few hashes are answered on the thread that read them: more than a dozen searches of a large index would
// keep the other connections of that thread waiting for milliseconds.
inline constexpr std::uint64_t kInlineHashBody = 1 << 10;

// {"context":{…},"receipt":true} of any check's body, asked by `who`.
Result<check::Asked> asked_of(const nlohmann::json& body, std::string_view who);

class HashCheck {
  public:
    // Reads and answers. Fails with `invalid` where the body as a whole is wrong; a bad hash errs alone.
    static Result<HashCheck> answer(const check::Service& service, const nlohmann::json& body,
                                    std::string_view who);

    bool must_wait() const { return check::Service::must_wait(replies_); }
    // Stores what follows; then the answer may be given.
    Status store(check::Service& service) { return service.store(replies_, asked_); }
    std::string text() const;  // JSON

  private:
    struct Line {
        std::string hash;
        std::optional<Problem> problem{};  // where it is no hash, or none that can be compared
        std::size_t reply = 0;             // else its number in replies_
    };
    check::Asked asked_;
    std::vector<Line> lines_;
    std::vector<check::Reply> replies_;
    check::Action if_unread_ = check::Action::hold;  // of a bad hash: that much at the least
};

}  // namespace rushlight::server
