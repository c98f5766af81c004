// raii - weir from C++11: a handle that frees itself, and a lambda as the callback.
//
// Usage: raii URL
#include <atomic>
#include <cstdio>
#include <memory>
#include <weir.h>

struct Free {
    void operator()(weir *handle) const noexcept
    {
        weir_free(handle);
    }
};
using Weir = std::unique_ptr<weir, Free>;

static Weir make_weir(const weir_options &options)
{
    weir *handle = nullptr;
    return Weir(weir_new(&options, &handle) == WEIR_OK ? handle : nullptr);
}

// Makes `function` the callback: it must outlive the job, runs on weir's threads, and must not throw.
template <typename Function> static void when_done(weir_request &request, Function &function)
{
    request.user_data = &function;
    request.done = [](void *f, const weir_result *result) noexcept { (*static_cast<Function *>(f))(*result); };
}

int main(int argc, char **argv)
{
    const weir_rate rate = {100, 0, 1000000000, WEIR_SHAPE_DEFAULT}; // 100 per second
    weir_options options = WEIR_OPTIONS_INIT;
    options.rates = &rate;
    options.rate_count = 1;

    std::atomic<int> succeeded{0};
    auto count = [&](const weir_result &result) { succeeded += result.outcome == WEIR_OUTCOME_SUCCEEDED; };
    const Weir dispatcher = make_weir(options); // after what its callbacks use, so that it goes first
    if (argc != 2 || !dispatcher)
        return 2;
    weir_request request = WEIR_REQUEST_INIT;
    request.url = argv[1];
    when_done(request, count);
    for (int i = 0; i < 200; i++)
        if (weir_submit(dispatcher.get(), &request, -1) != WEIR_OK)
            break;
    weir_drain(dispatcher.get(), -1);
    std::printf("%d of 200 succeeded\n", succeeded.load());
    return succeeded == 200 ? 0 : 1;
}
