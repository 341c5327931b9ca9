#include "practice/deliveries.h"

#include "base/text.h"
#include "message/signature.h"

#include <algorithm>

namespace rushlight::practice {
namespace {

std::size_t size_of(const Delivery& delivery) {
    std::size_t size = delivery.body.size();
    for (const auto& [name, value] : delivery.headers) size += name.size() + value.size();
    return size;
}

}  // namespace

std::string_view Delivery::header(std::string_view name) const {
    const auto it =
        std::ranges::find_if(headers, [&](const auto& one) { return equals_ignoring_case(one.first, name); });
    return it == headers.end() ? std::string_view{} : std::string_view(it->second);
}

std::string_view to_string(Signature signature) {
    switch (signature) {
        case Signature::none:
            return "none";
        case Signature::unchecked:
            return "unchecked";
        case Signature::good:
            return "good";
        case Signature::bad:
            return "bad";
    }
    return "";
}

void Deliveries::add(Delivery delivery) {
    const std::lock_guard lock(mutex_);
    delivery.number = ++number_;
    bytes_ += size_of(delivery);
    kept_.push_front(std::move(delivery));
    while (kept_.size() > kMost || (bytes_ > kMostBytes && kept_.size() > 1)) {
        bytes_ -= size_of(kept_.back());
        kept_.pop_back();
    }
}

std::vector<Deliveries::Seen> Deliveries::newest_first() const {
    const std::lock_guard lock(mutex_);
    std::vector<Seen> seen;
    for (const Delivery& delivery : kept_) seen.push_back({delivery, check(delivery)});
    return seen;
}

Status Deliveries::add_secret(std::string_view secret) {
    secret = trim(secret);
    if (secret.empty() || secret.size() > kMostSecretBytes || !is_utf8(secret))
        return fail(ErrorCode::invalid, "that is no secret: paste what was shown when the webhook was made");
    const std::lock_guard lock(mutex_);
    if (std::ranges::find(secrets_, secret) != secrets_.end()) return {};
    if (secrets_.size() == kMostSecrets) secrets_.erase(secrets_.begin());
    secrets_.emplace_back(secret);
    return {};
}

std::size_t Deliveries::secrets() const {
    const std::lock_guard lock(mutex_);
    return secrets_.size();
}

Signature Deliveries::check(const Delivery& delivery) const {
    const std::string_view signature = delivery.header("Rushlight-Signature");
    if (signature.empty()) return Signature::none;
    if (secrets_.empty()) return Signature::unchecked;
    return std::ranges::any_of(
               secrets_,
               [&](const std::string& secret) {
                   return message::verify(signature, delivery.body, secret, delivery.at).has_value();
               })
               ? Signature::good
               : Signature::bad;
}

}  // namespace rushlight::practice
