// Tables on disk: three files of one stamp. The near indexes write their own; the exact tables and the videos
// go into one file that is mapped as it is. docs/formats/match-snapshot.md has the layout.
#include "match/mapping.h"
#include "match/tables.h"
#include "match/videos.h"

#include <array>
#include <cstdio>

#include <unistd.h>

namespace rushlight::match {
namespace {

constexpr std::array<char, 8> kMagic = {'R', 'L', 'T', 'A', 'B', 'L', 'E', '1'};
constexpr std::uint64_t kByteOrder = 0x0102030405060708U;
constexpr std::size_t kSections = 5;  // md5, sha1, sha256, video numbers, videos

struct Section {
    std::uint64_t offset = 0, bytes = 0;
    std::uint64_t capacity = 0, used = 0,
                  seed = 0;  // of an exact table; of the videos `used` is their number
    std::uint64_t checksum = 0;
};
struct Header {
    std::array<char, 8> magic = kMagic;
    std::uint64_t byte_order = kByteOrder;
    std::uint64_t stamp = 0;
    std::uint64_t file_bytes = 0;
    std::array<Section, kSections> sections{};
    std::uint64_t checksum = 0;  // of all before it
};
struct VideoRecord {
    std::uint64_t offset = 0;  // in the blob behind the records
    std::uint32_t bytes = 0, tag = 0, frames = 0, unused = 0;
};

// Against torn files, not against forgers. Four lanes, as fast as memory gives.
std::uint64_t checksum(Bytes bytes) {
    std::array<std::uint64_t, 4> lanes = {1, 2, 3, 4};
    constexpr std::uint64_t kPrime = 0x9E3779B185EBCA87U;
    const auto step = [&](std::uint64_t lane, std::uint64_t word) {
        lane = (lane ^ word) * kPrime;
        return lane ^ (lane >> 29);
    };
    std::size_t at = 0;
    for (; at + 32 <= bytes.size(); at += 32) {
        std::array<std::uint64_t, 4> words;
        std::memcpy(words.data(), bytes.data() + at, 32);
        for (std::size_t i = 0; i < 4; ++i) lanes[i] = step(lanes[i], words[i]);
    }
    std::uint64_t sum = bytes.size();
    for (; at < bytes.size(); ++at) sum = step(sum, std::to_integer<std::uint64_t>(bytes[at]));
    for (const std::uint64_t lane : lanes) sum = step(sum, lane);
    return sum;
}

std::uint64_t header_checksum(const Header& header) {
    return checksum(Bytes(reinterpret_cast<const std::byte*>(&header), offsetof(Header, checksum)));
}

std::string file(const std::string& folder, const char* what, std::uint64_t stamp) {
    std::array<char, 17> hex{};
    std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(stamp));
    return folder + "/" + what + "-" + hex.data();
}

std::size_t aligned(std::size_t offset) { return (offset + 63) & ~std::size_t{63}; }

// Beside, synced, renamed: a crash leaves the old file or the new one.
Status write_file(const std::string& path, Header header, std::span<const Bytes> parts) {
    const std::string beside = path + "." + std::to_string(::getpid()) + ".new";
    Fd out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out) return fail_errno("cannot write " + beside);
    const auto put = [&]() -> Status {
        std::size_t at = sizeof header;
        header.checksum = header_checksum(header);
        auto status =
            write_all(out.get(), Bytes(reinterpret_cast<const std::byte*>(&header), sizeof header), beside);
        for (std::size_t i = 0; status && i < parts.size(); ++i) {
            const std::array<std::byte, 64> zeros{};
            const auto gap = static_cast<std::size_t>(header.sections.at(i).offset) - at;
            status = write_all(out.get(), Bytes(zeros).first(gap), beside);
            if (status) status = write_all(out.get(), parts[i], beside);
            at += gap + parts[i].size();
        }
        if (status && ::fsync(out.get()) != 0) return fail_errno("cannot write " + beside);
        return status;
    };
    auto status = put();
    if (status && ::rename(beside.c_str(), path.c_str()) != 0) status = fail_errno("cannot rename " + beside);
    if (!status) ::unlink(beside.c_str());
    return status;
}

}  // namespace

