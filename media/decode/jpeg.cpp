// JPEG by libjpeg-turbo: luma only, scaled down while it is decoded.
//
// The luma that PDQ wants is what a JPEG stores (ITU-R BT.601, the same weights), so colour is never
// computed. RGB files are weighed by the library. CMYK and YCCK come as ink, by the convention of Adobe's
// files inverted (255 is no ink), and are weighed here without a colour profile. Orientation marks are not
// looked at.
//
// libjpeg reports errors by a call that must not return; we leave by longjmp, so nothing with a destructor
// lives in a function that it jumps out of.
#include "media/decode/jpeg.h"

#include "media/decode/jpeg_means.h"
#include "media/decode/jpeg_scans.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>
// After jpeglib.h.
#include <jerror.h>

namespace rushlight::media::decode {
namespace {

constexpr int kMostScans = 500;         // a progressive file has about ten
constexpr long kMostWarnings = 10'000;  // broken data: enough is enough

class Reader {
  public:
    explicit Reader(Bytes file) : file_(file) {
        jpeg_.err = jpeg_std_error(&errors_);
        errors_.error_exit = [](j_common_ptr jpeg) { self(jpeg).leave(jpeg->err->msg_code); };
        errors_.emit_message = [](j_common_ptr jpeg, int level) { self(jpeg).warn(level); };
        errors_.output_message = [](j_common_ptr) {};
        progress_.progress_monitor = [](j_common_ptr jpeg) {
            if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number > kMostScans)
                self(jpeg).leave(kScans);
        };
        jpeg_.client_data = this;
    }
    ~Reader() { jpeg_destroy_decompress(&jpeg_); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    // `step` may leave by longjmp: no destructors in it. False: what happened is in `problem`.
    template <class Step>
    bool run(Step step) {
        if (setjmp(jump_) != 0) return false;
        step();
        return true;
    }

    void read_header() {
        jpeg_create_decompress(&jpeg_);
        jpeg_.client_data = this;
        jpeg_.progress = &progress_;
        source_.init_source = [](j_decompress_ptr) {};
        source_.term_source = [](j_decompress_ptr) {};
        source_.resync_to_restart = jpeg_resync_to_restart;
        source_.skip_input_data = [](j_decompress_ptr jpeg, long count) { self(jpeg).skip(count); };
        source_.fill_input_buffer = [](j_decompress_ptr jpeg) { return self(jpeg).fill(); };
        source_.next_input_byte = reinterpret_cast<const JOCTET*>(file_.data());
        source_.bytes_in_buffer = file_.size();
        jpeg_.src = &source_;
        jpeg_read_header(&jpeg_, TRUE);
    }

    // After read_header, for an ordinary file: its luma at one or two eighths by the short way
    // (jpeg_means.h). False: go the long one.
    bool read_means(int eighths, Buffer& scratch, std::uint8_t* grey) const {
        const bool ordinary = !jpeg_has_multiple_scans(const_cast<j_decompress_ptr>(&jpeg_)) &&
                              !jpeg_.progressive_mode && !jpeg_.arith_code && jpeg_.data_precision == 8 &&
                              jpeg_.Ss == 0 && jpeg_.Se == 63 && jpeg_.Ah == 0 && jpeg_.Al == 0 &&
                              jpeg_.comps_in_scan == jpeg_.num_components;
        const bool luma_first = (jpeg_.jpeg_color_space == JCS_YCbCr && jpeg_.num_components == 3) ||
                                (jpeg_.jpeg_color_space == JCS_GRAYSCALE && jpeg_.num_components == 1);
        if (eighths > 2 || !ordinary || !luma_first || jpeg_.cur_comp_info[0]->component_index != 0)
            return false;
        JpegScan scan;
        std::array<JpegComponent, 3> components;
        for (int c = 0; c < jpeg_.comps_in_scan; ++c) {
            const jpeg_component_info& info = *jpeg_.cur_comp_info[c];
            const JHUFF_TBL* dc = table(jpeg_.dc_huff_tbl_ptrs, info.dc_tbl_no);
            const JHUFF_TBL* ac = table(jpeg_.ac_huff_tbl_ptrs, info.ac_tbl_no);
            if (dc == nullptr || ac == nullptr) return false;
            JpegComponent& component = components[static_cast<std::size_t>(c)];
            // A scan of one component has one block a unit, whatever its factors say.
            component.across = jpeg_.comps_in_scan == 1 ? 1 : info.h_samp_factor;
            component.down = jpeg_.comps_in_scan == 1 ? 1 : info.v_samp_factor;
            if (info.h_samp_factor > jpeg_.cur_comp_info[0]->h_samp_factor ||
                info.v_samp_factor > jpeg_.cur_comp_info[0]->v_samp_factor) {
                return false;  // luma is not the one of full resolution
            }
            for (const auto& [from, to] : {std::pair{dc, &component.dc}, std::pair{ac, &component.ac}}) {
                std::copy_n(from->bits, to->bits.size(), to->bits.begin());
                std::copy_n(from->huffval, to->values.size(), to->values.begin());
            }
        }
        const JQUANT_TBL* quantisation = table(jpeg_.quant_tbl_ptrs, jpeg_.cur_comp_info[0]->quant_tbl_no);
        if (quantisation == nullptr) return false;
        std::copy_n(quantisation->quantval, scan.quantisation.size(), scan.quantisation.begin());
        scan.width = jpeg_.image_width;
        scan.height = jpeg_.image_height;
        scan.components = std::span(components).first(static_cast<std::size_t>(jpeg_.comps_in_scan));
        scan.restart_interval = jpeg_.restart_interval;
        const Bytes data = std::as_bytes(std::span(source_.next_input_byte, source_.bytes_in_buffer));
        return jpeg_means(scan, data, eighths, scratch.take(jpeg_means_scratch(data)), grey);
    }

    // May throw std::bad_alloc, so not within run().
    void choose_scans(int eighths) {
        if (!jpeg_has_multiple_scans(&jpeg_)) return;
        const bool luma_only = jpeg_.jpeg_color_space == JCS_YCbCr || jpeg_.jpeg_color_space == JCS_GRAYSCALE;
        scans_ = jpeg_scans(file_, eighths, luma_only);
        ran_out_ = missed_ = !scans_.complete;
        // The header has been read, and lies within the first piece: so does what follows at once.
        const auto* here = reinterpret_cast<const std::byte*>(source_.next_input_byte);
        const Bytes piece = scans_.pieces.front();
        if (here < piece.data() + piece.size())
            source_.bytes_in_buffer = static_cast<std::size_t>(piece.data() + piece.size() - here);
    }

    void start(int eighths) {
        ink_ = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
        jpeg_.out_color_space = ink_ ? JCS_CMYK : JCS_GRAYSCALE;
        jpeg_.do_block_smoothing = FALSE;  // a guess at the scans that we leave out
        jpeg_.scale_num = static_cast<unsigned>(eighths);
        jpeg_.scale_denom = 8;
        jpeg_start_decompress(&jpeg_);
    }

    // `inks` has room for one row of 4 bytes a pixel where ink() says so.
    void read_rows(std::uint8_t* grey, std::uint8_t* inks) {
        while (jpeg_.output_scanline < jpeg_.output_height) {
            std::uint8_t* row = grey + std::size_t{jpeg_.output_scanline} * width();
            if (!ink_) {
                JSAMPROW rows[8];
                const unsigned left = std::min(8u, jpeg_.output_height - jpeg_.output_scanline);
                for (unsigned i = 0; i < left; ++i) rows[i] = row + std::size_t{i} * width();
                jpeg_read_scanlines(&jpeg_, rows, left);
            } else {
                JSAMPROW rows[1] = {inks};
                if (jpeg_read_scanlines(&jpeg_, rows, 1) == 1) weigh(inks, row);
            }
        }
    }

    std::uint32_t full_width() const { return jpeg_.image_width; }
    std::uint32_t full_height() const { return jpeg_.image_height; }
    std::uint32_t width() const { return jpeg_.output_width; }
    std::uint32_t height() const { return jpeg_.output_height; }
    bool ink() const { return ink_; }
    // The file's bytes were used up while there was still something to decode.
    // (An arithmetic decoder makes up zeros without a word.)
    bool truncated() const { return ran_out_ && (missed_ || jpeg_.arith_code); }

    Problem problem() const {
        if (code_ == kScans) return {Reason::too_large, "a JPEG of more than 500 scans"};
        if (code_ == kWarnings) return {Reason::corrupt, "the JPEG's data is broken throughout"};
        if (code_ == JERR_OUT_OF_MEMORY)
            return {Reason::too_large, "the JPEG needs more memory than allowed"};
        if (ran_out_) return {Reason::truncated, "the JPEG ends before its picture does"};
        for (const int unsupported :
             {JERR_BAD_PRECISION, JERR_SOF_UNSUPPORTED, JERR_CONVERSION_NOTIMPL, JERR_COMPONENT_COUNT,
              JERR_NOTIMPL, JERR_BAD_J_COLORSPACE, JERR_NOT_COMPILED}) {
            if (code_ == unsupported)
                return {Reason::unsupported, "a variant of JPEG that is not read: " + std::string(words_)};
        }
        return {Reason::corrupt, "JPEG: " + std::string(words_)};
    }

  private:
    static constexpr int kScans = -1;
    static constexpr int kWarnings = -2;

    template <class Table>
    static const Table* table(Table* const (&tables)[4], int number) {
        return number >= 0 && number < 4 ? tables[number] : nullptr;
    }

    static Reader& self(j_common_ptr jpeg) { return *static_cast<Reader*>(jpeg->client_data); }
    static Reader& self(j_decompress_ptr jpeg) { return *static_cast<Reader*>(jpeg->client_data); }

    [[noreturn]] void leave(int code) {
        code_ = code;
        if (code >= 0) errors_.format_message(reinterpret_cast<j_common_ptr>(&jpeg_), words_);
        std::longjmp(jump_, 1);
    }

    void warn(int level) {
        if (level >= 0) return;
        if (ran_out_) missed_ = true;
        if (++errors_.num_warnings > kMostWarnings) leave(kWarnings);
    }

    void skip(long count) {
        std::size_t left = count > 0 ? static_cast<std::size_t>(count) : 0;
        while (left >= source_.bytes_in_buffer) {
            left -= source_.bytes_in_buffer;
            fill();
            if (ran_out_) return;
        }
        source_.next_input_byte += left;
        source_.bytes_in_buffer -= left;
    }

    // The next piece. When no bytes are left the library gets end marks for ever, and goes on with what it
    // has.
    boolean fill() {
        static constexpr JOCTET kEnd[2] = {0xFF, JPEG_EOI};
        if (next_piece_ < scans_.pieces.size()) {
            const Bytes piece = scans_.pieces[next_piece_++];
            source_.next_input_byte = reinterpret_cast<const JOCTET*>(piece.data());
            source_.bytes_in_buffer = piece.size();
            return TRUE;
        }
        ran_out_ = true;
        source_.next_input_byte = kEnd;
        source_.bytes_in_buffer = sizeof kEnd;
        return TRUE;
    }

    void weigh(const std::uint8_t* inks, std::uint8_t* grey) const {
        for (std::uint32_t x = 0; x < width(); ++x, inks += 4) {
            // Each of red, green and blue is what its ink and black let through: c·k / 255.
            const unsigned light = (299u * inks[0] + 587u * inks[1] + 114u * inks[2]) * inks[3];
            grey[x] = static_cast<std::uint8_t>((light + 127'500) / 255'000);
        }
    }

    Bytes file_;
    JpegScans scans_;
    std::size_t next_piece_ = 1;
    jpeg_decompress_struct jpeg_{};
    jpeg_error_mgr errors_{};
    jpeg_source_mgr source_{};
    jpeg_progress_mgr progress_{};
    std::jmp_buf jump_;
    char words_[JMSG_LENGTH_MAX] = {};
    int code_ = 0;
    bool ink_ = false;
    bool ran_out_ = false;
    bool missed_ = false;
};

}  // namespace

int jpeg_eighths(std::uint32_t width, std::uint32_t height) {
    constexpr std::uint32_t kShortSide = 256;
    for (const int eighths : {1, 2, 4}) {
        if (std::min(width, height) * static_cast<std::uint64_t>(eighths) / 8 >= kShortSide) return eighths;
    }
    return 8;
}

Outcome decode_jpeg_at(Input& input, const Limits& limits, Sink& sink,
                       int (*rule)(std::uint32_t, std::uint32_t)) {
    const auto file = input.all(limits);
    if (!file) return tl::unexpected<Problem>(file.error());
    Reader reader(*file);
    if (!reader.run([&] { reader.read_header(); })) return tl::unexpected<Problem>(reader.problem());
    if (auto fits = check_size(reader.full_width(), reader.full_height(), limits); !fits) return fits;
    sink.size(reader.full_width(), reader.full_height());

    const int eighths = rule(reader.full_width(), reader.full_height());
    const auto reduced = [eighths](std::uint32_t side) {
        return static_cast<std::uint32_t>((std::uint64_t{side} * static_cast<unsigned>(eighths) + 7) / 8);
    };
    pdq::Image image;
    image.width = reduced(reader.full_width());
    image.height = reduced(reader.full_height());
    image.stride = image.width;
    image.layout = pdq::Layout::grey8;
    image.eighths = static_cast<std::uint32_t>(eighths);
    image.full_width = reader.full_width();
    image.full_height = reader.full_height();
    std::uint8_t* pixels = input.scratch().pixels.take(image.stride * image.height);
    image.pixels = pixels;

    if (!reader.read_means(eighths, input.scratch().more, pixels)) {
        reader.choose_scans(eighths);
        if (!reader.run([&] { reader.start(eighths); })) return tl::unexpected<Problem>(reader.problem());
        if (reader.width() != image.width || reader.height() != image.height) {
            return problem(Reason::corrupt, "JPEG: the library scales to another size than it says");
        }
        std::uint8_t* inks = reader.ink() ? input.scratch().more.take(image.stride * 4) : nullptr;
        if (!reader.run([&] { reader.read_rows(pixels, inks); }))
            return tl::unexpected<Problem>(reader.problem());
        if (reader.truncated()) return problem(Reason::truncated, "the JPEG ends before its picture does");
    }
    sink.frame(image, 0, 0);
    return {};
}

Outcome decode_jpeg(Input& input, const Limits& limits, Sink& sink) {
    return decode_jpeg_at(input, limits, sink, jpeg_eighths);
}

}  // namespace rushlight::media::decode
