/* SPDX-License-Identifier: MIT */
/* The two properties that spoke to the old plugin's client, read as wishes to this one. */
#include "flow/lego.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

#define ENV "--env="
#define TRUSTED "LEGO_CA_CERTIFICATES="

/* A flag of lego's that we can follow. `--pem` and the like ask for what is done anyway: `offset` SIZE_MAX. */
struct flag {
	const char *name;
	bool has_value;
	size_t offset;
};

static const struct flag flags[] = {
	{ "--key-type", true, offsetof(struct lego_wishes, key_type) },
	{ "-k", true, offsetof(struct lego_wishes, key_type) },
	{ "--preferred-chain", true, offsetof(struct lego_wishes, preferred_chain) },
	{ "--profile", true, offsetof(struct lego_wishes, profile) },
	{ "--kid", true, offsetof(struct lego_wishes, eab_kid) },
	{ "--hmac", true, offsetof(struct lego_wishes, eab_hmac_key) },
	{ "--eab", false, SIZE_MAX },
	{ "--dns.resolvers", true, SIZE_MAX },
	{ "--accept-tos", false, SIZE_MAX },
	{ "-a", false, SIZE_MAX },
	{ "--pem", false, SIZE_MAX },
};

void lego_wishes_done(struct lego_wishes *wishes)
{
	char **fields[] = { &wishes->key_type, &wishes->preferred_chain, &wishes->profile, &wishes->ca_certificate, &wishes->eab_kid };

	for (size_t i = 0; i < COUNT(fields); i++) {
		free(*fields[i]);
		*fields[i] = NULL;
	}
	if (wishes->eab_hmac_key)
		explicit_bzero(wishes->eab_hmac_key, strlen(wishes->eab_hmac_key));
	free(wishes->eab_hmac_key);
	wishes->eab_hmac_key = NULL;
}

static const struct flag *find_flag(const char *word, size_t size)
{
	for (size_t i = 0; i < COUNT(flags); i++)
		if (strlen(flags[i].name) == size && strncmp(flags[i].name, word, size) == 0)
			return &flags[i];
	return NULL;
}

static void wish(struct lego_wishes *wishes, size_t offset, const char *value)
{
	char **field = (char **)(void *)((char *)wishes + offset);

	free(*field);
	*field = mem_strdup(value);
}

static void read_args(const struct strs *words, struct lego_wishes *ret_wishes, struct strs *ret_ignored)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i];
		const char *equals = strchr(word, '=');
		const struct flag *flag = find_flag(word, equals ? (size_t)(equals - word) : strlen(word));
		const char *value = equals ? equals + 1 : NULL;

		if (!flag || (flag->has_value && !value && i + 1 == words->count)) {
			strs_add(ret_ignored, word);
			continue;
		}
		if (flag->has_value && !value)
			value = words->items[++i];
		if (flag->offset != SIZE_MAX && value)
			wish(ret_wishes, flag->offset, value);
	}
}

/* Whether the word is "-e", "--env", "-eNAME=value" or "--env=NAME=value"; *ret_skip: where the variable begins in it, its end = it is the next word. */
static bool sets_variable(const char *word, size_t *ret_skip)
{
	if (strcmp(word, "--env") != 0 && !text_starts(word, ENV) && !text_starts(word, "-e"))
		return false;
	*ret_skip = text_starts(word, ENV) ? strlen(ENV) : strcmp(word, "--env") == 0 ? strlen(word) : strlen("-e");
	return true;
}

/* LEGO_CA_CERTIFICATES is the only one that means something without a container. */
static void read_docker_options(const struct strs *words, struct lego_wishes *ret_wishes, struct strs *ret_ignored)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *variable = words->items[i];
		size_t skip = 0;

		if (!sets_variable(variable, &skip)) {
			strs_add(ret_ignored, variable);
			continue;
		}
		variable += skip;
		if (!*variable && i + 1 < words->count)
			variable = words->items[++i];
		if (text_starts(variable, TRUSTED))
			wish(ret_wishes, offsetof(struct lego_wishes, ca_certificate), variable + strlen(TRUSTED));
		else
			strs_addf(ret_ignored, "-e %.*s", (int)strcspn(variable, "="), variable);
	}
}

bool lego_has_secret(const char *text)
{
	AUTO_STRS words = { 0 };
	bool is_variable = false; /* what stands apart from its option */

	strs_split(&words, text, " \t\n");
	for (size_t i = 0; i < words.count; i++) {
		const char *word = words.items[i];
		size_t skip = 0;

		if (text_starts(word, "--hmac"))
			return true;
		if (sets_variable(word, &skip)) {
			word += skip;
			is_variable = true;
		}
		if (is_variable && strchr(word, '=') && !text_starts(word, TRUSTED))
			return true;
		is_variable = is_variable && !*word;
	}
	return false;
}

void lego_read(const char *args, const char *docker_options, struct lego_wishes *ret_wishes, struct strs *ret_ignored)
{
	AUTO_STRS arg_words = { 0 };
	AUTO_STRS docker_words = { 0 };

	strs_split(&arg_words, args ? args : "", " \t\n");
	strs_split(&docker_words, docker_options ? docker_options : "", " \t\n");
	read_args(&arg_words, ret_wishes, ret_ignored);
	read_docker_options(&docker_words, ret_wishes, ret_ignored);
}
