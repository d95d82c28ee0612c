/* SPDX-License-Identifier: MIT */
/*
 * Registered domains by libpsl. The CA (Boulder with weppos/publicsuffix-go) reads the list more strictly in one point: "*.ck" makes suffixes of the names
 * below "ck", but of "ck" itself only a rule of its own does. libpsl takes such a base for a suffix in any case, so the bases without a rule are kept beside it.
 */
#include "budget/domain.h"

#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget/address.h"
#include "budget/names.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/strs.h"
#include "util/text.h"

#define V4_BITS 32
#define V6_BITS 64

struct suffixes {
	psl_ctx_t *psl;
	struct strs hollow; /* bases of wildcard rules without a rule for themselves, sorted */
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has(const struct strs *sorted, const char *text)
{
	return sorted->count > 0 && bsearch(&text, sorted->items, sorted->count, sizeof(*sorted->items), compare) != NULL;
}

/* The rules of a list, sorted: one a line, up to the first white space; "//" starts a comment. */
static void collect_rules(const char *text, size_t size, struct strs *ret_rules)
{
	const char *end = text + size;

	for (const char *line = text; line < end;) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		const char *stop = next != NULL ? next : end;
		size_t length = 0;

		while (line + length < stop && !text_is_space(line[length]))
			length++;
		if (length > 0 && line[0] != '/')
			strs_add_size(ret_rules, line, length);
		line = stop + 1;
	}
	strs_sort(ret_rules);
}

static const char *parent(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot != NULL ? dot + 1 : NULL;
}

/* A rule for `base` itself: its own, or the wildcard of the name above it. */
static bool has_rule(const struct strs *rules, const char *base)
{
	const char *above = parent(base);
	AUTO_FREE char *wildcard = above != NULL ? mem_fmt("*.%s", above) : NULL;

	return has(rules, base) || (wildcard != NULL && has(rules, wildcard));
}

static void collect_hollow(const struct strs *rules, struct strs *ret_hollow)
{
	for (size_t i = 0; i < rules->count; i++) {
		const char *rule = rules->items[i];

		if (text_starts(rule, "*.") && !has_rule(rules, rule + 2))
			strs_add(ret_hollow, rule + 2);
	}
	strs_sort(ret_hollow);
}

void suffixes_free(struct suffixes *suffixes)
{
	if (suffixes == NULL)
		return;
	psl_free(suffixes->psl);
	strs_done(&suffixes->hollow);
	free(suffixes);
}

/* libpsl reads text only through a stream. */
static psl_ctx_t *load(const char *text, size_t size)
{
	AUTO_FREE char *copy = mem_strndup(text, size);
	FILE *stream = fmemopen(copy, size > 0 ? size : 1, "r");

	if (stream == NULL)
		return NULL;
	psl_ctx_t *psl = psl_load_fp(stream);
	fclose(stream);
	return psl;
}

struct suffixes *suffixes_read(const char *text, size_t size, struct err *err)
{
	AUTO_STRS rules = { 0 };

	if (memchr(text, '\0', size) != NULL) {
		err_record(err, ERR_CONFIG, 0, "not a public suffix list: it has NUL bytes");
		return NULL;
	}
	collect_rules(text, size, &rules);
	AUTO_SUFFIXES *suffixes = mem_new(1, sizeof(*suffixes));
	suffixes->psl = load(text, size);
	/* An error page or half a file: every list has a thousand top-level domains and more. */
	if (suffixes->psl == NULL || !has(&rules, "com") || !has(&rules, "org")) {
		err_record(err, ERR_CONFIG, 0, "not a public suffix list: it has no rules for 'com' and 'org'");
		return NULL;
	}
	collect_hollow(&rules, &suffixes->hollow);
	struct suffixes *done = suffixes;
	suffixes = NULL;
	return done;
}

char *domain_registered(const struct suffixes *suffixes, const char *name)
{
	enum name_kind kind = name_kind(name, NULL);

	if (kind == NAME_IPV4 || kind == NAME_IPV6)
		return address_block(name, V4_BITS, V6_BITS);
	/* For a hollow base the rules of the names above it hold. */
	for (const char *above; has(&suffixes->hollow, name) && (above = parent(name)) != NULL; name = above) {
		if (!has(&suffixes->hollow, above) && psl_is_public_suffix(suffixes->psl, above) != 0)
			return mem_strdup(name);
	}
	const char *domain = psl_registrable_domain(suffixes->psl, name);
	return mem_strdup(domain != NULL ? domain : name);
}

void domain_all(const struct suffixes *suffixes, const struct names *names, struct strs *ret_domains)
{
	AUTO_STRS domains = { 0 };

	for (size_t i = 0; i < names->list.count; i++) {
		AUTO_FREE char *domain = domain_registered(suffixes, names->list.items[i]);
		strs_add(&domains, domain);
	}
	strs_sort(&domains);
	for (size_t i = 0; i < domains.count; i++) {
		if (i == 0 || strcmp(domains.items[i], domains.items[i - 1]) != 0)
			strs_add(ret_domains, domains.items[i]);
	}
}
