/*
 * gate - the one place where a job meets its permits: asked at a time, it says "go" or "not before t".
 *
 * It holds permits, one set for each limit, and rules that know only time (a pace, a pause), which the owner brings
 * along. A job goes when every rule is due and one permit of every limit could be taken; else nothing is taken.  It
 * never waits and reads no clock, so threads, event loops and a simulator ask the same gate; they differ in how they
 * wait.
 *
 * A gate has two parts.  Its state, the permits and who has them, may be shared: by two parties of one process, or by
 * many processes where it lies in their common memory; then it holds no pointers, and one that dies in here is mended
 * by the next.  The rest is a party's own: its rules, its tallies, what it waits for.
 *
 * Threads: any; the state's `lock` guards everything, in all parts, and is a leaf: rules are called under it and must
 * take no other lock.
 */
#ifndef WEIR_POOL_GATE_H
#define WEIR_POOL_GATE_H

#include "pool/party.h"
#include "pool/permits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WEIR__GATE_RULES_MAX 16u
#define WEIR__GATE_NO_LIMIT WEIR__GATE_LIMITS_MAX /* where a rule belongs to no limit, or nothing is in the way */

/* Where permits may be with others, nobody waits longer for them without looking: they may have died. */
#define WEIR__GATE_LOOK_NS INT64_C(100000000)

struct weir__gate_rule {
    int64_t (*next)(void *rule);              /* the earliest moment for the next job; may be past */
    void (*take)(void *rule, int64_t now_ns); /* a job goes */
    void *rule;                               /* the owner's, alive as long as the gate */
    uint32_t limit;                           /* the limit that its waits are put down to, or WEIR__GATE_NO_LIMIT */
};

enum weir__gate_cause {
    WEIR__GATE_OPEN,
    WEIR__GATE_PERMIT, /* all permits of a limit are out */
    WEIR__GATE_RULE,   /* a limit's rule is not due */
    WEIR__GATE_PAUSE   /* a rule of no limit is not due */
};

struct weir__gate_answer {
    bool go;
    enum weir__gate_cause cause;
    uint32_t limit;        /* the one that keeps the job longest; WEIR__GATE_NO_LIMIT for OPEN and PAUSE */
    uint32_t limit_count;  /* on "go": it holds a permit of this many, the first ones; hand it back with them */
    int64_t not_before_ns; /* when to ask again; WEIR__NEVER where only a permit given back can open the gate */
};

struct weir__gate_tally {
    uint64_t waits; /* jobs that this limit kept waiting */
    int64_t wait_ns;
    uint32_t out; /* permits that jobs went with and have not given back */
    uint32_t out_peak;
};

/* How many permits of limit 0 one handle has out, in all its parties. */
struct weir__gate_crowd {
    uint32_t out, peak;
};

/* What parties share. */
struct weir__gate_state {
    pthread_mutex_t lock;
    bool shared; /* by processes */
    uint32_t limit_count;
    uint32_t unanswered; /* jobs that went and are not yet answered or taken back */
    struct weir__permits permits[WEIR__GATE_LIMITS_MAX];
    int64_t hold_ns[WEIR__GATE_LIMITS_MAX];      /* from weir__gate_answered() until the permit is back */
    uint32_t adopted_out[WEIR__GATE_LIMITS_MAX]; /* unanswered jobs that went before the limit was there */

    /* shared by processes: room for the moments of each limit's permits, bytes from this struct on */
    int64_t rings[WEIR__GATE_LIMITS_MAX];
    uint32_t ring_max[WEIR__GATE_LIMITS_MAX];

    int64_t parties; /* where they are: bytes from this struct on */
    uint32_t party_max;
    uint32_t party_top;   /* those from here on were never used */
    uint32_t party_count; /* in use */
    uint32_t waiting_count;
    uint64_t places;         /* in the line, given so far */
    int64_t reaped_ns;       /* when somebody last looked for the dead */
    _Atomic uint64_t buried; /* so many were found */
};

/* How an owner looks after a gate that is shared. */
struct weir__gate_keeper {
    bool (*dead)(void *context, uint32_t party); /* its process is; NULL: none can be */
    void (*grown)(void *context);                /* under the lock: others have added limits; bring their rules */
    void *context;
};

/* A party's gate. */
struct weir__gate {
    struct weir__gate_state *state;
    struct weir__party *party;
    struct weir__gate_keeper keeper;
    struct weir__gate_crowd own_crowd, *crowd; /* `crowd` is another gate's where that is of the same handle */
    bool owns_state;                           /* it is from the heap */
    atomic_bool sooner;                        /* see weir__gate_sooner() */
    bool unnamed;                              /* what the last ask found names no moment */
    bool closed;                               /* by its owner: nothing goes */
    uint32_t known;                            /* limits whose rules are here */
    sem_t *bell;                               /* rung, and to be posted when the lock is let go; NULL: none */
    struct weir__gate_rule rules[WEIR__GATE_RULES_MAX];
    uint32_t rule_count;
    struct weir__gate_tally tallies[WEIR__GATE_LIMITS_MAX + 1]; /* the last one is of no limit: pauses */

