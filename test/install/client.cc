// client - the same as client.c, as a C++ program would write it.
#include <atomic>
#include <cstdio>
#include <memory>
#include <weir.h>

namespace
{
const int jobs = 20;

void done(void *user_data, const weir_result *result)
{
    if (result->outcome == WEIR_OUTCOME_SUCCEEDED)
        ++*static_cast<std::atomic<int> *>(user_data);
}

struct Free {
    void operator()(weir *handle) const
    {
        weir_free(handle);
    }
    void operator()(weir_limits *handle) const
    {
        weir_limits_free(handle);
    }
};
} // namespace

int main(int argc, char **argv)
{
    std::atomic<int> succeeded(0);
    weir_options options = WEIR_OPTIONS_INIT;
    weir *made = nullptr;
    if (argc != 2 || weir_new(&options, &made) != WEIR_OK)
        return 2;
    std::unique_ptr<weir, Free> handle(made);

    weir_request request = WEIR_REQUEST_INIT;
    request.url = argv[1];
    request.done = done;
    request.user_data = &succeeded;
    for (int i = 0; i < jobs; i++)
        if (weir_submit(handle.get(), &request, -1) != WEIR_OK)
            return 3;
    if (weir_wait(handle.get(), INT64_C(10000000000)) != WEIR_OK)
        return 4;

    weir_limits_options limits_options = WEIR_LIMITS_OPTIONS_INIT;
    limits_options.concurrency = 1;
    weir_limits *limits = nullptr;
    if (weir_limits_new(&limits_options, &limits) != WEIR_OK)
        return 5;
    std::unique_ptr<weir_limits, Free> limits_handle(limits);
    weir_permit permit = WEIR_PERMIT_INIT;
    if (weir_limits_acquire(limits, 0, &permit) != WEIR_OK || weir_limits_release(limits, &permit, nullptr))
        return 6;

    std::printf("%s: %d of %d\n", weir_version(), succeeded.load(), jobs);
    return succeeded.load() == jobs ? 0 : 1;
}
