#include "match/index/snapshot.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::match::index {
namespace {

constexpr std::array<char, 8> kMagic{'R', 'L', 'N', 'E', 'A', 'R', '\r', '\n'};
constexpr std::uint32_t kByteOrder = 0x01020304;
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kMaxSegments = 65'536;
constexpr std::size_t kMaxTail = std::size_t{1} << 24;

// All structures are made of whole 64-bit words and have no holes.
struct Header {
    std::array<char, 8> magic = kMagic;
    std::uint32_t byte_order = kByteOrder;
    std::uint32_t format = kFormat;
    std::uint64_t version = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t segments = 0;
    std::uint64_t tail_entries = 0;
    std::uint64_t tail_at = 0;
    std::uint64_t data_at = 0;             // first block; a multiple of the page
    std::uint64_t directory_checksum = 0;  // over the segment and the block records
    std::uint64_t header_checksum = 0;     // over all before it
};
static_assert(sizeof(Header) == 80);

struct SegmentRecord {
    std::uint64_t at = 0;
    std::uint64_t tombstones_at = 0;
    std::uint64_t count = 0;
    std::uint64_t id_base = 0;
    std::uint64_t id_bits = 0;
};
static_assert(sizeof(SegmentRecord) == 40);
constexpr std::size_t kTailEntryBytes = 40;  // as written: the hash, the id

constexpr std::uint64_t round_up(std::uint64_t n, std::uint64_t to) { return (n + to - 1) / to * to; }

template <class T>
std::span<const std::byte> bytes_of_value(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

// Where everything goes: a pure function of the content.
struct FilePlan {
    Header header;
    std::vector<SegmentRecord> records;
    std::uint64_t blocks = 0;
};

FilePlan plan_file(std::uint64_t version, const SnapshotContent& content) {
    FilePlan plan;
    std::uint64_t data = 0;  // relative to data_at
    for (const auto& [segment, tombstones] : content.segments) {
        const SegmentShape& shape = segment->shape();
        SegmentRecord record;
        record.at = data;
        record.tombstones_at = data + shape.bytes();
        record.count = shape.count;
        record.id_base = shape.id_base;
        record.id_bits = static_cast<std::uint64_t>(shape.id_bits);
        plan.records.push_back(record);
        data = round_up(record.tombstones_at + tombstones.size() * 8, kPage);
    }
    const std::uint64_t tail_at = data;
    data += content.tail.size() * kTailEntryBytes;
    plan.blocks = (data + kBlock - 1) / kBlock;

    Header& header = plan.header;
    header.version = version;
    header.segments = plan.records.size();
    header.data_at =
        round_up(sizeof(Header) + plan.records.size() * sizeof(SegmentRecord) + plan.blocks * 8, kPage);
    header.file_bytes = header.data_at + data;
    header.tail_entries = content.tail.size();
    header.tail_at = header.data_at + tail_at;
    for (auto& record : plan.records) {
        record.at += header.data_at;
        record.tombstones_at += header.data_at;
    }
    return plan;
}

// Gathers the data part into blocks, and sums up each.
class BlockWriter {
  public:
    BlockWriter(int fd, std::uint64_t position) : fd_(fd), position_(position) { block_.reserve(kBlock); }

    Status put(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const std::size_t n = std::min(bytes.size(), kBlock - block_.size());
            block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
            bytes = bytes.subspan(n);
            position_ += n;
            if (block_.size() == kBlock) {
                if (auto done = flush(); !done) return done;
            }
        }
        return {};
    }
    Status pad_to(std::uint64_t position) {
        static constexpr std::array<std::byte, kPage> kZeros{};
        while (position_ < position) {
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(kPage, position - position_));
            if (auto done = put(std::span(kZeros).first(n)); !done) return done;
        }
        return {};
    }
    Status flush() {
        if (block_.empty()) return {};
        sums_.push_back(checksum(block_));
        auto done = write_all(fd_, block_, "index snapshot");
        block_.clear();
        return done;
    }
    const std::vector<std::uint64_t>& sums() const { return sums_; }

  private:
    int fd_;
    std::uint64_t position_;
    ByteVector block_;
    std::vector<std::uint64_t> sums_;
};

