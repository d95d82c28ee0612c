/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_PLATFORM_TREE_H
#define TESTS_UNIT_PLATFORM_TREE_H

/* A host in a folder: a plugn that records what it is asked, and a platform opened on it. */

#include "tests/unit/platform/folder.h"

#include "platform/platform.h"
#include "sys/loop.h"

struct tree {
	struct folder folder;
	char *old_path;
	struct loop *loop;
	struct strs env; /* what platform_open gets */
	struct platform *platform;
	struct err err;
};

static inline void tree_open(struct tree *tree)
{
	platform_close(tree->platform);
	tree->platform = platform_open(tree->loop, strs_argv(&tree->env), &tree->err);
	assert_non_null(tree->platform);
}

/* plugn writes "trigger words…" to calls, its environment to env and its folder to cwd, then does what the script plugn.d/<trigger> says. */
static inline int tree_setup(void **state)
{
	static const char plugn[] = "#!/bin/sh\nhere=${0%/bin/plugn}\necho \"$*\" >> $here/calls\nenv > $here/env\npwd > $here/cwd\n"
		"[ ! -e $here/plugn.d/$2 ] || . $here/plugn.d/$2\n";
	struct tree *tree = mem_new(1, sizeof(*tree));

	folder_init(&tree->folder);
	folder_make(&tree->folder, "home");
	folder_make(&tree->folder, "lib/plugins/enabled");
	folder_write(&tree->folder, "bin/plugn", plugn, 0755);
	tree->old_path = mem_strdup(getenv("PATH"));
	AUTO_FREE char *path = mem_fmt("%s/bin:%s", tree->folder.path, tree->old_path);
	(void)setenv("PATH", path, 1);
	strs_addf(&tree->env, "PATH=%s", path);
	strs_addf(&tree->env, "DOKKU_ROOT=%s/home", tree->folder.path);
	strs_addf(&tree->env, "DOKKU_LIB_ROOT=%s/lib", tree->folder.path);
	tree->loop = loop_new();
	tree_open(tree);
	*state = tree;
	return 0;
}

static inline int tree_teardown(void **state)
{
	struct tree *tree = *state;

	platform_close(tree->platform);
	loop_free(tree->loop);
	strs_done(&tree->env);
	(void)setenv("PATH", tree->old_path, 1);
	free(tree->old_path);
	folder_done(&tree->folder);
	free(tree);
	return 0;
}

#define TREE_TEST(function) cmocka_unit_test_setup_teardown(function, tree_setup, tree_teardown)

#endif
