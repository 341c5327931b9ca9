#include "archive/unpack/foreign.h"

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <archive.h>
#include <archive_entry.h>

namespace rushlight::archive::unpack {
namespace {

struct Free {
    void operator()(struct archive* handle) const { ::archive_read_free(handle); }
};
using Handle = std::unique_ptr<struct archive, Free>;

Handle make_handle() {
    Handle handle(::archive_read_new());
    if (!handle) throw std::bad_alloc();
    return handle;
}

bool contains(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](auto w) { return text.find(w) != std::string_view::npos; });
}

// libarchive tells what happened in words only.
Problem problem_of(struct archive* handle) {
    const char* words = ::archive_error_string(handle);
    std::string text = words != nullptr ? words : "cannot be read";
    Reason reason = Reason::corrupt;
    if (::archive_errno(handle) == ENOMEM) {
        reason = Reason::too_large;
    } else if (contains(text, {"ncrypt", "assphrase"})) {
        return {Reason::unsupported, "encrypted"};
    } else if (contains(text, {"runcated", "nexpected end", "remature end"})) {
        reason = Reason::truncated;
    } else if (contains(text, {"nsupported", "not supported", "nknown"})) {
        reason = Reason::unsupported;
    }
    return {reason, std::move(text)};
}

// What libarchive reads from: any stream forwards; a file also back and forth.
class Input {
  public:
    Input(std::unique_ptr<FileStream> file, std::unique_ptr<Stream> text, Meter& meter)
        : file_(std::move(file)), text_(std::move(text)), meter_(meter) {}
    virtual ~Input() = default;

    bool open(struct archive* handle, bool by_position) {
        ::archive_read_set_callback_data(handle, this);
        ::archive_read_set_read_callback(handle, &Input::read);
        ::archive_read_set_skip_callback(handle, &Input::skip);
        if (by_position) ::archive_read_set_seek_callback(handle, &Input::seek);
        return ::archive_read_open1(handle) == ARCHIVE_OK;
    }
    // What the stream itself says about its end is nearer to the truth than what libarchive makes of it.
    const std::optional<Problem>& problem() const { return stream().problem(); }

  private:
    Stream& stream() const { return text_ ? *text_ : *file_; }

    static la_ssize_t read(struct archive* handle, void* data, const void** buffer) {
        auto& self = *static_cast<Input*>(data);
        try {
            self.stream().consume(std::exchange(self.shown_, 0));
            const Bytes view = self.meter_.stop() ? Bytes() : self.stream().peek(1);
            if (view.empty() && (self.problem() || self.meter_.stop())) {
                ::archive_set_error(handle, EIO, "Truncated input");
                return -1;
            }
            self.shown_ = view.size();
            *buffer = view.data();
            return static_cast<la_ssize_t>(view.size());
        } catch (const std::bad_alloc&) {  // must not fly through C
            ::archive_set_error(handle, ENOMEM, "out of memory");
            return -1;
        }
    }
    static la_int64_t skip(struct archive* handle, void* data, la_int64_t request) {
        static_cast<void>(handle);
        auto& self = *static_cast<Input*>(data);
        if (request <= 0 || self.text_) return 0;  // libarchive reads instead
        self.file_->consume(std::exchange(self.shown_, 0));
        return static_cast<la_int64_t>(self.file_->skip(static_cast<std::uint64_t>(request)));
    }
    static la_int64_t seek(struct archive* handle, void* data, la_int64_t offset, int whence) {
        static_cast<void>(handle);
        auto& self = *static_cast<Input*>(data);
        const std::uint64_t at = self.file_->offset() + self.shown_;
        const std::uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? at : self.file_->size();
        la_int64_t target = 0;
        if (__builtin_add_overflow(static_cast<la_int64_t>(base), offset, &target) || target < 0)
            return ARCHIVE_FATAL;
        self.shown_ = 0;
        self.file_->seek(static_cast<std::uint64_t>(target));
        return static_cast<la_int64_t>(self.file_->offset());
    }

    std::unique_ptr<FileStream> file_;
    std::unique_ptr<Stream> text_;  // where set, reads file_
    Meter& meter_;
    std::size_t shown_ = 0;
};

// As stored; UTF-16 becomes UTF-8. What is no UTF-16, or no UTF-8 though it says so, leaves only a number.
std::string name_of(struct archive_entry* entry, std::uint64_t number) {
    for (const char* name : {::archive_entry_pathname(entry), ::archive_entry_pathname_utf8(entry)}) {
        if (name != nullptr && *name != '\0') return name;
    }
    return "member " + std::to_string(number);
}

