/* SPDX-License-Identifier: MIT */
#ifndef UTIL_ATTR_H
#define UTIL_ATTR_H

#include <stddef.h>

/* The result must be looked at. */
#define MUST_USE __attribute__((warn_unused_result))
/* Checks a printf format: 1-based index of the format and of its first argument. */
#define PRINTF(at, first) __attribute__((format(printf, at, first)))
/* Declares an owner: `AUTO(buf_done) struct buf text = BUF_MAX(100);`. The destructor takes a pointer to it. */
#define AUTO(destructor) __attribute__((cleanup(destructor)))
/* The returned object is released by this function: lets gcc -fanalyzer find leaks and mismatched frees. */
#ifdef __clang__
#define FREED_BY(function)
#else
#define FREED_BY(function) __attribute__((malloc(function, 1)))
#endif
#define NEVER_NULL __attribute__((returns_nonnull))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
