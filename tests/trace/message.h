/* SPDX-License-Identifier: MIT */
#ifndef TRACE_MESSAGE_H
#define TRACE_MESSAGE_H

struct buf;
struct strs;
struct verdict;

/* The text of a denial as the CA words it, with the exact moment. */
void message_denied(struct buf *out, const struct verdict *verdict);
/* The text of a pause, up to the link. */
void message_paused(struct buf *out, const struct strs *names);

#endif
