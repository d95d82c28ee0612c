/* SPDX-License-Identifier: MIT */
#include "sys/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/strs.h"

/* Children of a command know who asks (tests/unit/platform has their defaults); a worker, which works for all, does not. */
static void a_worker_is_nobody_s(void **state)
{
	static const char *const dropped[] = {
		"SSH_USER", "SSH_NAME", "NAME", "FINGERPRINT", "LETSENCRYPT_ACTING", "DOKKU_PID", "DOKKU_BUILD_ID", "TMPDIR", "GIT_DIR",
	};
	AUTO_STRS from = { 0 };
	AUTO_STRS env = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(dropped); i++)
		strs_addf(&from, "%s=x", dropped[i]);
	strs_add(&from, "DOKKU_ROOT=/srv/dokku");
	strs_add(&from, "DOKKU_SYSTEM_USER=platform");
	strs_add(&from, "HOME=/root");
	strs_add(&from, "USER=root");
	strs_add(&from, "LOGNAME=root");
	strs_add(&from, "TZ=Europe/Berlin");
	environment_build(strs_argv(&from), ENVIRONMENT_WORKER, &env);
	for (size_t i = 0; i < COUNT(dropped); i++)
		assert_null(environment_get(strs_argv(&env), dropped[i]));
	assert_string_equal(environment_get(strs_argv(&env), "HOME"), "/srv/dokku");
	assert_string_equal(environment_get(strs_argv(&env), "USER"), "platform");
	assert_string_equal(environment_get(strs_argv(&env), "LOGNAME"), "platform");
	assert_string_equal(environment_get(strs_argv(&env), "TZ"), "Europe/Berlin");
}

static void a_child_is_whose_command_it_is(void **state)
{
	AUTO_STRS from = { 0 };
	AUTO_STRS env = { 0 };

	(void)state;
	strs_add(&from, "HOME=/home/alice");
	strs_add(&from, "SSH_NAME=alice");
	environment_build(strs_argv(&from), ENVIRONMENT_CHILD, &env);
	assert_string_equal(environment_get(strs_argv(&env), "HOME"), "/home/alice");
	assert_string_equal(environment_get(strs_argv(&env), "SSH_NAME"), "alice");
	assert_string_equal(environment_get(strs_argv(&env), "USER"), "dokku");
}

static void an_empty_value_is_none(void **state)
{
	char *const from[] = { (char[]){ "A=" }, (char[]){ "AB=1" }, NULL };

	(void)state;
	assert_null(environment_get(from, "A"));
	assert_null(environment_get(from, "B"));
	assert_string_equal(environment_get(from, "AB"), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_is_nobody_s),
		cmocka_unit_test(a_child_is_whose_command_it_is),
		cmocka_unit_test(an_empty_value_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