class ForeignSource final : public Source {
  public:
    ForeignSource(Handle handle, std::unique_ptr<Input> input, bool compressed, bool by_position,
                  Meter& meter)
        : input_(std::move(input)), handle_(std::move(handle)), compressed_(compressed), meter_(meter) {
        opened_ = input_->open(handle_.get(), by_position);
    }

    Step next(Member& member, Sink& sink) override;
    const Problem& problem() const override { return problem_; }
    bool batches() const override { return false; }
    void say_that_it_is_cut() { cut_ = true; }

  private:
    Step failed(Problem problem) {
        problem_ = std::move(problem);
        return Step::failed;
    }
    Step failed() {
        if (meter_.stop()) return failed(*meter_.stop());
        if (input_->problem()) return failed(*input_->problem());
        return failed(problem_of(handle_.get()));
    }
    std::optional<Problem> copy(Output& output);
    bool pass_over();

    std::unique_ptr<Input> input_;  // outlives the handle
    Handle handle_;
    bool compressed_;  // members are: what comes out of them is work
    Meter& meter_;
    bool cut_ = false;  // the file lacks its end: what libarchive finds from its start is not all
    bool opened_ = false;
    std::uint64_t members_ = 0;
    bool broken_ = false;  // no further member can be reached
    Problem problem_;
};

Step ForeignSource::next(Member& member, Sink& sink) {
    if (!opened_) return failed();
    while (true) {
        if (meter_.stop()) return failed(*meter_.stop());
        if (broken_) return failed(std::move(problem_));
        struct archive_entry* entry = nullptr;
        const int code = ::archive_read_next_header(handle_.get(), &entry);
        if (code == ARCHIVE_EOF) {
            if (meter_.stop() || input_->problem()) return failed();
            if (cut_) return failed(Problem{Reason::truncated, "a zip without its end record"});
            return Step::end;
        }
        if (code == ARCHIVE_RETRY) continue;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return failed();
        const auto type = ::archive_entry_filetype(entry);
        if (type != AE_IFREG && type != 0) continue;  // folders, links, devices: no bytes of their own
        if (::archive_entry_hardlink(entry) != nullptr && ::archive_entry_size(entry) == 0) continue;

        meter_.member();
        if (meter_.stop()) return failed();
        member = Member{name_of(entry, ++members_), std::nullopt, false, std::nullopt};
        if (::archive_entry_is_data_encrypted(entry) != 0) {
            member.problem = Problem{Reason::unsupported, "encrypted"};
            return Step::member;
        }
        if (::archive_entry_size_is_set(entry) != 0 &&
            static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0)) >
                meter_.member_bytes()) {
            member.problem = Problem{Reason::too_large, "larger than the limit for one member"};
            pass_over();
            return Step::member;
        }
        Output output(sink, meter_);
        const auto trouble = copy(output);
        if (output.too_large()) pass_over();
        if (meter_.stop()) return failed();
        output.finish(member, trouble);
        return Step::member;
    }
}

// Reads a member's bytes; what went wrong.
std::optional<Problem> ForeignSource::copy(Output& output) {
    la_int64_t at = 0;
    while (!output.too_large() && !meter_.stop()) {
        const void* data = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        const int code = ::archive_read_data_block(handle_.get(), &data, &size, &offset);
        if (code == ARCHIVE_RETRY) continue;
        // A zip member's last block comes with the complaint about its checksum: from libarchive 3.7 on as a
        // failure, before as a warning. It is there all the same.
        const bool last_block = code == ARCHIVE_FAILED && data != nullptr && size != 0;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN && code != ARCHIVE_EOF && !last_block) {
            Problem problem = input_->problem() ? *input_->problem() : problem_of(handle_.get());
            if (code == ARCHIVE_FATAL) {
                broken_ = true;
                problem_ = problem;
            }
            return problem;
        }
        if (compressed_) meter_.worked(size);
        if (offset > at && !output.zeros(static_cast<std::uint64_t>(offset - at))) break;  // a hole
        if (offset >= at) at = offset;
        if (size != 0 && !output.write(Bytes(static_cast<const std::byte*>(data), size))) break;
        at += static_cast<la_int64_t>(size);
        if (code == ARCHIVE_EOF) break;
        if (code == ARCHIVE_WARN || last_block) return problem_of(handle_.get());
    }
    return std::nullopt;
}

// Leaves the rest of a member unread, in steps that the meter sees; zip and plain tar just jump.
bool ForeignSource::pass_over() {
    const auto format = ::archive_format(handle_.get()) & ARCHIVE_FORMAT_BASE_MASK;
    if (format == ARCHIVE_FORMAT_ZIP) return ::archive_read_data_skip(handle_.get()) == ARCHIVE_OK;
    if (format == ARCHIVE_FORMAT_TAR) return true;  // the next header does it through our skip
    while (!meter_.stop()) {
        const void* data = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        if (::archive_read_data_block(handle_.get(), &data, &size, &offset) != ARCHIVE_OK) return true;
        meter_.worked(size);
    }
    return false;
}

