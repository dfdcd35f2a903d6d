/* tests/bench/limits.c: what this machine can do at most, as plain loops see it; bench's run.py
 * builds it with -O3 -march=native and puts millrace's figures beside. Prints one JSON object.
 * usage: limits FOLDER [quick]   measure; a file of up to 1 GiB in FOLDER comes and goes
 *        limits touch BYTES      touch so much fresh memory, so that the host backs it again */
#include <fcntl.h>
#include <fftw3.h>
#include <libdeflate.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPS = 5, PIECE = 4 << 20, MAX_THREADS = 256 };

static void *must(void *p)
{
    if (!p) abort();
    return p;
}

static void check(int ok)
{
    if (!ok) {
        perror("limits");
        exit(1);
    }
}

static void *room(size_t bytes)
{
    char *p = must(aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
#pragma omp parallel for
    for (size_t i = 0; i < bytes; i += 4096) p[i] = 1;
    return p;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** What is measured: the work of one thread, done by n threads at once, `size` units each. */
typedef struct job {
    void (*run)(struct job *j, int thread, int n);
    double size; /* units of all threads together, for n threads: filled in by run's set-up */
    char *a, *b, *c;
    size_t bytes;
    int fd;
    fftw_plan f64;
    fftwf_plan f32;
    size_t len, batch;
} job;

/** Units a second of n threads: the median of REPS, after one round to warm up. */
static double rate(job *j, int n)
{
    double s[REPS];
    for (int r = -1; r < REPS; r++) {
        const double t0 = omp_get_wtime();
#pragma omp parallel num_threads(n)
        j->run(j, omp_get_thread_num(), n);
        if (r >= 0) s[r] = omp_get_wtime() - t0;
    }
    qsort(s, REPS, sizeof *s, by_value);
    return j->size / s[REPS / 2];
}

static void say(const char *name, const char *unit, double per, job *j, int cores, int last)
{
    const double one = rate(j, 1) / per, all = cores > 1 ? rate(j, cores) / per : one;
    printf("\"%s\": {\"unit\": \"%s\", \"one\": %.4g, \"all\": %.4g}%s\n", name, unit, one, all,
           last ? "" : ",");
    fflush(stdout);
}

static void run_pread(job *j, int thread, int n)
{
    const size_t pieces = j->bytes / PIECE;
    for (size_t i = (size_t)thread; i < pieces; i += (size_t)n)
        check(pread(j->fd, j->a + (size_t)thread * PIECE, PIECE, (off_t)(i * PIECE)) == PIECE);
}

static void run_triad(job *j, int thread, int n)
{
    const size_t m = j->bytes / sizeof(double), lo = m * (size_t)thread / (size_t)n,
                 hi = m * ((size_t)thread + 1) / (size_t)n;
    double *a = (double *)j->a;
    const double *b = (double *)j->b, *c = (double *)j->c;
    for (size_t i = lo; i < hi; i++) a[i] = b[i] + 3.0 * c[i];
}

typedef double vec __attribute__((vector_size(64)));
enum { CHAINS = 12, ROUNDS = 4 << 20 };

/* Every thread does as many: the size counts them all, so n threads do n shares in one time. */
static void run_fma(job *j, int thread, int n)
{
    vec acc[CHAINS], m, d;
    for (int k = 0; k < 8; k++) {
        m[k] = 0.999999;
        d[k] = 1e-9 * (thread + k);
    }
    for (int i = 0; i < CHAINS; i++) acc[i] = d + i;
    for (int r = 0; r < ROUNDS / n; r++)
        for (int i = 0; i < CHAINS; i++) acc[i] = acc[i] * m + d;
    for (int i = 1; i < CHAINS; i++) acc[0] += acc[i];
    ((double *)j->a)[64 * thread] = acc[0][0] + acc[0][7];
}

static void run_fft(job *j, int thread, int n)
{
    for (size_t i = (size_t)thread; i < j->batch; i += (size_t)n) {
        char *x = j->a + (size_t)thread * j->bytes, *y = j->b + (size_t)thread * j->bytes;
        if (j->f64)
            fftw_execute_dft_r2c(j->f64, (double *)x, (fftw_complex *)y);
        else
            fftwf_execute_dft_r2c(j->f32, (float *)x, (fftwf_complex *)y);
    }
}

static void run_inflate(job *j, int thread, int n)
{
    struct libdeflate_decompressor *d = must(libdeflate_alloc_decompressor());
    char *to = j->b + (size_t)thread * j->len;
    for (size_t i = (size_t)thread; i < j->batch; i += (size_t)n)
        check(libdeflate_zlib_decompress(d, j->a, j->bytes, to, j->len, NULL) == 0);
    libdeflate_free_decompressor(d);
}

static void measure_fft(const char *name, size_t len, int single, int cores, int quick)
{
    const size_t many = len >= 32768 ? 1 : 32, total = (size_t)(quick ? 1 : 16) << 20;
    const int howmany[] = {(int)len}, half = (int)len / 2 + 1;
    job j = {.run = run_fft, .len = len, .bytes = many * (len + 2) * 8};
    j.bytes = (j.bytes + 4095) / 4096 * 4096;
    j.batch = total / (many * len);
    j.size = (double)(j.batch * many * len);
    j.a = room((size_t)cores * j.bytes);
    j.b = room((size_t)cores * j.bytes);
    memset(j.a, 0, (size_t)cores * j.bytes);
    if (single)
        j.f32 = fftwf_plan_many_dft_r2c(1, howmany, (int)many, (float *)j.a, NULL, 1, (int)len,
                                        (fftwf_complex *)j.b, NULL, 1, half, FFTW_ESTIMATE);
    else
        j.f64 = fftw_plan_many_dft_r2c(1, howmany, (int)many, (double *)j.a, NULL, 1, (int)len,
                                       (fftw_complex *)j.b, NULL, 1, half, FFTW_ESTIMATE);
    say(name, "Msamples/s", 1e6, &j, cores, 0);
    if (single)
        fftwf_destroy_plan(j.f32);
    else
        fftw_destroy_plan(j.f64);
    free(j.a);
    free(j.b);
}

/* A chunk like a recorder's: quantised, shuffled, deflate level 4. */
static void measure_inflate(int cores, int quick)
{
    enum { N = 100000 };
    job j = {.run = run_inflate, .len = N * 4, .batch = quick ? 20 : 400};
    unsigned char *raw = must(malloc(N * 4));
    uint32_t seed = 12345;
    for (size_t i = 0; i < N; i++) {
        seed = seed * 1664525 + 1013904223;
        const double noise = (double)(seed >> 8) / (1 << 24) * 2;
        const float v = (float)(floor((20 * sin(0.01 * (double)i) + noise) * 64) / 64);
        unsigned char b[4];
        memcpy(b, &v, 4);
        for (size_t k = 0; k < 4; k++) raw[k * N + i] = b[k];
    }
    struct libdeflate_compressor *c = must(libdeflate_alloc_compressor(4));
    j.a = must(malloc(N * 8));
    j.bytes = libdeflate_zlib_compress(c, raw, N * 4, j.a, N * 8);
    libdeflate_free_compressor(c);
    check(j.bytes > 0);
    j.b = room((size_t)cores * j.len);
    j.size = (double)j.batch * (double)j.len;
    say("inflate", "GB/s", 1e9, &j, cores, 0);
    free(raw);
    free(j.a);
    free(j.b);
}

/** One file, written and fsynced; its bytes a second. The file stays for the reads. */
static double write_file(const char *path, size_t bytes, int *fd)
{
    char *x = room(PIECE);
    double s[3];
    for (int r = 0; r < 3; r++) {
        if (r) {
            close(*fd);
            unlink(path);
        }
        *fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
        check(*fd >= 0);
        const double t0 = omp_get_wtime();
        for (size_t i = 0; i < bytes; i += PIECE) check(write(*fd, x, PIECE) == PIECE);
        check(fsync(*fd) == 0);
        s[r] = omp_get_wtime() - t0;
    }
    free(x);
    qsort(s, 3, sizeof *s, by_value);
    return (double)bytes / s[1];
}

static void measure(const char *folder, int quick, int cores)
{
    char path[4096];
    job j = {.run = run_pread, .bytes = (size_t)(quick ? 32 : 512) << 20};
    snprintf(path, sizeof path, "%s/limits.bin", folder);
    const double w = write_file(path, j.bytes, &j.fd);
    printf(
        "{\"cores\": %d,\n\"write_fsync\": {\"unit\": \"GB/s\", \"one\": %.4g, \"all\": %.4g},\n",
        cores, w / 1e9, w / 1e9);
    j.a = room((size_t)cores * PIECE);
    j.size = (double)j.bytes;
    say("pread", "GB/s", 1e9, &j, cores, 0);
    close(j.fd);
    unlink(path);
    free(j.a);

    j = (job){.run = run_triad, .bytes = (size_t)(quick ? 32 : 512) << 20};
    j.a = room(j.bytes);
    j.b = room(j.bytes);
    j.c = room(j.bytes);
    j.size = 3.0 * (double)j.bytes;
    say("triad", "GB/s", 1e9, &j, cores, 0);
    free(j.a);
    free(j.b);
    free(j.c);

    measure_fft("fft1024_f32", 1024, 1, cores, quick);
    measure_fft("fft1024_f64", 1024, 0, cores, quick);
    measure_fft("fft32768_f32", 32768, 1, cores, quick);
    measure_fft("fft32768_f64", 32768, 0, cores, quick);
    measure_inflate(cores, quick);

    j = (job){.run = run_fma, .a = room(MAX_THREADS * 512)};
    j.size = 2.0 * 8 * CHAINS * (double)ROUNDS;
    say("fma_f64", "GFLOP/s", 1e9, &j, cores, 1);
    free(j.a);
    printf("}\n");
}

int main(int argc, char **argv)
{
    const int cores = omp_get_max_threads() < MAX_THREADS ? omp_get_max_threads() : MAX_THREADS;
    if (argc == 3 && strcmp(argv[1], "touch") == 0) {
        free(room((size_t)strtoull(argv[2], NULL, 10)));
        return 0;
    }
    if (argc < 2) return 2;
    measure(argv[1], argc > 2 && strcmp(argv[2], "quick") == 0, cores);
    return 0;
}
