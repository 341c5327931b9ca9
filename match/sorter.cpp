#include "match/sorter.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <unistd.h>

namespace rushlight::match {
namespace {

constexpr std::size_t kArenaBytes = 32 << 20;  // notes and long values of one run
constexpr std::size_t kReadAhead = 64 << 10;   // of each spooled run
constexpr std::size_t kHeadBytes = 32 + 1 + 1 + 8 + 4 + 4;

Result<Fd> unnamed_file(const std::string& folder) {
    Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file) return file;
    std::string name = folder + "/.import-XXXXXX";  // a file system without O_TMPFILE
    file.reset(::mkostemp(name.data(), O_CLOEXEC));
    if (!file) return fail_errno("cannot make a temporary file in " + folder);
    ::unlink(name.c_str());
    return file;
}

template <class T>
void put(std::string& out, T number) {
    out.append(reinterpret_cast<const char*>(&number), sizeof number);  // read back by this process only
}
template <class T>
T get(const char* from) {
    T number;
    std::memcpy(&number, from, sizeof number);
    return number;
}

}  // namespace

void Sorter::sort(Run& run) {
    std::ranges::sort(run.records, [](const Record& a, const Record& b) {
        const auto order = a.key <=> b.key;
        return order != 0 ? order < 0 : a.order < b.order;
    });
    if (!run.undecided) return;
    for (std::size_t i = 0; i < run.records.size(); ++i) {
        if (i == 0 || run.records[i].key != run.records[i - 1].key) evidence_.see(run.records[i].key.bytes);
    }
}

Status Sorter::spool(Run& run) {
    sort(run);
    if (!file_) {
        auto file = unnamed_file(folder_);
        if (!file) return pass(file.error());
        file_ = std::move(*file);
    }
    const std::uint64_t begin = file_end_;
    std::string out;
    const auto flush = [&]() -> Status {
        file_end_ += out.size();
        auto status = write_all(file_.get(), bytes_of(out), "the import's temporary file in " + folder_);
        out.clear();
        return status;
    };
    for (const auto& record : run.records) {
        out += text_of(record.key.bytes);
        put(out, static_cast<std::uint8_t>(record.key.method));
        put(out, static_cast<std::uint8_t>(record.state));
        put(out, record.order);
        put(out, record.note);
        put(out, record.detail);
        out.append(run.arena, record.extra, record.note + record.detail);
        if (out.size() >= (1 << 20)) {
            if (auto status = flush(); !status) return status;
        }
    }
    if (auto status = flush(); !status) return status;
    spooled_.push_back({begin, file_end_, run.undecided});
    run.records.clear();
    run.arena.clear();
    return {};
}

Status Sorter::add(const formats::Item& item, formats::EntryState state) {
    Run& run = item.undecided ? undecided_ : decided_;
    const Bytes detail = Key::is_digest(item.method) ? item.bytes : Bytes{};
    Record record{key_of(item.method, item.bytes),
                  state,
                  count_++,
                  run.arena.size(),
                  static_cast<std::uint32_t>(item.note.size()),
                  static_cast<std::uint32_t>(detail.size())};
    if (item.undecided) ++undecided_count_;
    run.arena += item.note;
    run.arena += text_of(detail);
    run.records.push_back(record);
    if (run.records.size() < run_records_ && run.arena.size() < kArenaBytes) return {};
    return spool(run);
}

const formats::SixtyFour& Sorter::evidence() {
    if (!finished_) {
        finished_ = true;
        sort(decided_);
        sort(undecided_);
    }
    return evidence_;
}

// One run, read in its order.
class Sorter::Source {
  public:
    virtual ~Source() = default;
    // False at the end.
    virtual Result<bool> next() = 0;

    Sorted sorted;
    std::uint64_t order = 0;

  protected:
    explicit Source(std::optional<formats::Method> method) : method_(method) {}
    // The method that was decided on for the undecided.
    void decide() {
        if (method_) sorted.key.method = *method_;
    }

  private:
    std::optional<formats::Method> method_;
};

class Sorter::MemorySource final : public Source {
  public:
    MemorySource(const Run& run, std::optional<formats::Method> method) : Source(method), run_(run) {}

