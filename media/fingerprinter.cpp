#include "media/exact.h"
#include "media/fingerprint.h"
#include "media/format.h"
#include "media/not_read.h"
#include "media/protocol.h"

#include <algorithm>
#include <array>

namespace rushlight::media {
namespace {

using Now = std::chrono::steady_clock;
constexpr int kMostReadings = 3;  // of a file that changes while it is read

Problem problem_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::denied:
            return {Reason::denied, error.message};
        case ErrorCode::limit:
            return {Reason::too_large, error.message};
        case ErrorCode::cancelled:
            return {Reason::timeout, error.message};
        default:
            return {Reason::corrupt, error.message};
    }
}

// One question to a child: send it, do something else, then hear the answer.
class Question {
  public:
    Question(sandbox::Pool& pool, sandbox::Submitter submitter, const Content& content, bool dihedral) {
        request_.dihedral = dihedral;
        // The child is to stop by itself a little before it would be killed.
        const auto patience = pool.options().limits.time.count();
        request_.time_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(patience - patience / 10, 1));
        auto job = pool.start(submitter);
        if (!job) {
            problem_ = job.error();
            return;
        }
        job_.emplace(std::move(*job));
        start_ = Now::now();
        const int fd = content.fd();
        if (auto sent = job_->send(protocol::kRequest, protocol::encode(request_), std::span(&fd, 1));
            !sent) {
            problem_ = sent.error();
        }
    }

    // A broken contract leaves the job half done, so its child is killed with it.
    tl::expected<protocol::Answer, Problem> answer(std::vector<Frame>& frames, const std::stop_token& stop) {
        int pauses = 0;
        while (!problem_) {
            auto message = job_->receive();
            if (!message) return tl::unexpected<Problem>(message.error());
            if (message->kind == protocol::kFrames) {
                if (!protocol::parse_frames(message->body, request_, frames)) break;
            } else if (message->kind == protocol::kPause) {
                if (!message->body.empty() || pauses > protocol::kMostPauses) break;
                const bool on = ++pauses <= protocol::kMostPauses && !stop.stop_requested();
                const auto next = on ? protocol::kGoOn : protocol::kStop;
                if (auto sent = job_->send(next, {}); !sent) return tl::unexpected<Problem>(sent.error());
            } else if (message->kind == protocol::kAnswer) {
                auto answer = protocol::parse_answer(message->body, request_);
                if (!answer) break;
                job_->done();
                took_ = Now::now() - start_;
                return std::move(*answer);
            } else {
                break;
            }
        }
        if (problem_) return tl::unexpected<Problem>(*problem_);
        return tl::unexpected<Problem>(Problem{Reason::crashed, "the sandboxed reader broke its contract"});
    }
    std::chrono::nanoseconds took() const { return took_; }

  private:
    protocol::Request request_;
    std::optional<sandbox::Job> job_;
    std::optional<Problem> problem_;
    Now::time_point start_;
    std::chrono::nanoseconds took_{0};
};

// Takes over what the child says about a thing whose kind we know ourselves.
void take(protocol::Answer&& answer, std::chrono::nanoseconds took, Fingerprint& result) {
    const auto in_child = answer.read + answer.decode + answer.filter + answer.dct;
    const auto meanwhile = result.stages.read + result.stages.exact;
    result.stages.handover += std::max(std::chrono::nanoseconds(0), took - std::max(in_child, meanwhile));
    result.stages.read += answer.read;
    result.stages.decode += answer.decode;
    result.stages.filter += answer.filter;
    result.stages.dct += answer.dct;

    const Type type = type_of(answer.format);
    if (type.kind == result.type.kind) result.type = type;
    result.width = answer.width;
    result.height = answer.height;
    result.problem = std::move(answer.problem);
    const bool picture = result.type.kind == Kind::picture;
    if (picture && answer.pdq && !result.problem) {
        result.pdq = answer.pdq;
        result.quality = answer.quality;
        result.dihedral = answer.dihedral;
    }
    if (!result.pdq && result.frames.empty() && !result.problem) {
        result.problem = Problem{Reason::crashed, "the sandboxed reader answered without a fingerprint"};
    }
}

Fingerprint read_once(sandbox::Pool& light, sandbox::Pool& all, const Content& content,
                      sandbox::Submitter submitter, const Wanted& wanted) {
    Fingerprint result;
    result.bytes = content.size();
    std::array<std::byte, kSniffBytes> head;
    const auto start = Now::now();
    const auto got = content.read_at(0, head);
    result.stages.read += Now::now() - start;
    if (!got) {
        result.problem = problem_of(got.error());
        return result;
    }
    const Format format = sniff_format(Bytes(head).first(*got));
    result.type = type_of(format);
    const bool media = result.type.kind == Kind::picture || result.type.kind == Kind::video;

    // The child first, so that it works while the hashes are computed here.
    std::optional<Question> question;
    sandbox::Pool& pool = needs_all_decoders(format) ? all : light;
    if (media && wanted.perceptual) question.emplace(pool, submitter, content, wanted.dihedral);

    if (wanted.exact) {
        if (auto exact = read_exact(content, result.stages, wanted.stop)) {
            result.exact = exact->hashes;
            result.bytes = exact->bytes;
        } else {
            result.problem = problem_of(exact.error());
            return result;
        }
    }
    if (!question && !wanted.perceptual) return result;
    if (!question) {
        result.problem = Problem{Reason::not_media, "neither a picture nor a video"};
        if (result.bytes == 0) result.problem = Problem{Reason::empty, "no bytes at all"};
        if (const auto known = not_read(format))
            result.problem =
                Problem{Reason::unsupported, std::string(known->words) + " are not read by this build"};
        return result;
    }
    auto answer = question->answer(result.frames, wanted.stop);
    if (answer && answer->problem && answer->problem->reason == Reason::unsupported && &pool != &all &&
        needs_all_decoders(answer->format) && type_of(answer->format).kind == result.type.kind) {
        result.frames.clear();
        question.reset();
        question.emplace(all, submitter, content, wanted.dihedral);
        answer = question->answer(result.frames, wanted.stop);
    }
    if (answer) {
        take(std::move(*answer), question->took(), result);
    } else {
        result.problem = answer.error();
    }
    return result;
}

}  // namespace

Fingerprint Fingerprinter::fingerprint(const Content& content, sandbox::Submitter submitter,
                                       Wanted wanted) const {
    for (int reading = 1;; ++reading) {
        const auto before = content.stamp();
        Fingerprint result = read_once(*light_, *all_, content, submitter, wanted);
        if (content.sealed()) return result;
        const auto after = content.stamp();
        if (before && after && *before == *after) return result;
        if (reading < kMostReadings) continue;
        // Hashes of a mixture of two contents would be those of no content at all.
        Fingerprint changed;
        changed.type = result.type;
        changed.bytes = result.bytes;
        changed.stages = result.stages;
        changed.problem = Problem{Reason::corrupt, "the file changed while it was read"};
        return changed;
    }
}

}  // namespace rushlight::media