Status write_data(int fd, const FilePlan& plan, const SnapshotContent& content,
                  std::vector<std::uint64_t>& sums) {
    if (::lseek(fd, static_cast<off_t>(plan.header.data_at), SEEK_SET) < 0)
        return fail_errno("index snapshot");
    BlockWriter writer(fd, plan.header.data_at);
    for (std::size_t i = 0; i < plan.records.size(); ++i) {
        const auto& [segment, tombstones] = content.segments[i];
        if (auto done = writer.pad_to(plan.records[i].at); !done) return done;
        if (auto done = writer.put(segment->bytes()); !done) return done;
        if (auto done = writer.put(std::as_bytes(std::span(tombstones))); !done) return done;
    }
    if (auto done = writer.pad_to(plan.header.tail_at); !done) return done;
    for (const auto& entry : content.tail) {
        if (auto done = writer.put(bytes_of_value(entry.hash)); !done) return done;
        if (auto done = writer.put(bytes_of_value(entry.id)); !done) return done;
    }
    if (auto done = writer.flush(); !done) return done;
    sums = writer.sums();
    // Without a block there is nothing yet to give the file its length.
    if (::ftruncate(fd, static_cast<off_t>(plan.header.file_bytes)) != 0) return fail_errno("index snapshot");
    return {};
}

Status write_directory(int fd, FilePlan& plan, const std::vector<std::uint64_t>& sums) {
    ByteVector directory;
    const auto append = [&directory](std::span<const std::byte> bytes) {
        directory.insert(directory.end(), bytes.begin(), bytes.end());
    };
    append(std::as_bytes(std::span(plan.records)));
    append(std::as_bytes(std::span(sums)));
    plan.header.directory_checksum = checksum(directory);
    plan.header.header_checksum = checksum(bytes_of_value(plan.header).first(sizeof(Header) - 8));
    if (::lseek(fd, 0, SEEK_SET) < 0) return fail_errno("index snapshot");
    if (auto done = write_all(fd, bytes_of_value(plan.header), "index snapshot"); !done) return done;
    return write_all(fd, directory, "index snapshot");
}

}  // namespace

Status write_snapshot(const std::string& path, std::uint64_t version, const SnapshotContent& content) {
    FilePlan plan = plan_file(version, content);
    std::string beside = path + ".XXXXXX";
    const Fd fd(::mkostemp(beside.data(), O_CLOEXEC));
    if (!fd) return fail_errno("cannot write beside '" + path + "'");
    std::vector<std::uint64_t> sums;
    auto done = write_data(fd.get(), plan, content, sums);
    if (done) done = write_directory(fd.get(), plan, sums);
    if (done && ::fsync(fd.get()) != 0) done = fail_errno("cannot sync '" + beside + "'");
    if (done && ::rename(beside.c_str(), path.c_str()) != 0)
        done = fail_errno("cannot rename to '" + path + "'");
    if (!done) {
        ::unlink(beside.c_str());
        return done;
    }
    return sync_folder_of(path);
}

// --- reading -----------------------------------------------------------------------------------------------

namespace {

auto corrupt(const std::string& path, const char* what) {
    return fail(ErrorCode::corrupt, "index snapshot '" + path + "': " + what);
}

Result<Header> read_header(const Fd& fd, const std::string& path, std::uint64_t version) {
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) return fail_errno("cannot read '" + path + "'");
    Header header;
    if (::pread(fd.get(), &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) {
        return corrupt(path, "shorter than its header");
    }
    if (header.magic != kMagic) return corrupt(path, "not a snapshot");
    if (header.byte_order != kByteOrder) return corrupt(path, "written on a machine of the other byte order");
    if (header.format != kFormat) return corrupt(path, "of another format");
    if (header.header_checksum != checksum(bytes_of_value(header).first(sizeof header - 8))) {
        return corrupt(path, "its header is damaged");
    }
    if (header.version != version) {
        return fail(ErrorCode::conflict, "index snapshot '" + path + "': of version " +
                                             std::to_string(header.version) + ", wanted " +
                                             std::to_string(version));
    }
    if (header.file_bytes != static_cast<std::uint64_t>(status.st_size)) return corrupt(path, "truncated");
    const std::uint64_t file = header.file_bytes;
    const std::uint64_t fixed = sizeof(Header) + header.segments * sizeof(SegmentRecord);
    if (header.segments > kMaxSegments || header.tail_entries > kMaxTail || header.data_at > file ||
        header.data_at % kPage != 0 ||
        fixed + (file - header.data_at + kBlock - 1) / kBlock * 8 > header.data_at || header.tail_at > file ||
        header.tail_at < header.data_at || (file - header.tail_at) / kTailEntryBytes < header.tail_entries) {
        return corrupt(path, "its header makes no sense");
    }
    return header;
}

bool verify_blocks(std::span<const std::byte> data, const std::byte* sums) {
    const std::size_t blocks = (data.size() + kBlock - 1) / kBlock;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> good{true};
    const auto work = [&] {
        for (std::size_t i = next++; i < blocks && good; i = next++) {
            std::uint64_t expected = 0;
            std::memcpy(&expected, sums + i * 8, 8);
            if (checksum(data.subspan(i * kBlock, std::min(kBlock, data.size() - i * kBlock))) != expected)
                good = false;
        }
    };
    std::vector<std::jthread> helpers;
    const unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
    for (unsigned i = 1; i < cores && i < blocks; ++i) helpers.emplace_back(work);
    work();
    helpers.clear();
    return good;
}

Result<std::shared_ptr<Segment>> view_segment(const std::shared_ptr<Region>& region,
                                              const SegmentRecord& record, const std::string& path) {
    SegmentShape shape;
    shape.count = record.count;
    shape.id_base = record.id_base;
    shape.id_bits = static_cast<int>(record.id_bits);
    if (record.count == 0 || record.count > kMaxSegment || record.id_bits > 64 || record.at % 64 != 0 ||
        record.tombstones_at % 8 != 0 || record.at > region->size() ||
        region->size() - record.at < shape.bytes() || record.tombstones_at > region->size()) {
        return corrupt(path, "a segment lies outside of it");
    }
    const std::size_t words = (record.count + 63) / 64;
    if ((region->size() - record.tombstones_at) / 8 < words)
        return corrupt(path, "a segment lies outside of it");
    const auto* tombstones = reinterpret_cast<const std::uint64_t*>(region->data() + record.tombstones_at);
    return Segment::view(region, record.at, shape, {tombstones, words});
}

}  // namespace

