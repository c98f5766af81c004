/* hold - see hold.h */
#include "policy/hold.h"

int64_t weir__hold_until(int64_t began_ns, int64_t hold_ns)
{
    return began_ns + hold_ns + hold_ns / (1000000 / WEIR__HOLD_DRIFT_PPM);
}

enum weir_shape weir__hold_shape(enum weir_shape shape, int64_t per_ns)
{
    if (shape != WEIR_SHAPE_DEFAULT)
        return shape;
    return per_ns <= WEIR_STRICT_PERIOD_MAX_NS ? WEIR_SHAPE_STRICT : WEIR_SHAPE_WINDOW;
}
