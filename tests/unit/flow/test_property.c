/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "flow/actions.h"
#include "flow/property.h"
#include "tests/unit/flow/pem.h"
#include "tests/unit/platform/folder.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

#define SYSTEM_LIST "/usr/share/publicsuffix/public_suffix_list.dat"

static const struct {
	const char *key;
	const char *value;
	const char *stored; /* NULL = refused … */
	const char *why;    /* … and what the message contains */
} cases[] = {
	{ "email", "you@example.com", "you@example.com", NULL },
	{ "email", "  you@example.com ", "you@example.com", NULL },
	{ "email", "you", NULL, "'you' is no e-mail address" },
	{ "email", "you@localhost", NULL, "such as you@example.com" },
	{ "email", "you @example.com", NULL, "is no e-mail address" },
	{ "email", "a@b.de\nc@d.de", NULL, "control characters" },
	{ "email", "a@b.de\033[0m", NULL, "control characters" },
	{ "server", "default", "default", NULL },
	{ "server", "production", "default", NULL },
	{ "server", "staging", "staging", NULL },
	{ "server", "https://ca.example.com/directory", "https://ca.example.com/directory", NULL },
	{ "server", "https://localhost:14000/dir", "https://localhost:14000/dir", NULL },
	{ "server", "http://ca.example.com/directory", NULL, "https" },
	{ "server", "ca.example.com", NULL, "the https URL of a CA's directory" },
	{ "server", "https://me:word@ca.example.com/dir", NULL, "a user name or a password" },
	{ "server", "stagin", NULL, "staging" },
	{ "graceperiod", "2592000", "2592000", NULL },
	{ "graceperiod", "30d", "2592000", NULL },
	{ "graceperiod", "12h", "43200", NULL },
	{ "graceperiod", "30 days", NULL, "'30 days' is no duration" },
	{ "graceperiod", "-1", NULL, "a duration such as 30d" },
	{ "graceperiod", "99999d", NULL, "is no duration" },
	{ "key-type", "ec384", "ec384", NULL },
	{ "key-type", "P256", "ec256", NULL },
	{ "key-type", "RSA2048", "rsa2048", NULL },
	{ "key-type", "ec265", NULL, "did you mean 'ec256'?" },
	{ "key-type", "dsa", NULL, "ec256, ec384, rsa2048, rsa3072 or rsa4096" },
	{ "auto-enable", "yes", "true", NULL },
	{ "auto-enable", "false", "false", NULL },
	{ "auto-enable", "maybe", NULL, "'maybe' is neither true nor false" },
	{ "deploy-wait", "2m", "120", NULL },
	{ "deploy-wait", "0", "0", NULL },
	{ "deploy-wait", "600", "600", NULL },
	{ "deploy-wait", "601", NULL, "longer than ten minutes" },
	{ "deploy-wait", "soon", NULL, "'soon' is no duration" },
	{ "profile", "shortlived", "shortlived", NULL },
	{ "profile", "short lived", NULL, "is not one word" },
	{ "preferred-chain", "ISRG Root X1", "ISRG Root X1", NULL },
	{ "eab-kid", "kid-1_a/b=", "kid-1_a/b=", NULL },
	{ "eab-kid", "kid one", NULL, "is not one word" },
	{ "eab-hmac-key", "zWNDZM6eQGHWpSRTPal5eIUYFTu7Ea_V-oguysqZ9wG44nME", "zWNDZM6eQGHWpSRTPal5eIUYFTu7Ea_V-oguysqZ9wG44nME", NULL },
	{ "eab-hmac-key", "YWJjZA==", "YWJjZA", NULL },
	{ "eab-hmac-key", "se+cret", NULL, "base64url" },
	{ "eab-hmac-key", "==", NULL, "base64url" },
	{ "dns-provider", "cloudflare", "cloudflare", NULL },
	{ "dns-provider", "none", "none", NULL },
	{ "dns-provider", "cloud flare", NULL, "is not one word" },
	{ "dns-provider-CF_DNS_API_TOKEN", "any thing: at all", "any thing: at all", NULL },
	{ "dns-provider-CF_DNS_API_TOKEN", "two\nlines", NULL, "control characters" },
	{ "lego-args", "--key-type ec384 --foo", "--key-type ec384 --foo", NULL },
	{ "lego-docker-options", "-v /a:/b", "-v /a:/b", NULL },
	{ "extra-domains", "B.example.com,a.example.com  b.example.com", "b.example.com a.example.com", NULL },
	{ "extra-domains", "192.0.2.1", "192.0.2.1", NULL },
	{ "extra-domains", "*.example.com", NULL, "'*.example.com' is a wildcard" },
	{ "extra-domains", "localhost", NULL, "'localhost'" },
	{ "extra-domains", "under_score.example.com", NULL, "under_score.example.com" },
	{ "extra-domains", ",", NULL, "there is no name in it" },
	{ "ca-certificate", "relative.pem", NULL, "does not start with '/'" },
	{ "ca-certificate", "/nonexistent/ca.pem", NULL, "No such file" },
	{ "ca-certificate", "/", NULL, "absolute path" },
	{ "ca-certificate", "/etc/passwd", NULL, "no certificate" },
	{ "limits", "none", "none", NULL },
	{ "limits", " ca.test=letsencrypt   staging=/etc/x.json ", "ca.test=letsencrypt staging=/etc/x.json", NULL },
	{ "limits", "http://ca.test/=none", NULL, "<server>=<limits>" },
	{ "limits", "ca.test=", NULL, "neither a name nor an absolute path" },
	{ "limits", "  ", NULL, "there is nothing in it" },
	{ "limit-CertificatesPerDomain:example.com", "300/7d", "300/7d", NULL },
	{ "limit-newordersperaccount", "1500/3h", "1500/3h", NULL },
	{ "limit-NewOrdersPerAccount", "1500", NULL, "such as 300/7d or 1500/3h" },
	{ "limit-NewOrdersPerAccount", "0/3h", NULL, "'0' is not a number" },
	{ "group-bots", "pr-*,review-*", "pr-* review-*", NULL },
	{ "group-bots", "PR-*", NULL, "'PR-*' has a character" },
	{ "share-bots", "25%", "25%", NULL },
	{ "share-node.js", "10", "10", NULL },
	{ "share-bots", "0", NULL, "such as 25%" },
	{ "reserve", "0", "0", NULL },
	{ "reserve", "-1", NULL, "'-1' is no such number" },
	{ "public-suffix-list", "none", "none", NULL },
	{ "public-suffix-list", "https://mirror.test/list.dat", "https://mirror.test/list.dat", NULL },
	{ "public-suffix-list", SYSTEM_LIST, SYSTEM_LIST, NULL },
	{ "public-suffix-list", "/etc/passwd", NULL, "'/etc/passwd': not a public suffix list" },
	{ "public-suffix-list", "/nonexistent", NULL, "No such file" },
	{ "public-suffix-list", "http://mirror.test/list.dat", NULL, "https" },
	{ "public-suffix-list", "list.dat", NULL, "the absolute path of a list" },
};

