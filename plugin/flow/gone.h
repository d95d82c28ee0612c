/* SPDX-License-Identifier: MIT */
#ifndef FLOW_GONE_H
#define FLOW_GONE_H

struct context;
struct strs;

/*
 * Apps that were destroyed or renamed while no hook could tell (the plugin was disabled): what is left of them goes, as after post-delete, before another app
 * of that name inherits it. Their certificates stay. `apps`: all there are; without any, the disk may not be mounted, and nothing is done. The store is open.
 * What fails is said and stops nothing.
 */
void gone_forget(struct context *context, const struct strs *apps);

#endif
