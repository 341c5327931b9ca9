// multipart: reads a form's parts while they come in. Nothing but a part's head is ever kept.
//
//   auto reader = MultipartReader::create(head.header("Content-Type"), form, {});   // form: what takes the
//   parts return Plan::streamed(*reader, 1 << 30, …);
//
// Any cutting of the body into pieces gives the same parts. Errors: `invalid` says which part is malformed
// and how, `limit` which bound was passed; an error of the FormSink is handed on as it is. A body that ends
// too early is `invalid` at finish(). Threads: one at a time. Owns nothing of the form; the FormSink outlives
// it. Source: RFC 7578 (form data), RFC 2046 5.1 (multipart), HTML (how browsers write names). No preamble is
// taken, and no Content-Transfer-Encoding but the plain ones; what follows the last boundary is ignored.
#pragma once

#include "http/http.h"

#include <memory>
#include <string>
#include <string_view>

namespace rushlight::http {

struct PartHead {
    std::string name;                     // of the field; UTF-8
    std::optional<std::string> filename;  // where it is a file; never a path to be trusted
    std::string content_type = "text/plain";
};

// Gets begin, any number of takes, end; for each part in order.
class FormSink {
  public:
    virtual ~FormSink() = default;
    virtual Status begin(const PartHead& part) = 0;
    virtual Status take(Bytes piece) = 0;
    virtual Status end() = 0;
};

struct MultipartLimits {
    std::size_t parts = 100;
    std::size_t head_bytes = 8 * 1024;  // of one part
};

class MultipartReader final : public BodySink {
  public:
    // `invalid` where the Content-Type is no multipart/form-data with a boundary.
    static Result<std::shared_ptr<MultipartReader>> create(std::string_view content_type, FormSink& form,
                                                           MultipartLimits limits);

    Status take(Bytes piece) override;
    Status finish() override;

  private:
    enum class State { start, behind_boundary, head, body, done };

    MultipartReader(std::string boundary, FormSink& form, MultipartLimits limits);
    Status read(std::string_view& bytes);
    Status read_start(std::string_view& bytes);
    Status read_behind_boundary(std::string_view& bytes);
    Status read_head(std::string_view& bytes);
    Status read_body(std::string_view& bytes);
    Status begin_part();
    tl::unexpected<Error> malformed(std::string_view how) const;

    const std::string boundary_;  // with CR LF and the two dashes in front
    FormSink& form_;
    const MultipartLimits limits_;
    State state_ = State::start;
    std::string held_;  // a head so far, or a beginning of the boundary
    std::size_t part_ = 0;
    std::optional<Error> failed_;
};

}  // namespace rushlight::http