static void values_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		AUTO_FREE char *stored = NULL;
		const struct property *property = property_find(cases[i].key);

		assert_non_null(property);
		assert_ptr_equal(property_need(property->is_global_only ? "--global" : "blog", cases[i].key, &err), property);
		bool is_good = property_normalise(property, cases[i].key, cases[i].value, &stored, &err);
		if (is_good != (cases[i].stored != NULL))
			fail_msg("%s '%s': %s", cases[i].key, cases[i].value, is_good ? stored : err.text);
		if (is_good) {
			assert_string_equal(stored, cases[i].stored);
			continue;
		}
		if (!strstr(err.text, cases[i].why) || !strstr(err.text, cases[i].key))
			fail_msg("%s '%s': %s", cases[i].key, cases[i].value, err.text);
		assert_true(!property->is_secret || !strstr(err.text, cases[i].value));
	}
}

static void long_values_are_refused(void **state)
{
	const struct property *property = property_find("lego-args");
	AUTO_FREE char *value = mem_new(5001, 1);
	AUTO_FREE char *stored = NULL;
	struct err err = { 0 };

	(void)state;
	memset(value, 'x', 5000);
	assert_false(property_normalise(property, "lego-args", value, &stored, &err));
	assert_non_null(strstr(err.text, "longer than 4096 bytes"));
}

