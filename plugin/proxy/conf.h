/* SPDX-License-Identifier: MIT */
#ifndef PROXY_CONF_H
#define PROXY_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "util/strs.h"

/* nginx's configuration language, as far as words, directives and blocks go: quotes, escapes and comments as nginx reads them. */

enum conf_end {
	CONF_STATEMENT,   /* words; */
	CONF_BLOCK_OPEN,  /* words { */
	CONF_BLOCK_CLOSE  /* } */
};

struct conf_directive {
	struct strs words;
	enum conf_end end;
	size_t start, after; /* where it stands in the text: from its first word until after its ';', '{' or '}' */
	size_t depth;        /* blocks that are open around it */
	bool is_in_server;   /* directly within a server block */
};
void conf_directive_done(struct conf_directive *directive);

struct conf_scan {
	const char *text;
	size_t at;
	size_t depth;
	size_t server_depth; /* depth within the server block that is open, 0 = none */
};

/* The next directive, whose former words are released; false at the end of the text, or where it is no configuration any more. Start with { .text = … }. */
bool conf_next(struct conf_scan *scan, struct conf_directive *ret_directive);

#endif
