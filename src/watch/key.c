/* watch/key.c: the key file of an output folder, and random numbers. See conn.h. */
#include "watch/conn.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

void mr_key_wipe(void *p, size_t n)
{
    explicit_bzero(p, n);
}

static mr_status random_bytes(void *p, size_t n)
{
    if (n <= 256 && getrandom(p, n, 0) == (ssize_t)n) return MR_OK;
    return MR_RAISE(MR_EOUTPUT, "no random numbers: %s", strerror(errno));
}

static void to_hex(const unsigned char *p, size_t n, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = digits[p[i] >> 4];
        hex[2 * i + 1] = digits[p[i] & 15];
    }
    hex[2 * n] = '\0';
}

mr_status mr_random_hex(size_t n, char *hex)
{
    unsigned char b[64];
    MR_ASSERT(n <= sizeof b);
    const mr_status st = random_bytes(b, n);
    if (st == MR_OK) to_hex(b, n, hex);
    mr_key_wipe(b, sizeof b);
    return st;
}

mr_status mr_key_make(const char *path, mr_key *out)
{
    mr_status st = MR_OK;
    mr_text tmp = {0};
    mr_key key;
    char hex[2 * MR_KEY_BYTES + 2];
    int fd = -1;
    MR_TRY(random_bytes(&key, sizeof key));
    to_hex(key.b, sizeof key, hex);
    hex[2 * sizeof key] = '\n';
    MR_TRY(mr_text_add(&tmp, "%s.tmp", path));
    unlink(tmp.s);
    fd = open(tmp.s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, hex, sizeof hex - 1) != sizeof hex - 1 || rename(tmp.s, path) != 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", path, strerror(errno));
        unlink(tmp.s);
        goto out;
    }
    *out = key;
out:
    if (fd >= 0) close(fd);
    mr_key_wipe(hex, sizeof hex);
    mr_key_wipe(&key, sizeof key);
    mr_text_fini(&tmp);
    return st;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

mr_status mr_key_read(const char *path, mr_key *out)
{
    mr_status st = MR_OK;
    struct stat sb;
    mr_key key;
    char hex[2 * MR_KEY_BYTES + 1];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) return MR_ECLOSED;
    if (fd < 0) return MR_RAISE(MR_EDENIED, "%s: %s", path, strerror(errno));
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode) || (sb.st_mode & 077)) {
        st = MR_RAISE(MR_EDENIED, "%s: others may read it; it must be its owner's alone", path);
        goto out;
    }
    const ssize_t n = read(fd, hex, sizeof hex);
    bool good = n == sizeof hex && hex[sizeof hex - 1] == '\n';
    for (size_t i = 0; good && i < sizeof key; i++) {
        const int a = digit(hex[2 * i]), b = digit(hex[2 * i + 1]);
        good = a >= 0 && b >= 0;
        if (good) key.b[i] = (unsigned char)(a << 4 | b);
    }
    if (good)
        *out = key;
    else
        st = MR_RAISE(MR_EINPUT, "%s: is no key", path);
out:
    close(fd);
    mr_key_wipe(hex, sizeof hex);
    mr_key_wipe(&key, sizeof key);
    return st;
}