static void a_file_of_certificates_is_accepted(void **state)
{
	const struct property *property = property_find("ca-certificate");
	struct folder folder;
	AUTO_FREE char *pem = pem_certificate(1, "ca.example.com", 0, 4000000000);
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *link_path = NULL;
	AUTO_FREE char *stored = NULL;
	AUTO_FREE char *stored_link = NULL;
	struct err err = { 0 };

	(void)state;
	folder_init(&folder);
	folder_write(&folder, "x/ca.pem", pem, 0644);
	path = folder_path(&folder, "x/ca.pem");
	link_path = folder_path(&folder, "x/link.pem");
	assert_int_equal(symlink("ca.pem", link_path), 0);
	assert_true(property_normalise(property, "ca-certificate", path, &stored, &err));
	assert_string_equal(stored, path);
	assert_true(property_normalise(property, "ca-certificate", link_path, &stored_link, &err));
	assert_string_equal(stored_link, link_path);
	folder_done(&folder);
}

static void unknown_keys_get_the_nearest(void **state)
{
	static const struct {
		const char *app, *key, *why;
	} wrong[] = {
		{ "blog", "emial", "Did you mean 'email'?" },
		{ "blog", "grace-period", "Did you mean 'graceperiod'?" },
		{ "blog", "Server", "Did you mean 'server'?" },
		{ "blog", "frobnicate", "There is no 'frobnicate'" },
		{ "blog", "enabled", "dokku letsencrypt:disable blog" },
		{ "blog", "dns-provider-", "the name of a variable" },
		{ "blog", "dns-provider-*", "the name of a variable" },
		{ "blog", "dns-provider-A-B", "the name of a variable" },
		{ "blog", "dns-provider-../x", "the name of a variable" },
		{ "blog", "", "There is no ''" },
		{ "blog", "group-", "'' is no name of a group" },
		{ "blog", "group-*", "'*' is no name of a group" },
		{ "blog", "share-Bots", "in lower case" },
		{ "blog", "share-../x", "no name of a group" },
		{ "blog", "limit", "Did you mean 'limits'?" },
		{ "blog", "limit-*", "there is no limit '*'" },
		{ "blog", "limit-CertificatePerDomain", "did you mean 'CertificatesPerDomain'?" },
		{ "blog", "limit-NewOrdersPerAccount:../../x", "a '/'?" },
		{ "--global", "extra-domains", "belongs to one app" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct err err = { 0 };

		assert_null(property_need(wrong[i].app, wrong[i].key, &err));
		if (!strstr(err.text, wrong[i].why))
			fail_msg("'%s': %s", wrong[i].key, err.text);
		if (strcmp(wrong[i].app, "blog") == 0)
			assert_ptr_equal(strstr(err.text, "Invalid key specified, valid keys include: auto-enable, ca-certificate, deploy-wait, dns-provider, "), err.text);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

static void some_belong_to_the_host(void **state)
{
	static const char *const keys[] = { "limits", "limit-NewOrdersPerAccount", "group-bots", "share-bots", "reserve", "public-suffix-list" };

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		AUTO_FREE char *command = mem_fmt("dokku letsencrypt:set --global %s <value>", keys[i]);
		struct err err = { 0 };

		assert_non_null(property_need("--global", keys[i], &err));
		assert_null(property_need("blog", keys[i], &err));
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.text, "belongs to the whole host"));
		assert_non_null(strstr(err.text, command));
	}
}

