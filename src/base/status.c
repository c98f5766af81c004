/* status - the texts of weir.h's enumerations, from the maps that also make the values, so that they cannot drift */
#include "weir.h"

const char *weir_status_text(enum weir_status status)
{
    switch (status) {
#define CASE(name, value, text)                                                                                        \
    case WEIR_##name:                                                                                                  \
        return text;
        WEIR_STATUS_MAP(CASE)
#undef CASE
    }
    return "?";
}

const char *weir_outcome_text(enum weir_outcome outcome)
{
    switch (outcome) {
#define CASE(name, value, text)                                                                                        \
    case WEIR_OUTCOME_##name:                                                                                          \
        return text;
        WEIR_OUTCOME_MAP(CASE)
#undef CASE
    case WEIR_OUTCOME_COUNT:
        break;
    }
    return "?";
}

const char *weir_error_code(enum weir_error error)
{
    switch (error) {
#define CASE(name, value, code)                                                                                        \
    case WEIR_ERROR_##name:                                                                                            \
        return code;
        WEIR_ERROR_MAP(CASE)
#undef CASE
    case WEIR_ERROR_COUNT:
        break;
    }
    return "?";
}

const char *weir_version(void)
{
    return WEIR_VERSION;
}