Status Tables::save(const std::string& folder, std::uint64_t stamp) const {
    Header header;
    header.stamp = stamp;
    std::array<std::vector<std::byte>, 4> scratch;
    std::array<Bytes, kSections> parts;
    const std::array<const ExactTable*, 4> exact = {&md5_, &sha1_, &sha256_, &video_numbers_};
    for (std::size_t i = 0; i < exact.size(); ++i) {
        const auto image = exact.at(i)->image(scratch.at(i));
        header.sections.at(i) = {0, image.bytes.size(), image.capacity, image.used, image.seed, 0};
        parts.at(i) = image.bytes;
    }
    const std::uint32_t count = videos_->count();
    std::vector<std::byte> videos(count * sizeof(VideoRecord));
    for (std::uint32_t i = 0; i < count; ++i) {
        const Video& video = videos_->at(i);
        const VideoRecord record{videos.size() - count * sizeof(VideoRecord),
                                 static_cast<std::uint32_t>(video.packed.size()),
                                 video.tag.load(std::memory_order_relaxed), video.frames, 0};
        videos.insert(videos.end(), video.packed.begin(), video.packed.end());
        std::memcpy(videos.data() + i * sizeof record, &record, sizeof record);
    }
    parts[4] = videos;
    header.sections[4] = {0, videos.size(), 0, count, 0, 0};
    std::size_t at = sizeof header;
    for (std::size_t i = 0; i < kSections; ++i) {
        at = aligned(at);
        header.sections.at(i).offset = at;
        header.sections.at(i).checksum = checksum(parts.at(i));
        at += parts.at(i).size();
    }
    header.file_bytes = at;
    if (auto status = pdq_.save(file(folder, "pdq", stamp), stamp); !status) return status;
    if (auto status = frames_.save(file(folder, "frames", stamp), stamp); !status) return status;
    return write_file(file(folder, "tables", stamp), header, parts);
}

Status Tables::load(const std::string& folder, std::uint64_t stamp) {
    const std::string path = file(folder, "tables", stamp);
    auto mapping = Mapping::open(path);
    if (!mapping) return pass(mapping.error());
    mapping_ = std::move(*mapping);
    const auto bytes = mapping_->bytes();
    const auto torn = [&](const char* what) {
        return fail(ErrorCode::corrupt, path + " is damaged (" + what + "): it is made anew from the store");
    };
    Header header;
    if (bytes.size() < sizeof header) return torn("too short");
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != kMagic || header.byte_order != kByteOrder)
        return torn("no snapshot of this machine's kind");
    if (header.checksum != header_checksum(header) || header.file_bytes != bytes.size())
        return torn("its head");
    if (header.stamp != stamp) return fail(ErrorCode::conflict, path + " holds another state");
    const std::array<ExactTable*, 4> exact = {&md5_, &sha1_, &sha256_, &video_numbers_};
    for (std::size_t i = 0; i < kSections; ++i) {
        const Section& section = header.sections.at(i);
        if (section.offset > bytes.size() || section.bytes > bytes.size() - section.offset ||
            section.offset % 64 != 0) {
            return torn("a section's place");
        }
        const auto part = bytes.subspan(section.offset, section.bytes);
        if (checksum(part) != section.checksum) return torn("a section's checksum");
        if (i == 4 || section.capacity == 0) continue;
        ExactTable& table = *exact.at(i);
        if (section.capacity > section.bytes ||
            ExactTable::image_bytes(section.capacity, table.key_bytes()) != section.bytes ||
            !table.adopt({section.capacity, section.used, section.seed, part}, part.data())) {
            return torn("a table's size");
        }
    }
    const Section& videos = header.sections[4];
    const auto part = bytes.subspan(videos.offset, videos.bytes);
    if (videos.used > part.size() / sizeof(VideoRecord) || videos.used > Videos::kChunk * Videos::kChunks) {
        return torn("the number of videos");
    }
    const auto blob = part.subspan(videos.used * sizeof(VideoRecord));
    for (std::size_t i = 0; i < videos.used; ++i) {
        VideoRecord record;
        std::memcpy(&record, part.data() + i * sizeof record, sizeof record);
        if (record.offset > blob.size() || record.bytes > blob.size() - record.offset) return torn("a video");
        const auto number =
            videos_->append(blob.subspan(record.offset, record.bytes), {}, record.frames, false);
        videos_->at(number).tag.store(record.tag, std::memory_order_release);
        if (record.tag != 0) videos_->count_live(1);
    }
    if (auto status = pdq_.load(file(folder, "pdq", stamp), stamp); !status) return status;
    return frames_.load(file(folder, "frames", stamp), stamp);
}

void Tables::forget(const std::string& folder, std::uint64_t stamp) {
    for (const char* what : {"tables", "pdq", "frames"}) ::unlink(file(folder, what, stamp).c_str());
}

}  // namespace rushlight::match