    Result<bool> next() override {
        if (at_ == run_.records.size()) return false;
        const Record& record = run_.records[at_++];
        const std::string_view extra =
            std::string_view(run_.arena).substr(record.extra, record.note + record.detail);
        sorted = {record.key, record.state, bytes_of(extra.substr(record.note)),
                  extra.substr(0, record.note)};
        order = record.order;
        decide();
        return true;
    }

  private:
    const Run& run_;
    std::size_t at_ = 0;
};

class Sorter::SpoolSource final : public Source {
  public:
    SpoolSource(int fd, Spooled where, std::optional<formats::Method> method)
        : Source(method), fd_(fd), at_(where.begin), end_(where.end) {}

    Result<bool> next() override {
        used_ += taken_;
        taken_ = 0;
        if (at_ == end_ && used_ == buffer_.size()) return false;
        if (auto status = need(kHeadBytes); !status) return pass(status.error());
        const char* head = buffer_.data() + used_;
        const auto note = get<std::uint32_t>(head + 42);
        const auto detail = get<std::uint32_t>(head + 46);
        if (auto status = need(kHeadBytes + note + detail); !status) return pass(status.error());
        head = buffer_.data() + used_;
        std::memcpy(sorted.key.bytes.data(), head, 32);
        sorted.key.method = static_cast<formats::Method>(get<std::uint8_t>(head + 32));
        sorted.state = static_cast<formats::EntryState>(get<std::uint8_t>(head + 33));
        order = get<std::uint64_t>(head + 34);
        sorted.note = {head + kHeadBytes, note};
        sorted.detail = bytes_of({head + kHeadBytes + note, detail});
        taken_ = kHeadBytes + note + detail;
        decide();
        return true;
    }

  private:
    // At least `bytes` from used_ on in the buffer.
    Status need(std::size_t bytes) {
        if (buffer_.size() - used_ >= bytes) return {};
        buffer_.erase(0, used_);
        used_ = 0;
        const std::size_t have = buffer_.size();
        const std::size_t want = std::min<std::uint64_t>(std::max(kReadAhead, bytes - have), end_ - at_);
        buffer_.resize(have + want);
        for (std::size_t got = 0; got < want;) {
            const ssize_t n =
                ::pread(fd_, buffer_.data() + have + got, want - got, static_cast<off_t>(at_ + got));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return fail_errno("cannot read the import's temporary file");
            got += static_cast<std::size_t>(n);
        }
        at_ += want;
        if (buffer_.size() < bytes) return fail(ErrorCode::io, "the import's temporary file was cut");
        return {};
    }

    int fd_;
    std::uint64_t at_, end_;
    std::string buffer_;
    std::size_t used_ = 0, taken_ = 0;
};

Status Sorter::each(formats::Method undecided, const std::function<Status(const Sorted&)>& use) {
    evidence();  // sorts what is still in memory
    std::vector<std::unique_ptr<Source>> sources;
    const auto method = [&](bool is_undecided) {
        return is_undecided ? std::optional(undecided) : std::nullopt;
    };
    for (const Run* run : {&decided_, &undecided_}) {
        sources.push_back(std::make_unique<MemorySource>(*run, method(run->undecided)));
    }
    for (const auto& run : spooled_) {
        sources.push_back(std::make_unique<SpoolSource>(file_.get(), run, method(run.undecided)));
    }
    // A heap of the sources by their next record, the least on top.
    const auto later = [](const Source* a, const Source* b) {
        const auto order = a->sorted.key <=> b->sorted.key;
        return order != 0 ? order > 0 : a->order > b->order;
    };
    std::vector<Source*> heap;
    for (auto& source : sources) {
        auto more = source->next();
        if (!more) return pass(more.error());
        if (*more) heap.push_back(source.get());
    }
    std::ranges::make_heap(heap, later);
    std::optional<Key> last;
    while (!heap.empty()) {
        std::ranges::pop_heap(heap, later);
        Source& source = *heap.back();
        if (source.sorted.key != last) {
            last = source.sorted.key;
            if (auto status = use(source.sorted); !status) return status;
        }
        auto more = source.next();
        if (!more) return pass(more.error());
        if (*more) {
            std::ranges::push_heap(heap, later);
        } else {
            heap.pop_back();
        }
    }
    return {};
}

}  // namespace rushlight::match
