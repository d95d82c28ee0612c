/* SPDX-License-Identifier: MIT */
#ifndef TESTS_STORE_FAULT_H
#define TESTS_STORE_FAULT_H

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Faults in SQLite's writes, and a count of them. Writes to the shared index (-shm) are not looked at: it is memory, made anew by whoever opens first.
 */
static struct {
	long write_count;
	long sync_count;
	long kill_at;   /* dies in the middle of this write, 0 = never */
	bool disk_full; /* no write succeeds */
} fault;

/* Takes the place of libc's for SQLite. */
int fdatasync(int fd)
{
	fault.sync_count++;
	return (int)syscall(SYS_fdatasync, fd);
}

static bool fault_is_shared_index(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t size;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, sizeof(path));
	return size > 4 && memcmp(path + size - 4, "-shm", 4) == 0;
}

static ssize_t fault_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	if (fault_is_shared_index(fd))
		return pwrite(fd, data, size, offset);
	fault.write_count++;
	if (fault.disk_full) {
		errno = ENOSPC;
		return -1;
	}
	if (fault.write_count == fault.kill_at) {
		(void)!pwrite(fd, data, size / 2, offset);
		(void)kill(getpid(), SIGKILL);
	}
	return pwrite(fd, data, size, offset);
}

static void fault_install(void)
{
	sqlite3_vfs *vfs;

	(void)sqlite3_initialize();
	vfs = sqlite3_vfs_find(NULL);
	(void)vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)fault_pwrite);
	(void)vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)fault_pwrite);
}

#endif
