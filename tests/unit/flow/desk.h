/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FLOW_DESK_H
#define TESTS_UNIT_FLOW_DESK_H

/* A host in a folder with one app "blog", a context on it, and a note of all that is said. */

#include "tests/unit/flow/pem.h"
#include "tests/unit/platform/tree.h"

#include "crypto/cert.h"
#include "flow/context.h"
#include "store/store.h"

struct desk {
	struct tree *tree;
	struct context context;
	struct strs said; /* "info2 blog: text" */
	struct err err;
};

static inline void desk_note(void *ctx, enum talk_kind kind, const char *app, const char *text)
{
	static const char *const kinds[] = { "info1", "info2", "verbose", "warn", "step", "end" };
	struct desk *desk = ctx;

	strs_addf(&desk->said, "%s %s: %s", kinds[kind], app ? app : "-", text);
}

static inline int desk_setup(void **state)
{
	struct desk *desk = mem_new(1, sizeof(*desk));
	void *tree = NULL;

	(void)tree_setup(&tree);
	desk->tree = tree;
	folder_write(&desk->tree->folder, "home/blog/VHOST", "blog.example.com\n", 0644);
	assert_true(context_open(&desk->context, strs_argv(&desk->tree->env), (struct talk){ desk_note, desk }, &desk->err));
	*state = desk;
	return 0;
}

static inline int desk_teardown(void **state)
{
	struct desk *desk = *state;
	void *tree = desk->tree;

	(void)unsetenv("LETSENCRYPT_TEST_CLOCK");
	context_close(&desk->context);
	strs_done(&desk->said);
	(void)tree_teardown(&tree);
	free(desk);
	return 0;
}

/* The host's clocks: "<moment> <seconds since boot>". */
static inline void desk_set_clock(struct desk *desk, const char *content)
{
	AUTO_FREE char *path = folder_path(&desk->tree->folder, "lib/clock");

	folder_write(&desk->tree->folder, "lib/clock", content, 0644);
	assert_int_equal(setenv("LETSENCRYPT_TEST_CLOCK", path, 1), 0);
}

#define DESK_TEST(function) cmocka_unit_test_setup_teardown(function, desk_setup, desk_teardown)

static inline bool desk_has(const struct desk *desk, const char *name)
{
	AUTO_FREE char *path = folder_path(&desk->tree->folder, name);

	return access(path, F_OK) == 0;
}

/* Puts a certificate into tls/ of the app; `is_ours`: as if we had installed it. */
static inline void desk_install(struct desk *desk, const char *app, int64_t until_at, bool is_ours)
{
	AUTO_FREE char *pem = pem_certificate(7, "blog.example.com", until_at - (int64_t)90 * 86400, until_at);
	AUTO_FREE char *cert_name = mem_fmt("home/%s/tls/server.crt", app);
	AUTO_FREE char *key_name = mem_fmt("home/%s/tls/server.key", app);
	AUTO_FREE char *copy_name = mem_fmt("home/%s/tls/server.letsencrypt.crt", app);
	char leaf[65];

	folder_write(&desk->tree->folder, cert_name, pem, 0640);
	folder_write(&desk->tree->folder, key_name, "a key", 0640);
	if (!is_ours)
		return;
	folder_write(&desk->tree->folder, copy_name, pem, 0640);
	assert_true(cert_leaf_sha256(pem, leaf, &desk->err));
	struct store *store = context_store(&desk->context, &desk->err);
	assert_non_null(store);
	AUTO_STRS names = { 0 };
	strs_add(&names, "blog.example.com");
	char empty[] = "";
	char type[] = "ec256";
	char issuer[] = "CN=Test CA";
	const struct store_cert row = {
		.leaf = leaf, .server = empty, .account_url = empty, .profile = empty, .key_type = type, .names = names, .issuer = issuer,
		.ari_id = empty, .not_before_at = until_at - (int64_t)90 * 86400, .not_after_at = until_at, .window_url = empty,
	};
	assert_true(store_cert_put(store, &row, &desk->err));
	assert_true(store_app_uses(store, app, leaf, &desk->err));
}

static inline void assert_said(const struct desk *desk, const char *expected)
{
	AUTO_FREE char *said = strs_join(&desk->said, "\n");

	assert_string_equal(said, expected);
}

/* What plugn was asked, as lines without "trigger ". */
static inline void assert_triggers(const struct desk *desk, const char *expected)
{
	AUTO_FREE char *calls = folder_read(&desk->tree->folder, "calls");

	assert_string_equal(calls, expected);
}

#endif