Result<LoadedSnapshot> read_snapshot(const std::string& path, std::uint64_t version) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return fail_errno("cannot open the index snapshot '" + path + "'");
    const auto header = read_header(fd, path, version);
    if (!header) return pass(header.error());
    auto region = Region::map(fd, header->file_bytes);
    if (!region) return pass(region.error());

    const std::byte* base = (*region)->data();
    const std::byte* records = base + sizeof(Header);
    const std::byte* sums = records + header->segments * sizeof(SegmentRecord);
    const std::span<const std::byte> data(base + header->data_at, header->file_bytes - header->data_at);
    const std::size_t directory =
        header->segments * sizeof(SegmentRecord) + (data.size() + kBlock - 1) / kBlock * 8;
    if (checksum({records, directory}) != header->directory_checksum)
        return corrupt(path, "its directory is damaged");
    if (!verify_blocks(data, sums)) return corrupt(path, "a block is damaged");

    LoadedSnapshot loaded;
    for (std::size_t i = 0; i < header->segments; ++i) {
        SegmentRecord record;
        std::memcpy(&record, records + i * sizeof record, sizeof record);
        auto segment = view_segment(*region, record, path);
        if (!segment) return pass(segment.error());
        loaded.segments.push_back(std::move(*segment));
    }
    loaded.tail.resize(header->tail_entries);
    for (std::size_t i = 0; i < loaded.tail.size(); ++i) {
        const std::byte* from = base + header->tail_at + i * kTailEntryBytes;
        std::memcpy(&loaded.tail[i].hash, from, sizeof(IndexHash));
        std::memcpy(&loaded.tail[i].id, from + sizeof(IndexHash), 8);
    }
    return loaded;
}

// Eight lanes of multiply and rotate (as in the xxHash family), mixed together at the end with the length.
std::uint64_t checksum(std::span<const std::byte> bytes) {
    constexpr std::uint64_t kOdd1 = 0x9E3779B97F4A7C15;
    constexpr std::uint64_t kOdd2 = 0xD6E8FEB86659FD93;
    constexpr std::size_t kLanes = 8;
    std::array<std::uint64_t, kLanes> lanes{};
    for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = kOdd1 * (i + 1);
    const auto mix = [&lanes](const std::byte* from) {
        for (std::size_t i = 0; i < kLanes; ++i) {
            std::uint64_t word = 0;
            std::memcpy(&word, from + 8 * i, 8);
            lanes[i] = std::rotl(lanes[i] ^ word, 29) * kOdd1;
        }
    };
    std::size_t at = 0;
    for (; at + 8 * kLanes <= bytes.size(); at += 8 * kLanes) mix(bytes.data() + at);
    if (at < bytes.size()) {
        std::array<std::byte, 8 * kLanes> last{};
        std::memcpy(last.data(), bytes.data() + at, bytes.size() - at);
        mix(last.data());
    }
    std::uint64_t sum = bytes.size() * kOdd2;
    for (const std::uint64_t lane : lanes) {
        sum = (sum ^ (lane ^ lane >> 32) * kOdd2) * kOdd1;
        sum ^= sum >> 29;
    }
    return sum;
}

}  // namespace rushlight::match::index
