#include "match/matcher.h"

#include "base/text.h"
#include "match/judge.h"
#include "match/lists_state.h"
#include "match/loader.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace rushlight::match {
namespace {

// Below this a store is read faster than a snapshot is worth.
constexpr std::uint64_t kWorthASnapshot = 50'000;
// A few chosen lists out of a large store are read by themselves; from here on the snapshot of all is
// quicker.
constexpr std::uint64_t kReadByThemselves = 200'000;

// What a query works on; never changed once published, except for the tables' own growth.
struct View {
    std::vector<std::shared_ptr<Tables>> tables;
    ListTable lists;
    std::shared_ptr<const std::vector<List>> by_name = std::make_shared<std::vector<List>>();
};

std::vector<List> sorted(const ListTable& table) {
    std::vector<List> lists;
    lists.reserve(table.size());
    for (const auto& [number, list] : table) lists.push_back(list);
    std::ranges::sort(lists, {}, &List::name);
    return lists;
}

std::uint64_t searched(const List& list) { return list.entries.active + list.entries.quarantined; }

}  // namespace

struct Matcher::State final : ListObserver {
    State(Lists* all, const Clock& the_clock) : lists(all), clock(the_clock) {}
    ~State() override {
        if (following) lists->forget(*this);
        {
            const std::scoped_lock lock(sleep);
            stopping = true;
        }
        wake.notify_all();
        if (follower.joinable()) follower.join();
    }

    // --- for every query
    std::shared_ptr<const View> current() const {
        const std::scoped_lock lock(pointer);
        return view;
    }
    void publish(View next) {
        next.by_name = std::make_shared<const std::vector<List>>(sorted(next.lists));
        auto fresh = std::make_shared<const View>(std::move(next));
        const std::scoped_lock lock(pointer);
        view.swap(fresh);
    }

    // --- getting ready
    Status open(const Sources& sources);
    Status open_stored(const Sources& sources);
    Status open_files(const Sources& sources);
    Status publish_lists();

    // --- following
    void lists_changed() override { (void)refresh(); }
    Status refresh();
    Status rebuild();
    void follow();

    store::Store& store() const { return lists->state().store; }

    Lists* lists;
    const Clock& clock;
    Chosen chosen;                                          // of the store's lists
    std::optional<std::unordered_set<std::int64_t>> named;  // those to be matched; nullopt: all
    std::vector<ImportReport> files;
    std::shared_ptr<Tables> file_tables;
    ListTable file_lists;
    std::string_view origin = "files";

    mutable std::mutex pointer;  // held for as long as copying the pointer takes
    std::shared_ptr<const View> view = std::make_shared<View>();

    std::mutex changes;  // everything that changes the tables, one at a time
    std::shared_ptr<Tables> stored;
    Position position;

    bool following = false;
    std::atomic<bool> wants_rebuild{false};
    std::thread follower;
    std::mutex sleep;
    std::condition_variable wake;
    bool stopping = false;
};

Status Matcher::State::open(const Sources& sources) {
    if (auto status = open_files(sources); !status) return status;
    if (!sources.all_stored && sources.stored.empty()) {
        View next;
        if (file_tables) next.tables.push_back(file_tables);
        next.lists = file_lists;
        publish(std::move(next));
        return {};
    }
    if (lists == nullptr)
        return fail(ErrorCode::invalid, "stored lists are asked for, and there is no store");
    return open_stored(sources);
}

Status Matcher::State::open_files(const Sources& sources) {
    for (const auto& path : sources.files) {
        if (!file_tables) file_tables = std::make_shared<Tables>();
        const auto number = static_cast<std::uint32_t>(kFirstFileList + files.size());
        auto loaded = load_file(path, number, sources.file_method, sources.file_undecided, *file_tables);
        if (!loaded) return pass(loaded.error());
        List list;
        list.name = printable(path);
        list.category = kDefaultCategory;
        list.id = number;
        list.entries.active = loaded->report.added;
        list.content = loaded->content;
        file_lists.emplace(number, std::move(list));
        files.push_back(std::move(loaded->report));
    }
    return {};
}

