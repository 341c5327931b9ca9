#include "http/multipart.h"

#include <cstdlib>

namespace {

struct Checked final : rushlight::http::FormSink {
    bool open = false;
    std::string text;
    rushlight::Status begin(const rushlight::http::PartHead& part) override {
        if (open) std::abort();
        open = true;
        text += part.name + part.filename.value_or("-");
        return {};
    }
    rushlight::Status take(rushlight::Bytes piece) override {
        if (!open || piece.empty()) std::abort();
        text += rushlight::text_of(piece);
        return {};
    }
    rushlight::Status end() override {
        if (!open) std::abort();
        open = false;
        return {};
    }
};

// The parts as text, and whether all was well.
std::pair<std::string, bool> read(std::string_view body, std::size_t step) {
    Checked form;
    const auto reader =
        *rushlight::http::MultipartReader::create("multipart/form-data; boundary=b", form, {});
    rushlight::Status status;
    for (; status && !body.empty(); body.remove_prefix(std::min(step, body.size())))
        status = reader->take(rushlight::bytes_of(body.substr(0, step)));
    return {form.text, status && reader->finish()};
}

}  // namespace

// The first byte says how the body is cut; whatever it is, the parts are the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto text = rushlight::text_of(std::as_bytes(std::span(data, size)));
    const auto whole = read(text.substr(1), text.size());
    const auto cut = read(text.substr(1), 1 + static_cast<unsigned char>(text[0]) % 40);
    if (whole.second != cut.second || (whole.second && whole.first != cut.first)) std::abort();
    return 0;
}
