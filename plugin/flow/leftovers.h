/* SPDX-License-Identifier: MIT */
#ifndef FLOW_LEFTOVERS_H
#define FLOW_LEFTOVERS_H

struct context;

/*
 * Removes what killed runs left: staged folders, temporary files, token files, keys of orders that led nowhere. Only whoever holds the worker's lock may call these.
 */
void leftovers_sweep_host(struct context *context);
void leftovers_sweep_app(struct context *context, const char *app);
/* Temporary files of what is written without that lock, once they are old: anybody may call it. */
void leftovers_sweep_unlocked(struct context *context);

#endif