Status Matcher::State::open_stored(const Sources& sources) {
    auto all = lists->all();
    if (!all) return pass(all.error());
    std::uint64_t total = 0;
    for (const auto& list : *all) total += searched(list);
    bool by_themselves = false;
    if (!sources.all_stored) {
        named.emplace();
        std::uint64_t wanted = 0;
        for (const auto& name : sources.stored) {
            const auto found = std::ranges::find(*all, name, &List::name);
            if (found == all->end()) return no_such_list(name);
            if (found->expires && *found->expires <= clock.now()) {
                return fail(ErrorCode::invalid, "the list '" + name + "' expired at " +
                                                    found->expires->rfc3339() +
                                                    " and is not matched any more");
            }
            if (named->insert(found->id).second) wanted += searched(*found);
        }
        by_themselves = wanted < kReadByThemselves;
        if (by_themselves) chosen = named;
    }
    // From here on this process's changes are waited for, and nothing between reading and following is
    // missed.
    const std::scoped_lock lock(changes);
    const std::string folder = lists->state().index_folder();
    const bool snapshot = !by_themselves && total >= kWorthASnapshot;
    Result<Loaded> loaded = fail(ErrorCode::not_found, "not asked for");
    if (snapshot) loaded = load_snapshot(store(), folder);
    if (loaded) {
        origin = "snapshot";
    } else {
        origin = "store";
        loaded = load_from_store(store(), chosen);
        if (!loaded && loaded.error().code == ErrorCode::corrupt)
            loaded.error().message += " Nothing was searched.";
        if (!loaded) return pass(loaded.error());
        // Only the next start is slower without it.
        if (snapshot) (void)save_snapshot(folder, *loaded->tables, loaded->position);
    }
    if (file_tables) origin = "store and files";
    stored = std::move(loaded->tables);
    position = loaded->position;
    return publish_lists();
}

// With the lock on changes held.
Status Matcher::State::publish_lists() {
    auto all = lists->all();
    if (!all) return pass(all.error());
    View next;
    std::uint64_t live = 0;
    next.tables.push_back(stored);
    if (file_tables) next.tables.push_back(file_tables);
    next.lists = file_lists;
    for (auto& list : *all) {
        if (list.id >= kFirstFileList || (named && !named->contains(list.id))) continue;
        live += searched(list);
        next.lists.emplace(static_cast<std::uint32_t>(list.id), std::move(list));
    }
    // Entries of removed lists stay in the tables, unseen, until they are the greater part.
    wants_rebuild = !named && stored->size() > 2 * live + kWorthASnapshot;
    publish(std::move(next));
    return {};
}

Status Matcher::State::refresh() {
    {
        const std::scoped_lock lock(changes);
        bool changed = false;
        auto reached = follow_log(store(), chosen, *stored, position, changed);
        if (!reached) return pass(reached.error());
        if (*reached) return changed ? publish_lists() : Status{};
    }
    return rebuild();
}

// Beside the tables that are being searched; only the last step waits for nobody.
Status Matcher::State::rebuild() {
    auto loaded = load_from_store(store(), chosen);
    if (!loaded) return pass(loaded.error());
    const std::scoped_lock lock(changes);
    bool changed = false;
    auto reached = follow_log(store(), chosen, *loaded->tables, loaded->position, changed);
    if (!reached) return pass(reached.error());
    if (!*reached) return fail(ErrorCode::unavailable, "the lists change faster than they can be read");
    stored = std::move(loaded->tables);
    position = loaded->position;
    return publish_lists();
}

// Other processes' changes. Asking whether there is any takes microseconds.
void Matcher::State::follow() {
    std::int64_t seen = -1;
    std::unique_lock lock(sleep);
    while (!stopping) {
        lock.unlock();
        auto now = store().changes();
        // After a failure the number stays: the next round tries again.
        if (now && *now != seen && refresh()) seen = *now;
        if (wants_rebuild) (void)rebuild();
        lock.lock();
        wake.wait_for(lock, kFollowInterval, [&] { return stopping; });
    }
}

Matcher::Matcher(std::unique_ptr<State> state) : state_(std::move(state)) {}
Matcher::~Matcher() = default;

Result<std::unique_ptr<Matcher>> Matcher::open(Lists* lists, const Sources& sources, const Clock& clock) {
    auto state = std::make_unique<State>(lists, clock);
    if (auto status = state->open(sources); !status) return pass(status.error());
    if (state->stored) {
        state->following = true;
        lists->observe(*state);
        // What changed between reading the store and observing.
        if (auto status = state->refresh(); !status) return pass(status.error());
        state->follower = std::thread([raw = state.get()] { raw->follow(); });
    }
    return std::unique_ptr<Matcher>(new Matcher(std::move(state)));
}

Result<Answer> Matcher::match(const Query& query) const {
    if (query.threshold && (*query.threshold < 0 || *query.threshold > kMaxThreshold)) {
        return fail(ErrorCode::invalid, "a threshold is from 0 to " + std::to_string(kMaxThreshold) +
                                            ", not " + std::to_string(*query.threshold));
    }
    const auto view = state_->current();
    const Time now = state_->clock.now();
    Answer answer = judge(query, view->tables, view->lists, now);
    answer.lists = view->by_name;
    answer.at = now;
    return answer;
}

Status Matcher::refresh() { return state_->stored ? state_->refresh() : Status{}; }
const std::vector<ImportReport>& Matcher::files() const { return state_->files; }

std::vector<List> Matcher::lists() const { return *state_->current()->by_name; }

std::string_view Matcher::origin() const { return state_->origin; }

std::size_t Matcher::memory_bytes() const {
    std::size_t bytes = 0;
    for (const auto& tables : state_->current()->tables) bytes += tables->memory_bytes();
    return bytes;
}

}  // namespace rushlight::match
