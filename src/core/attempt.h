/*
 * attempt - what the two files of an attempt share: attempt.c takes it to its end, sequel.c decides what comes next.
 */
#ifndef WEIR_CORE_ATTEMPT_H
#define WEIR_CORE_ATTEMPT_H

#include "core/dispatcher.h"

/* Why the wire let nothing pass. */
enum weir__held_back {
    WEIR__HELD_BACK_NOT,
    WEIR__HELD_BACK_BY_PAUSE,
    WEIR__HELD_BACK_BY_DEADLINE,
    WEIR__HELD_BACK_BY_STOP
};

/* A job in the hands of a worker: an attempt, or less. */
struct weir__try {
    struct weir *weir;
    struct weir__worker *worker;
    struct weir__job *job;
    struct weir__ticket ticket;
    enum weir__held_back held_back;
    struct weir__call *call; /* in a loop: whose this is, so that the wire can put it off; else NULL */
    bool parked;             /* it did */
    uint32_t late_count;     /* so often it came too late for the moment that it had been put off to */
    int64_t sent_ns;         /* 0: not sent */
    int64_t sent_wall_ns;    /* only where a callback will be told */
    int64_t began_ns;        /* 0: no response began */
    bool heard;              /* what its header says of the limits, before its end: with these news */
    struct weir__pushback_news news;
    int64_t ended_ns;
    struct weir__reply reply;
    const struct weir__feedback *feedback; /* `read`, or one that says nothing */
    struct weir__feedback read;
    struct weir__verdict verdict;
};

/* What a worker in a loop has: its connection, and the attempt that goes on there. */
struct weir__place {
    struct weir__connection *connection;
    struct weir__call call;
    struct weir__try attempt;
};

/* The transport is done with it: tells the others what it heard, counts it, and ends the job or sends it on. */
enum weir__pool_next weir__sequel_of(struct weir__try *attempt);

#endif