    /* the wait of the job that is next to go */
    bool waiting;
    uint32_t waiting_limit;
    uint32_t counted; /* a bit for each limit whose tally has it already */
    int64_t waiting_since_ns;
};

/* A gate of its own, with room for a second party.  False without memory or locks. */
bool weir__gate_init(struct weir__gate *gate);

/* The second party of a gate in the same process: it brings its own rules, and must be cleared before the first. */
bool weir__gate_join(struct weir__gate *gate, struct weir__gate *first);

/*
 * In memory that processes share: the state, which its owner has placed with parties and rings behind it (parties,
 * party_max, rings and ring_max are set, all else is zero); then a party of it, whose number nobody living has.
 */
bool weir__gate_state_init(struct weir__gate_state *state);
bool weir__gate_enter(struct weir__gate *gate, struct weir__gate_state *state, uint32_t party,
                      const struct weir__gate_keeper *keeper, int64_t now_ns);

/* A party leaves a gate that others share; what it has taken counts as answered at `now_ns`.  Before clear. */
void weir__gate_part(struct weir__gate *gate, int64_t now_ns);

/* Looks for parties that are dead, at once. */
void weir__gate_reap(struct weir__gate *gate, int64_t now_ns);

/* What is posted when this party should look again though no moment says so.  One thread at a time waits for it. */
sem_t *weir__gate_bell(struct weir__gate *gate);

/* Nothing goes for this party any more, or again: the cause is a pause that ends at no known moment. */
void weir__gate_close(struct weir__gate *gate, bool closed);

void weir__gate_clear(struct weir__gate *gate);

/*
 * Before the first ask.  Limits are numbered from 0 in the order added.  Number 0 is the one of concurrency: its permit
 * comes back with weir__gate_give(), when the job's attempt is over.  The permits of all others come back together,
 * when the attempt is answered (or will not be), `hold_ns` later; 0: at once.  False without memory, or beyond the
 * maxima.
 */
bool weir__gate_add_limit(struct weir__gate *gate, uint32_t permits, int64_t hold_ns);
bool weir__gate_add_rule(struct weir__gate *gate, const struct weir__gate_rule *rule);

/*
 * Adds a limit while jobs are on their way, with its rule (NULL: none; its `limit` is set here).  Of its permits, one
 * stands for each job that is unanswered now and comes back as that job's would; where the jobs are more, one for each
 * of those that are answered last, so that the others are over by then.  `left` less those on their way are free; the
 * rest come back at `due_ns`.  Returns the limit's number; 0 without memory, or where there is no room for one more.
 */
uint32_t weir__gate_adopt(struct weir__gate *gate, uint32_t permits, int64_t hold_ns, uint32_t left, int64_t due_ns,
                          const struct weir__gate_rule *rule);

/* One permit of a limit with a hold is out for what was sent before the first ask; it comes back at `due_ns`.  False
 * where none is free. */
bool weir__gate_spend(struct weir__gate *gate, uint32_t limit, int64_t due_ns);

/* Other figures for a limit, from now on.  False without memory, or where a shared state has no room. */
bool weir__gate_resize(struct weir__gate *gate, uint32_t limit, uint32_t permits, int64_t hold_ns);

/* Asks for the job that is next: on "go" it holds one permit of every limit.  Ask only when there is such a job. */
void weir__gate_ask(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer);

/* The same question, and nothing is taken. */
void weir__gate_peek(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer);

/* The same for somebody who does not wait: nothing is counted, and no moment named that is only one to look again. */
void weir__gate_glance(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer);

/* The job that waited goes no more: its wait ends here. */
void weir__gate_leave(struct weir__gate *gate, int64_t now_ns);

/* The attempt was answered at `now_ns`, or given up: the permits of the first `limit_count` limits but number 0 come
 * back after their holds; so does one that stood for it in a limit adopted since. */
void weir__gate_answered(struct weir__gate *gate, uint32_t limit_count, int64_t now_ns);

/* The attempt never left: the same permits come back at once. */
void weir__gate_unsent(struct weir__gate *gate, uint32_t limit_count);

/* Gives the permit of limit 0 back. */
void weir__gate_give(struct weir__gate *gate);

/* weir__gate_answered() and weir__gate_give() in one, for an attempt that holds nothing to be given back in between. */
void weir__gate_over(struct weir__gate *gate, uint32_t limit_count, int64_t now_ns);

/* For the owner of a rule, to change what it holds: no ask runs in between.  weir__gate_add_rule() may be called. */
void weir__gate_lock(struct weir__gate *gate);
void weir__gate_unlock(struct weir__gate *gate);

/* Whether a permit comes back sooner than the moment that the gate named, since the last call: a hold became shorter.
 */
bool weir__gate_sooner(struct weir__gate *gate);

/* What this handle has out of limit 0, its other party included. */
struct weir__gate_crowd weir__gate_crowd(struct weir__gate *gate);

/* How many share it, this one included. */
uint32_t weir__gate_parties(struct weir__gate *gate);

/* `limit` may be WEIR__GATE_NO_LIMIT: how many jobs pauses kept waiting, and how long. */
struct weir__gate_tally weir__gate_tally(struct weir__gate *gate, uint32_t limit);

#endif
