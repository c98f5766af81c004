/*
 * hold - when a permit comes back: the rule that makes a limit provable.
 *
 * The server counts a request at some moment between its send and the beginning of its response.  A permit that comes
 * back `hold` after the response began separates two requests over the same permit by at least `hold` at the server;
 * N permits so allow at most N requests in any window of that length, whatever the network did to them on the way.
 * Neither clock's reading matters, only that both run at the same speed, to within WEIR__HOLD_DRIFT_PPM.
 */
#ifndef WEIR_POLICY_HOLD_H
#define WEIR_POLICY_HOLD_H

#include "weir.h"

#include <stdint.h>

/*
 * How much slower than ours the server's clock may run, in parts per million.  Crystal oscillators of computers are
 * specified within 50 ppm; two of them differ by at most twice that.  It costs 0.1 ms of a second.
 */
#define WEIR__HOLD_DRIFT_PPM 100

/* The moment at which a permit comes back whose request's response began at `began_ns`.  A hold of 0 is "at once". */
int64_t weir__hold_until(int64_t began_ns, int64_t hold_ns);

/* The shape that WEIR_SHAPE_DEFAULT stands for at this period; any other shape is itself. */
enum weir_shape weir__hold_shape(enum weir_shape shape, int64_t per_ns);

#endif
