/* Preloaded into a process, lets chosen calls on chosen files fail while a file is there.

   FAILING_PATHS: a pattern (fnmatch) of the absolute paths; FAILING_CALLS: "write" or "rename";
   FAILING_ERRNO: the error's number; FAILING_TIMES: how often in each process, always unless given;
   FAILING_WHILE: the file, to which each path that failed is appended.
   A disk on which writes fail has no free bytes. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const char *paths, *calls, *while_file;
static int number, times_left = -1;

__attribute__((constructor)) static void read_environment(void)
{
    const char *error = getenv("FAILING_ERRNO");
    if (!getenv("FAILING_PATHS") || !getenv("FAILING_CALLS") || !getenv("FAILING_WHILE") || !error)
        return;
    paths = strdup(getenv("FAILING_PATHS"));
    calls = strdup(getenv("FAILING_CALLS"));
    while_file = strdup(getenv("FAILING_WHILE"));
    number = atoi(error);
    if (getenv("FAILING_TIMES"))
        times_left = atoi(getenv("FAILING_TIMES"));
}

static int fails(const char *call, const char *path)
{
    if (!paths || strcmp(call, calls) || !times_left || fnmatch(paths, path, 0))
        return 0;
    int seen = open(while_file, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (seen < 0)
        return 0;
    syscall(SYS_write, seen, path, strlen(path));
    syscall(SYS_write, seen, "\n", 1);
    close(seen);
    times_left -= times_left > 0;
    errno = number;
    return 1;
}

static int fails_at(int descriptor)
{
    char link[32], path[PATH_MAX];
    if (!paths || strcmp("write", calls))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return fails("write", path);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRITER(name, parameters, ...)                                                    \
    ssize_t name parameters                                                              \
    {                                                                                    \
        return fails_at(to) ? -1 : NEXT(name)(__VA_ARGS__);                              \
    }

WRITER(write, (int to, const void *from, size_t count), to, from, count)
WRITER(pwrite, (int to, const void *from, size_t count, off_t at), to, from, count, at)
WRITER(pwrite64, (int to, const void *from, size_t count, off64_t at), to, from, count, at)
WRITER(writev, (int to, const struct iovec *from, int count), to, from, count)
WRITER(copy_file_range, (int in, off64_t *from, int to, off64_t *at, size_t count, unsigned flags),
       in, from, to, at, count, flags)

ssize_t sendfile(int to, int from, off_t *at, size_t count);
ssize_t sendfile64(int to, int from, off64_t *at, size_t count);
WRITER(sendfile, (int to, int from, off_t *at, size_t count), to, from, at, count)
WRITER(sendfile64, (int to, int from, off64_t *at, size_t count), to, from, at, count)

int rename(const char *from, const char *to)
{
    return fails("rename", to) ? -1 : NEXT(rename)(from, to);
}

int renameat(int at, const char *from, int there, const char *to)
{
    return fails("rename", to) ? -1 : NEXT(renameat)(at, from, there, to);
}

#define ROOM(name)                                                                       \
    int name(const char *path, struct name *found)                                       \
    {                                                                                    \
        int result = NEXT(name)(path, found);                                            \
        if (!result && paths && !strcmp("write", calls) && number == ENOSPC && !access(while_file, F_OK)) \
            found->f_bavail = 0;                                                         \
        return result;                                                                   \
    }

ROOM(statvfs)
ROOM(statvfs64)

/* SWINGING_CLOCK: the wall clock is this many seconds fast and slow in turn, each for three seconds. */
static time_t swung(time_t second)
{
    const char *seconds = getenv("SWINGING_CLOCK");
    return !seconds ? second : second / 3 % 2 ? second + atoi(seconds) : second - atoi(seconds);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = NEXT(clock_gettime)(clock, now);
    if (!result && clock == CLOCK_REALTIME)
        now->tv_sec = swung(now->tv_sec);
    return result;
}

int gettimeofday(struct timeval *now, void *zone)
{
    int result = NEXT(gettimeofday)(now, zone);
    if (!result)
        now->tv_sec = swung(now->tv_sec);
    return result;
}

time_t time(time_t *to)
{
    time_t now = swung(NEXT(time)(NULL));
    if (to)
        *to = now;
    return now;
}