// The inside of one bzip2, xz or zstd file: libarchive's "raw" format knows one member without a name.
class FilterStream final : public BufferedStream {
  public:
    FilterStream(FileStream& file, Meter& meter) : BufferedStream(256 * 1024), file_(file), meter_(meter) {
        handle_ = make_handle();
        ::archive_read_support_filter_bzip2(handle_.get());
        ::archive_read_support_filter_xz(handle_.get());
        ::archive_read_support_filter_zstd(handle_.get());
        ::archive_read_support_format_raw(handle_.get());
        ::archive_read_set_callback_data(handle_.get(), this);
        ::archive_read_set_read_callback(handle_.get(), &FilterStream::pull);
    }

  protected:
    std::size_t read(std::span<std::byte> out) override {
        if (!started_) {
            started_ = true;
            struct archive_entry* entry = nullptr;
            if (::archive_read_open1(handle_.get()) != ARCHIVE_OK) return give_up();
            const int code = ::archive_read_next_header(handle_.get(), &entry);
            if (code == ARCHIVE_EOF) return 0;
            if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return give_up();
            if (::archive_filter_code(handle_.get(), 0) == ARCHIVE_FILTER_NONE) {
                fail({Reason::truncated, "ends within its own header"});
                return 0;
            }
        }
        if (meter_.stop()) return give_up();
        const la_ssize_t n =
            ::archive_read_data(handle_.get(), out.data(), std::min<std::size_t>(out.size(), 64 * 1024));
        if (n < 0) return give_up();
        meter_.worked(static_cast<std::uint64_t>(n));
        return static_cast<std::size_t>(n);
    }

  private:
    std::size_t give_up() {
        fail(meter_.stop() ? *meter_.stop() : file_.problem() ? *file_.problem() : problem_of(handle_.get()));
        return 0;
    }
    static la_ssize_t pull(struct archive*, void* data, const void** buffer) {
        auto& self = *static_cast<FilterStream*>(data);
        self.file_.consume(std::exchange(self.shown_, 0));
        const Bytes view = self.file_.peek(1);
        if (view.empty() && self.file_.problem()) return -1;
        self.shown_ = view.size();
        *buffer = view.data();
        return static_cast<la_ssize_t>(view.size());
    }

    FileStream& file_;
    Meter& meter_;
    Handle handle_;
    bool started_ = false;
    std::size_t shown_ = 0;
};

// A zip ends with a record that says where its directory lies, and a comment of less than 64 KiB
// (APPNOTE.TXT, 4.3.16). Without it libarchive goes from member to member and can't know of those that were
// cut off.
bool has_end_record(FileStream& file) {
    const std::uint64_t tail = std::min<std::uint64_t>(file.size(), kMaxPeek);
    file.seek(file.size() - tail);
    const Bytes view = file.peek(static_cast<std::size_t>(tail));
    const bool found = text_of(view).find("PK\x05\x06") != std::string_view::npos;
    file.seek(0);
    return found;
}

}  // namespace

// NOLINTNEXTLINE(concurrency-mt-unsafe): the child calls it before there is a second thread
void prepare_names() { std::setlocale(LC_CTYPE, "C.UTF-8"); }

std::unique_ptr<Source> open_by_position(Format format, std::unique_ptr<FileStream> file, Meter& meter) {
    Handle handle = make_handle();
    const bool cut = format == Format::zip && !has_end_record(*file);
    if (format == Format::zip) {
        ::archive_read_support_format_zip(handle.get());
    } else {
        ::archive_read_support_format_7zip(handle.get());
    }
    auto input = std::make_unique<Input>(std::move(file), nullptr, meter);
    auto source = std::make_unique<ForeignSource>(std::move(handle), std::move(input), true, true, meter);
    if (cut) source->say_that_it_is_cut();
    return source;
}

std::unique_ptr<Source> open_tar(std::unique_ptr<FileStream> file, std::unique_ptr<Stream> text,
                                 Meter& meter) {
    Handle handle = make_handle();
    ::archive_read_support_format_tar(handle.get());
    // What somebody appended behind the end marker counts too.
    ::archive_read_set_options(handle.get(), "tar:read_concatenated_archives");
    auto input = std::make_unique<Input>(std::move(file), std::move(text), meter);
    return std::make_unique<ForeignSource>(std::move(handle), std::move(input), false, false, meter);
}

std::unique_ptr<Stream> undo_file_compression(FileStream& file, Meter& meter) {
    return std::make_unique<FilterStream>(file, meter);
}

}  // namespace rushlight::archive::unpack
