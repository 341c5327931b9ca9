// The contract between the parent (Fingerprinter) and the sandboxed child (media/decode).
//
//   parent → child   request   kRequest, with one descriptor: the content, readable, at any position
//   child  → parent  reply     zero or more kFrames, then exactly one kAnswer, which is the last message
//
// A video may need longer than one request may take. When its time_ms are used up the child sends the frames
// it has and kPause (no body), and waits: kGoOn (no body) gives it another time_ms, and, because a job's
// clock starts with each send, the parent's patience with it; kStop (no body) makes it answer `timeout` with
// the frames it has sent. The parent ends it after kMostPauses.
//
// The answer's format may be one that needs the other program (needs_all_decoders), where the mark of an APNG
// stands behind what the parent sniffed: then the problem is `unsupported`, and the parent asks decode-all.
//
// Both ends are the same build on the same machine, so numbers are in the machine's own byte order; layouts
// are fixed and without padding. The child is taken to be hostile: `parse_frames` and `parse_answer` accept
// only what is well-formed and within the request's limits. The parent's view of a type stays its own, except
// that a picture may turn out to be another picture and a video another video (an APNG shows itself late).
#pragma once

#include "base/reason.h"
#include "media/fingerprint.h"
#include "media/format.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rushlight::media::protocol {

inline constexpr std::uint32_t kRequest = 100;
inline constexpr std::uint32_t kFrames = 101;
inline constexpr std::uint32_t kAnswer = 102;
inline constexpr std::uint32_t kPause = 103;
inline constexpr std::uint32_t kGoOn = 104;
inline constexpr std::uint32_t kStop = 105;

// Times time_ms: below the processor time that a child has for its whole life (Limits::time * Limits::jobs).
inline constexpr int kMostPauses = 30;

inline constexpr std::size_t kFrameBytes = 48;
inline constexpr std::size_t kMaxBatch = 512;  // frames in one kFrames message
inline constexpr std::size_t kMaxMessage = 200;

struct Request {
    bool dihedral = false;
    std::uint64_t max_pixels = 100'000'000;  // of one picture or frame, as stored; more: `too_large`
    std::uint64_t max_frames = 20'000;       // frames in the reply; the child stops there, without a problem
    // After this the child stops by itself, which is cheaper for everybody than being killed: a picture is
    // answered as it is, an animation with the frames so far, a video pauses (above).
    std::uint64_t time_ms = 9'000;
};

struct Answer {
    Format format = Format::unknown;
    std::optional<std::uint32_t> width, height;  // both or neither; as stored
    std::optional<Pdq> pdq;                      // pictures: the first frame's. Videos: none, only frames
    int quality = 0;                             // 0–100; means something where there is a pdq
    std::optional<std::array<Pdq, 7>> dihedral;  // only with a pdq, only where asked for
    // One of truncated, unsupported, corrupt, too_large, timeout, not_media. A picture with a problem may
    // still carry a size, and a video its frames up to there.
    std::optional<Problem> problem;
    std::chrono::nanoseconds read{0}, decode{0}, filter{0}, dct{0};  // the child's own measurements
};

ByteVector encode(const Request& request);
ByteVector encode(const Answer& answer);
// At most kMaxBatch of them.
ByteVector encode(std::span<const Frame> frames);

std::optional<Request> parse_request(Bytes body);
// nullopt: the child broke the contract. The message is made printable and cut to kMaxMessage bytes.
std::optional<Answer> parse_answer(Bytes body, const Request& request);
// Appends to `frames`; false where the batch is malformed, its numbers or times do not rise, or there are
// more than the request allows.
bool parse_frames(Bytes body, const Request& request, std::vector<Frame>& frames);

}  // namespace rushlight::media::protocol
