// What comes back of one hop, held to the limits: head first, then content.
#pragma once

#include "net/gunzip.h"
#include "net/transfer.h"

#include <optional>
#include <string_view>

namespace rushlight::net {

class ResponseReader {
  public:
    ResponseReader(const HopRequest& request, Receiver& receiver) : request_(request), receiver_(receiver) {}

    // One line of a head (a status line, a header, the empty line at the end), or of the trailers.
    Outcome<void> line(std::string_view line);
    Outcome<void> content(Bytes received);
    // Everything has come.
    Outcome<void> end();

    // The head says that the answer is elsewhere: there is nothing more to read.
    bool is_redirect() const { return response_.redirect.has_value(); }
    bool has_head() const { return head_done_; }
    HopResponse& response() { return response_; }

  private:
    Outcome<void> head_done();
    Outcome<void> hand_on(Bytes content);
    Outcome<const std::string*> only(std::string_view name) const;

    const HopRequest& request_;
    Receiver& receiver_;
    HopResponse response_;
    std::size_t header_bytes_ = 0, header_count_ = 0;
    bool head_done_ = false;
    std::optional<Gunzip> gunzip_;
};

}  // namespace rushlight::net