static void one_thing_is_stored_under_one_key(void **state)
{
	static const char *const keys[][2] = {
		{ "limit-certificatesPERdomain:Example.COM", "limit-CertificatesPerDomain:example.com" },
		{ "limit-NewOrdersPerAccount:AbC", "limit-NewOrdersPerAccount:AbC" },
		{ "limit-newregistrationsperipv6range:2602:80A:6000::", "limit-NewRegistrationsPerIPv6Range:2602:80a:6000::" },
		{ "email", "email" }, { "group-bots", "group-bots" }, { "dns-provider-CF_Token", "dns-provider-CF_Token" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		AUTO_FREE char *stored = property_stored_key(keys[i][0]);

		assert_string_equal(stored, keys[i][1]);
	}
}

static void secrets_are_known(void **state)
{
	(void)state;
	assert_true(setting_is_secret("eab-hmac-key"));
	assert_true(setting_is_secret("dns-provider-CF_DNS_API_TOKEN"));
	assert_false(setting_is_secret("dns-provider"));
	assert_false(setting_is_secret("email"));
	assert_false(setting_is_secret("unknown"));
}

static void changes_are_explained(void **state)
{
	static const struct {
		const char *key, *value, *note;
	} notes[] = {
		{ "email", "a@b.de", "dokku letsencrypt:enable blog" },
		{ "key-type", NULL, "at the next renewal" },
		{ "server", "staging", "browsers do not trust" },
		{ "graceperiod", "2592000", "would be renewed at every run" },
		{ "graceperiod", "43200", "dokku letsencrypt:set blog graceperiod" },
		{ "graceperiod", NULL, "follows the time that the CA proposes" },
		{ "dns-provider", "cloudflare", "nothing is issued or renewed for blog" },
		{ "auto-enable", "true", "at its next deploy" },
		{ "deploy-wait", "0", "in the background" },
		{ "lego-args", "--key-type ec384 --foo bar", "--foo" },
		{ "limits", "none", "nothing is counted beforehand" },
		{ "limits", NULL, "with the next request" },
		{ "limit-NewOrdersPerAccount", "1500/3h", "only makes it refuse" },
		{ "group-bots", "pr-*", "the first group that fits" },
		{ "group-bots", NULL, "a group of its own again" },
		{ "share-bots", "25%", "for each registered domain" },
		{ "reserve", "5", "certificates that expire or are due" },
		{ "public-suffix-list", "none", "Nothing is fetched any more" },
		{ "public-suffix-list", "/etc/list", "the newest counts" },
		{ "public-suffix-list", NULL, "at most once a month" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(notes); i++) {
		AUTO_STRS said = { 0 };

		property_notes(property_find(notes[i].key), "blog", notes[i].value, &said);
		AUTO_FREE char *text = strs_join(&said, "\n");
		if (!strstr(text, notes[i].note))
			fail_msg("%s: %s", notes[i].key, text);
	}
	AUTO_STRS none = { 0 };
	property_notes(property_find("dns-provider"), "blog", "none", &none);
	assert_int_equal(none.count, 0);
	property_notes(property_find("graceperiod"), "blog", "43200", &none);
	AUTO_FREE char *text = strs_join(&none, "\n");
	assert_null(strstr(text, "every run"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(long_values_are_refused),
		cmocka_unit_test(a_file_of_certificates_is_accepted),
		cmocka_unit_test(unknown_keys_get_the_nearest),
		cmocka_unit_test(some_belong_to_the_host),
		cmocka_unit_test(one_thing_is_stored_under_one_key),
		cmocka_unit_test(secrets_are_known),
		cmocka_unit_test(changes_are_explained),
	};

	return cmocka_run_group_tests_name("flow/property", tests, NULL, NULL);
}
