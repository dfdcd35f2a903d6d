/* millrace/base.h: what every room and every plug-in may use: status and error trail, memory, log.
 * Includes nothing of ours. All functions may be called from any thread unless said otherwise. */
#ifndef MR_BASE_H
#define MR_BASE_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_VERSION "0.1.0"
#define MR_UNUSED __attribute__((unused))
#define MR_PRINTF(f, a) __attribute__((format(printf, f, a)))
/** A loop worth a version of its own for newer processors: the fastest that this machine runs is
 *  taken when the program starts, and all give the same bits. Elsewhere there is one version. A
 *  build for a checker that is not awake by then says -DMR_CLONES= */
#ifndef MR_CLONES
#if defined(__x86_64__) && defined(__GLIBC__) && __has_attribute(target_clones)
#define MR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define MR_CLONES
#endif
#endif
#define MR_MIN(a, b) ((a) < (b) ? (a) : (b))
#define MR_MAX(a, b) ((a) > (b) ? (a) : (b))

/** What a call came to. The values below 100 are also the process's exit statuses. */
typedef enum mr_status {
    MR_OK = 0,
    MR_ECONFIG = 2,    /* usage or config */
    MR_EINPUT = 3,     /* nothing usable in the input, or this input is unusable */
    MR_EOUTPUT = 4,    /* writing failed */
    MR_EMEM = 5,       /* memory: allocation failed or the plan does not fit */
    MR_ELOCK = 6,      /* another run holds the output folder */
    MR_EVERIFY = 7,    /* verification failed */
    MR_LOSSES = 10,    /* done, with losses that are listed */
    MR_EBUG = 70,      /* a bug of ours */
    MR_STOPPED = 75,   /* stopped early; run again to go on */
    MR_EDENIED = 77,   /* this user or this peer may not */
    MR_ETIMEOUT = 100, /* internal: a wait ran out of time */
    MR_ECLOSED = 101,  /* internal: the queue is closed and empty */
    MR_ECANCEL = 102   /* internal: cancelled */
} mr_status;

/* --- error trail: one message per thread, first what happened, then who was doing what ------- */

/** Begin a new trail with a message and give st back. Use through MR_RAISE. */
mr_status mr_raise(mr_status st, const char *file, int line, const char *fmt, ...) MR_PRINTF(4, 5);
#define MR_RAISE(st, ...) mr_raise((st), __FILE__, __LINE__, __VA_ARGS__)
/** Add "while ..." context to the current trail. */
void mr_note(const char *fmt, ...) MR_PRINTF(1, 2);
/** The calling thread's trail as one line: "message (note; note)". "" if none. [borrow] until the
 *  thread raises again. */
const char *mr_error(void);
/** Replace this thread's trail with a text made elsewhere (another thread, rank or process). */
void mr_error_set(const char *text);
void mr_error_clear(void);
const char *mr_status_name(mr_status st);

/** In a function with `mr_status st` and a label `out`: leave when the call fails. */
#define MR_TRY(call)                                                                               \
    do {                                                                                           \
        if ((st = (call)) != MR_OK) goto out;                                                      \
    } while (0)

/** Assert a fact that only a bug can break: prints file, line, expression and aborts. */
#define MR_ASSERT(cond) ((cond) ? (void)0 : mr_bug(__FILE__, __LINE__, #cond))
_Noreturn void mr_bug(const char *file, int line, const char *what);

/* --- memory ---------------------------------------------------------------------------------- */

/** n * size bytes, zeroed, product checked; raises MR_EMEM naming `what`. *out untouched on
 *  failure. Free with free(). */
mr_status mr_alloc(size_t n, size_t size, const char *what, void *out);
/** Grow *p (heap array or NULL) so that it holds at least `need` elements; *cap is updated. */
mr_status mr_grow(void *p, size_t *cap, size_t need, size_t size, const char *what);
/** Large buffer: page aligned, own mapping, huge pages advised, not touched. Free with
 *  mr_big_free(p, bytes). */
mr_status mr_big_alloc(size_t bytes, const char *what, void *out);
void mr_big_free(void *p, size_t bytes);
/** Small aligned (64 bytes) array of doubles, zeroed; free with free(). */
mr_status mr_alloc_f64(size_t n, const char *what, double **out);
/** a * b + c into *out, MR_EMEM on overflow. */
mr_status mr_mul_add(size_t a, size_t b, size_t c, size_t *out);
mr_status mr_strdup(const char *s, char **out);

/* --- log: talk goes to stderr, results to stdout --------------------------------------------- */

typedef enum mr_level { MR_QUIET, MR_WARN, MR_INFO, MR_DEBUG } mr_level;
/** Only rank 0 talks by default; warnings and errors carry the rank. Call before threads start. */
void mr_log_init(int rank, mr_level level);
/** One line "millrace: ..." to stderr in a single write; control characters are escaped. */
void mr_log(mr_level level, const char *fmt, ...) MR_PRINTF(2, 3);

/** Monotonic seconds. */
double mr_now(void);
/** Seconds this thread has spent on a core. */
double mr_now_cpu(void);
#endif
